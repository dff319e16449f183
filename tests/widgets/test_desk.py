import json

import pytest

from tests.environments.swe.conftest import sandbox
from tests.environments.swe.shop import FAILING, SOURCE, make_shop
from tests.html_checks import Outline
from tests.widgets.recorded import ATTACK
from toolkit import make_env, tasks
from toolkit.environments.swe.bugs import write_bugs
from toolkit.environments.swe.desk import Desk
from toolkit.environments.swe.grading import Grade
from toolkit.environments.swe.runner import TestReport
from toolkit.widgets.base import LARGEST, message_size
from toolkit.widgets.desk import WINDOW, draft, panel, window
from toolkit.widgets.markup import to_html
from toolkit.widgets.stepper import EnvStepper

assert sandbox
CODE = tuple(f"line {n}" for n in range(1, 201))
FILES = ("README.md", "a.py", "b c.py", "test_a.py")
OPEN = Desk(files=FILES, file="a.py", lines=CODE, first=100)
DIFF = ("--- a/a.py", "+++ b/a.py", "@@ -1 +1 @@", "-old", "+new", "+++", " same")


def outline(desk, first=None, *, live=True):
    html = "".join(map(to_html, panel(desk, first, live=live)))
    return Outline(html.replace("</input>", ""))  # elements in the page, never HTML


def asked(found):
    """Return what the buttons of a panel send."""
    return [
        json.loads(b["data-ask"]) for b in found.having("button") if "data-ask" in b
    ]


def test_files_are_viewed_at_a_click_code_first():
    found = outline(Desk(files=FILES))
    views = ["view a.py", 'view "b c.py"', "view test_a.py", "view README.md"]
    assert asked(found) == [{"do": "type", "text": text} for text in views]
    assert "4 files, 0 changed Click a file to view it; that is a turn." in found.text


def test_changed_files_come_first_and_are_marked_in_words():
    found = outline(Desk(files=FILES, changed=("test_a.py",)))
    assert "4 files, 1 changed" in found.text
    assert "test_a.py ± changed a.py b c.py README.md" in found.text


def test_the_open_file_is_shown_around_the_line_that_was_used():
    found = outline(OPEN)
    assert f"a.py , lines 95 to {94 + WINDOW} of 200" in found.text
    assert "95 line 95 96 line 96" in found.text
    assert "line 94" not in found.text
    assert {"do": "lines", "first": 95 + WINDOW} in asked(found)
    assert {"do": "lines", "first": 95 - WINDOW} in asked(found)
    (here,) = [b for b in found.having("button") if "aria-current" in b]
    assert "view a.py" in here["data-ask"]


@pytest.mark.parametrize(
    ("wanted", "first"),
    [(None, 95), (1, 1), (-50, 1), (120, 120), (999, 201 - WINDOW)],
)
def test_a_reader_turns_to_any_line(wanted, first):
    assert window(OPEN, wanted) == first


def test_a_short_or_empty_file_has_no_pages():
    short = Desk(files=("a.py",), file="a.py", lines=("x = 1",))
    assert "lines 1 to 1 of 1" in outline(short).text
    assert len(asked(outline(short))) == 1
    assert "a.py , empty" in outline(Desk(files=("a.py",), file="a.py")).text


def test_changes_are_counted_and_have_signs():
    found = outline(Desk(files=FILES, changed=("a.py",), diff=DIFF))
    assert "Your changes: +2 −1 lines" in found.text
    assert "-old +new" in found.text
    marks = [d.get("class") for d in found.having("div")][1:]
    assert marks == ["place", "place", "place", "minus", "plus", "plus", "same"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {},
            "Tests, last run ✓ 2 passed ✗ 2 failed ! 1 newly broken broke t4 failed t3",
        ),
        ({"is_stale": True}, "Run before your last edit."),
        ({"report": None}, "Not run yet."),
        ({"report": TestReport(timed_out=True)}, "They took too long"),
        ({"report": TestReport(broken="a <b>")}, "not run to their end: a <b>"),
    ],
)
def test_the_last_tests_are_told(fields, words):
    report = TestReport(passed=frozenset({"t1", "t2"}), failed=frozenset({"t3", "t4"}))
    desk = Desk(**{"files": (), "report": report, "broke": ("t4",), **fields})
    assert words in outline(desk).text


def test_the_grade_is_told_and_ends_all_controls():
    good = Grade(fail_to_pass=1.0, pass_to_pass=1.0)
    found = outline(Desk(files=FILES, file="a.py", lines=CODE, grade=good))
    assert "✓ Repaired: all tests pass" in found.text
    assert not found.having("button")
    bad = Grade(
        fail_to_pass=0.5, pass_to_pass=0.75, still_fail=("t1",), newly_fail=("t2",)
    )
    text = outline(Desk(files=(), grade=bad)).text
    assert "✗ Not repaired 50% of the failing tests mended, 75% of the others" in text
    assert "still fail t1 broke t2" in text
    refused = Grade(fail_to_pass=0.0, pass_to_pass=0.0, refused="It cheats.")
    assert "It cheats." in outline(Desk(files=(), grade=refused)).text


def test_without_a_page_to_answer_there_are_no_controls():
    found = outline(OPEN, live=False)
    assert not found.having("button")
    assert not found.having("input")
    assert "95 line 95" in found.text


