import re

import nbformat
import pytest

from toolkit.lessons.exercises import exercises_of
from toolkit.lessons.export import MARKS, export, main

REGION = re.compile(r"(?s) *#+ BEGIN SOLUTION.*?#+ END SOLUTION")


@pytest.mark.parametrize("grader", MARKS)
def test_answers_are_marked_and_what_is_left_for_students_runs(master, grader):
    book = export(master, grader)
    nbformat.validate(book)
    answers = [cell.source for cell in book.cells if "BEGIN SOLUTION" in cell.source]
    (answer,) = [source for source in answers if "def " in source]
    compile(answer, "answer", "exec")
    released = REGION.sub("    ...", answer)
    assert released.startswith("kept = 1\n\n\ndef leave_one_out(returns):\n    ...\n")
    names = {"lesson": Lesson(), "value": None}
    exec(released, names)
    assert not names["exercise"].check(names["leave_one_out"]).passed


class Lesson:
    def exercise(self, name):
        return exercises_of("04_credit")[name]


def test_nbgrader_knows_the_points(master):
    marked = [c.metadata.get("nbgrader") for c in export(master, "nbgrader").cells]
    answer, check = [mark for mark in marked if mark]
    assert (answer["solution"], answer["grade"]) == (True, False)
    assert (check["points"], check["locked"]) == (3, True)


def test_otter_finds_the_question_around_its_words(master, tmp_path):
    target = tmp_path / "release.ipynb"
    main(["otter", str(master), str(target)])
    cells = nbformat.read(target, as_version=4).cells
    assert cells[0].source == "# ASSIGNMENT CONFIG\nname: 04_credit"
    begin = next(i for i, c in enumerate(cells) if c.source.startswith("# BEGIN Q"))
    assert cells[begin].source.endswith("name: leave_one_out\npoints: 3")
    assert "The others' mean." in cells[begin + 1].source
    kinds = [cell.cell_type for cell in cells[begin : begin + 9]]
    raw, md = "raw", "markdown"
    assert kinds == [raw, md, raw, "code", raw, raw, "code", raw, raw]
