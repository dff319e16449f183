import nbformat
import pytest

from toolkit.errors import ConfigError
from toolkit.lessons import masters
from toolkit.lessons.exercises.credit import EXERCISES
from toolkit.lessons.masters import convert, note_facts, stubs

STUB = "def leave_one_out(returns):\n    return returns  # mend this line"
REFERENCE = EXERCISES[0].source


def code(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def change(master, old, new):
    text = master.read_text(encoding="utf-8")
    assert old in text
    master.write_text(text.replace(old, new), encoding="utf-8")


def test_conversion_is_the_same_every_time(master):
    first, second = convert(master), convert(master)
    assert nbformat.writes(first) == nbformat.writes(second)
    nbformat.validate(first)
    assert first.cells[2].metadata == {"tags": ["expected", "end-state"]}
    assert "\n    %pip install nothing" in code(first)[-1].source


def test_learners_find_the_stub_and_the_solution_has_the_reference(master):
    learner, solution = (code(convert(master, solved=s))[2] for s in (False, True))
    assert STUB in learner.source
    assert learner.source.replace(STUB, REFERENCE) == solution.source
    assert stubs(master) == {"leave_one_out": STUB}


def test_what_is_no_answer_is_the_same_in_both(master):
    learner, solution = convert(master), convert(master, solved=True)
    assert [c.source for c in code(learner)[:2]] == [
        c.source for c in code(solution)[:2]
    ]


def test_instructors_notes_are_in_no_notebook(master):
    for solved in (False, True):
        text = nbformat.writes(convert(master, solved=solved))
        assert "Plan for" not in text
        assert "guide" not in str([c.metadata for c in convert(master).cells])


def test_an_exercise_is_numbered_and_described(master):
    words = convert(master).cells[3].source
    assert words.startswith("## Now you\n\n**Exercise 1** (difficulty 1 of 5,")
    assert words.endswith("\n\nThe others' mean.")


def test_badges_and_links_lead_from_where_the_notebook_is(master):
    first, solved = (convert(master, solved=s).cells[0].source for s in (False, True))
    assert "/tutorials/04_credit.ipynb)" in first
    assert "/tutorials/solutions/04_credit.ipynb)" in solved
    assert "![A line that rises](pictures/04_credit.svg)" in first
    assert "![A line that rises](../pictures/04_credit.svg)" in solved
    assert "(../guides/04_credit.md)" in solved


def test_the_budget_is_what_was_measured(master):
    assert "It takes what is not measured yet." in convert(master).cells[0].source
    note_facts("04_credit", smoke={"seconds": 31.0, "memory_mb": 1210})
    said = "a minute of your time. It takes 40 s on two CPU cores, 1.3 GB of memory"
    assert said in convert(master).cells[0].source
    note_facts("04_credit", t4={"seconds": 600})
    assert "On a T4: 10 minutes." in convert(master).cells[0].source
    assert masters.facts_of("04_credit")["smoke"]["seconds"] == 31.0


def test_a_workbench_is_beside_its_master_and_has_no_solution(tmp_path):
    path = tmp_path / "notebooks" / "play.py"
    assert masters.learner_path(path) == path.with_suffix(".ipynb")
    assert not masters.is_lesson(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("**Exercise.**", "Exercise:", "no words introduce"),
        ("def leave_one_out", "def leave_two_out", "has that name"),
        ('exercise="leave_one_out"', 'exercise="exercise"', "has no exercise"),
    ],
)
def test_marks_that_lead_nowhere_are_told(master, old, new, message):
    change(master, old, new)
    with pytest.raises(ConfigError, match=message):
        stubs(master), convert(master)