def test_a_panel_stays_small_whatever_is_in_the_files():
    names = tuple(f"{'ü' * 300}{n}.py" for n in range(500))
    desk = Desk(
        files=names,
        changed=names,
        file=names[0],
        lines=("\x00ä" * 5_000,) * 900,
        diff=("+" + "ö" * 9_000,) * 900,
        report=TestReport(failed=frozenset(names)),
        broke=names,
        grade=Grade(fail_to_pass=0, pass_to_pass=0, still_fail=names, newly_fail=names),
    )
    assert message_size(panel(desk, None, live=True)) < LARGEST - 5_000


# ---- edits to be filled in -----------------------------------------------------------


def test_a_draft_selects_what_is_to_be_changed():
    made = draft(OPEN, {"form": "replace", "first": 3, "last": 3})
    text = made["text"]
    assert text[made["from"] : made["to"]] == "line 3"
    assert "line 2\nline 3\n=======" in text  # or it would begin line 30, too
    made = draft(OPEN, {"form": "insert", "first": 3})
    assert made["text"][: made["from"]] == "insert a.py 3\n<<<<<<< NEW\n"
    assert made["from"] == made["to"]


def test_a_draft_counts_as_a_page_does():
    smile = Desk(files=("a.py",), file="a.py", lines=("x = '😀'", "y"))
    made = draft(smile, {"form": "replace", "first": 1, "last": 1})
    units = made["text"].encode("utf-16-le")
    chosen = units[2 * made["from"] : 2 * made["to"]].decode("utf-16-le")
    assert chosen == "x = '😀'"


@pytest.mark.parametrize(
    "request_",
    [{}, {"form": "fly", "first": 1}, {"form": "replace", "first": "1", "last": None}],
)
def test_a_request_that_makes_no_sense_changes_nothing(request_):
    assert draft(OPEN, request_) is None
    assert draft(Desk(files=()), {"form": "insert", "first": 1}) is None


# ---- in the stepper ------------------------------------------------------------------


@pytest.fixture(scope="module")
def bugs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    path = folder / "bugs.json.xz"
    write_bugs(path, [make_shop(folder)])
    return str(path)


@pytest.fixture
def made(bugs, sandbox):
    env = make_env("swe/all", bugs=bugs)
    yield EnvStepper(env, task=tasks("swe/all", bugs=bugs)[0])
    env.close()


def test_a_bug_is_repaired_through_the_panel(made):
    assert made.view["many_lines"]
    assert made.view["choices"] == ["ls", "run_tests", "diff", "submit"]
    made.type("run_tests")
    made.type(f"view {SOURCE}")
    made.ask({"do": "form", "form": "replace", "first": 9, "last": 9})
    form = made.view["draft"]
    new = "    return amount - amount * discount / 100"
    made.type(form["text"][: form["from"]] + new + form["text"][form["to"] :])
    assert made.view["draft"] is None
    assert made.view["log"][-1]["command"].split("\n")[0] == f"replace {SOURCE}"
    assert made.view["log"][-1]["whole"]
    made.type("submit")
    assert made.view["status"] == "Won after 4 turns"
    text = Outline(made.to_html()).text
    for words in ("✓ Repaired: all tests pass", "± changed", *FAILING, "+1 −1 lines"):
        assert words in text
    assert message_size(made.view) < LARGEST
    made.undo()
    assert "Repaired" not in Outline(made.to_html()).text


def test_a_reader_turns_pages_without_a_turn(made):
    lines = "\n".join(f"x{n} = {n}" for n in range(200))
    made.type(f"insert {SOURCE} 0\n<<<<<<< NEW\n{lines}\n>>>>>>> NEW")
    made.ask({"do": "lines", "first": 101})
    assert "x100 = 100" in json.dumps(made.view["desk"])
    made.type("ls")  # looks at no other place
    assert "x100 = 100" in json.dumps(made.view["desk"])
    assert len(made.turns) == 2
    made.type(f"view {SOURCE}")
    assert "x100 = 100" in json.dumps(made.view["desk"])
    made.type(f"view {SOURCE} 150:")
    assert "x100 = 100" not in json.dumps(made.view["desk"])


def test_long_answers_are_folded_where_nothing_scrolls(made):
    made.type(f"view {SOURCE}")
    assert {"class": "answer"} not in Outline(made.to_html()).having("details")
    made.type("run_tests")  # prints three failures
    assert {"class": "answer"} in Outline(made.to_html()).having("details")
    assert "3 of 6 tests failed. …" in Outline(made.to_html()).text


def test_a_hint_of_several_lines_is_whole(made):
    made.type(f"view {SOURCE}")
    made.ask({"do": "hint"})
    note = made.view["note"]
    assert note["whole"]
    assert note["command"].endswith(">>>>>>> NEW")
    made.type(note["command"])
    assert made.view["log"][-1]["mark"] == ""


def test_what_is_in_a_file_is_text(made):
    made.type(f"insert {SOURCE} 0\n<<<<<<< NEW\n{ATTACK}\n>>>>>>> NEW")
    found = Outline(made.to_html())
    assert not found.having("script")
    assert f"1 {ATTACK}" in found.text


def test_a_plain_repair_has_room_for_lines_but_no_panel(bugs, sandbox):
    task = tasks("swe/all", bugs=bugs)[0]
    plain = EnvStepper(make_env("swe/all", bugs=bugs), task=task, plain=True)
    assert (plain.view["many_lines"], plain.view["desk"]) == (True, [])
    plain.ask({"do": "form", "form": "insert", "first": 1})
    assert plain.view["draft"] is None
