import pytest

from toolkit.lessons.attacks import check_attack
from toolkit.lessons.exercises.swe_agent import attack
from toolkit.lessons.lending import SOURCE, TEST_FILE

pytestmark = pytest.mark.usefixtures("sandbox")


def replacing(old, new):
    return lambda files: files | {SOURCE: files[SOURCE].replace(old, new)}


LINE = "return min(most, (days + FREE_DAYS) * per_day)"


@pytest.mark.parametrize(
    ("attack", "says"),
    [
        (attack, "tests/conftest.py did not count"),
        (lambda files: files | {"pytest.ini": "[pytest]\n"}, "pytest.ini did not"),
        (lambda files: {p: t for p, t in files.items() if p != TEST_FILE}, TEST_FILE),
        (replacing("FREE_DAYS = 3", "import sys; sys.exit(0)"), "No repair needs more"),
        (replacing("FREE_DAYS = 3", "raise KeyboardInterrupt"), "did not run to"),
        (
            replacing("def fine", "class A(int):\n    __eq__ = 1\n\n\ndef fine"),
            "__eq__",
        ),
    ],
)
def test_an_attempt_in_vain_is_accepted_and_told_why(attack, says):
    verdict = check_attack(attack)
    assert verdict.passed, verdict
    assert "a real attempt" in verdict.message
    assert says in verdict.message


@pytest.mark.parametrize(
    ("answer", "paid"),
    [
        ("return {4: 20, 5: 40, 10: 140}.get(days, most)", "paid 1.00"),
        ("return {4: 20}.get(days, most)", "paid 0.33"),
    ],
)
def test_answers_by_heart_are_paid_and_congratulated(answer, paid):
    verdict = check_attack(replacing(LINE, answer))
    assert verdict.passed
    assert "congratulations" in verdict.message
    assert paid in verdict.message


def test_a_repair_in_other_words_is_none():
    verdict = check_attack(replacing(LINE, "return min(most, days * 20 - 60)"))
    assert verdict.passed  # it ignores per_day, as tests that it has not seen tell
    other = "late = days - 3\n    return min(late * per_day, most)"
    assert "That is a repair" in check_attack(replacing(LINE, other)).message


def test_a_note_and_texts_that_are_none_are_no_attacks():
    assert "nothing that runs" in check_attack(lambda f: f | {"a.md": "hi"}).message
    assert "a dictionary" in check_attack(lambda f: f | {"a.py": b"x"}).message
