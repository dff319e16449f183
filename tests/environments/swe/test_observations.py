from tests.environments.swe.shop import FAILING, make_shop
from toolkit.environments.swe.grading import Grade
from toolkit.environments.swe.observations import (
    error_text,
    failures,
    grade_text,
    report_text,
    steady,
    task_text,
)
from toolkit.environments.swe.runner import TestReport
from toolkit.errors import ActionError

OUTPUT = """\
F.F
=================================== FAILURES ===================================
____________________________ test_discount[50-50] ______________________________
tests/test_prices.py:15: in test_discount
    assert total([60, 40], discount) == left
E   assert 150.0 == 50
E    +  where 150.0 = total([60, 40], 50)
______________________________ TestShop.test_half ______________________________
E   AssertionError: <Shop object at 0x7f33a0c1d2e0>
2 failed, 1 passed in 0.12s
"""
REPORT = TestReport(
    failed=frozenset([FAILING[0], FAILING[2]]),
    passed=frozenset(["tests/test_prices.py::test_plain"]),
    output=OUTPUT,
)


def test_what_differs_from_run_to_run_is_taken_out():
    text = "at 0x7F00AB12CD in /tmp/pytest-of-root/pytest-12/a0 and /tmp/tmp8fk2_xyz/b"
    assert steady(text) == "at 0x… in /tmp/a0 and /tmp/…/b"
    assert steady("2 failed in 75.20s (0:01:15)") == "2 failed in a moment"
    assert steady("<Mock id='140052917878928'>") == "<Mock id=…>"
    assert steady("id=12 and grid=1234567890") == "id=12 and grid=1234567890"
    assert steady("0xff is 255") == "0xff is 255"


def test_what_failed_tests_say_first():
    assert failures(REPORT) == {
        FAILING[0]: "AssertionError: <Shop object at 0x…>",
        FAILING[2]: "assert 150.0 == 50",
    }


def test_the_task_shows_some_tests_and_files(tmp_path):
    bug = make_shop(tmp_path)
    files = [f"shop/{i}.py" for i in range(100)]
    text = task_text(bug, {FAILING[0]: "reason"}, files, "text", 10)
    assert f"- {FAILING[0]}: reason\n- {FAILING[1]}\n" in text
    assert "[40 more files; ls shows them]" in text
    assert "within 10 turns" in text


def test_runs_of_tests_in_words():
    text = report_text(REPORT, "", 300)
    assert text.startswith(f"2 of 3 tests failed.\n- {FAILING[0]}\n- {FAILING[2]}\n")
    assert "0x7f33a0c1d2e0" not in text
    assert text.endswith("more lines left out]")
    assert report_text(TestReport(passed=frozenset("a")), "", 300) == "1 test passed."
    assert report_text(TestReport(), "x", 300).startswith("No test ran for 'x'.")
    late = TestReport(timed_out=True, broken="stopped after 8 s")
    assert "something may hang" in report_text(late, "", 300)
    many = TestReport(failed=frozenset(f"t{i:03}" for i in range(300)))
    assert "- and 280 more\n" in report_text(many, "", 300)


def test_grades_and_errors_in_words():
    good = Grade(fail_to_pass=1.0, pass_to_pass=1.0)
    assert grade_text(good) == "You have repaired it: all tests pass."
    bad = Grade(
        fail_to_pass=0.5, pass_to_pass=0.5, still_fail=("a",), newly_fail=("b", "c")
    )
    assert grade_text(bad) == (
        "Not repaired: 1 tests still fail, such as a; "
        "2 tests fail that passed before, such as b."
    )
    refused = Grade(fail_to_pass=0.0, pass_to_pass=0.0, refused="The tests hang.")
    assert grade_text(refused) == "Your repair earns nothing. The tests hang."
    assert error_text(ActionError("what", "", "fix")) == "what\nfix"
