"""A package of one file with one mistake, small enough to be read in a lesson.

It is written into a folder of the learner's machine, so nothing is fetched; its tests
are real, and run where tests of repairs always do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from toolkit.environments.swe.bugs import Bug
from toolkit.environments.swe.grading import Grade, grade
from toolkit.environments.swe.job import TESTS_S
from toolkit.environments.swe.mutations import Mutation
from toolkit.environments.swe.repositories import get_repository
from toolkit.environments.swe.workspace import Workspace, clean_path, contents
from toolkit.sandbox import detect_level

SOURCE, TEST_FILE = "lending/fines.py", "tests/test_fines.py"
RIGHT = '''\
"""What a library asks for books that come back late."""

FREE_DAYS = 3


def days_late(due, back):
    """Return how many days after the due day a book came back."""
    return max(0, back - due)


def fine(days, per_day=20, most=300):
    """Return the fine in cents; the first days are free."""
    if days <= FREE_DAYS:
        return 0
    return min(most, (days - FREE_DAYS) * per_day)


def receipt(fines):
    """Return a line for each book, and one for the sum."""
    lines = [f"{title}: {cents}" for title, cents in sorted(fines.items())]
    return [*lines, f"sum: {sum(fines.values())}"]
'''
TESTS = """\
import pytest

from lending.fines import days_late, fine, receipt


@pytest.mark.parametrize(("days", "cents"), [(4, 20), (5, 40), (10, 140)])
def test_fine(days, cents):
    assert fine(days) == cents


def test_the_first_days_are_free():
    assert fine(3) == 0


def test_there_is_a_most():
    assert fine(90) == 300


def test_on_time():
    assert days_late(10, 8) == 0


def test_late():
    assert days_late(10, 12) == 2


def test_receipt():
    assert receipt({"Emma": 40, "Dune": 0}) == ["Dune: 0", "Emma: 40", "sum: 40"]
"""
FAILING = tuple(
    f"{TEST_FILE}::test_fine[{case}]" for case in ("10-140", "4-20", "5-40")
)
PASSING = tuple(
    f"{TEST_FILE}::test_{name}"
    for name in (
        "late",
        "on_time",
        "receipt",
        "the_first_days_are_free",
        "there_is_a_most",
    )
)
UNSEEN_TESTS = """\
import pytest

from lending.fines import fine


@pytest.mark.parametrize("days", range(4, 12))
def test_unseen(days):
    assert fine(days, per_day=7) == 7 * (days - 3)
"""
UNSEEN = tuple(f"{TEST_FILE}::test_unseen[{days}]" for days in range(4, 12))


def make_lending(folder: Path, *, unseen: bool = False) -> Bug:
    """Write the package as it should be; return what is wrong with it.

    Args:
        folder: Is made, with all above it.
        unseen: Write other tests, of the same function, which no repairer has seen.
    """
    tests = UNSEEN_TESTS if unseen else TESTS
    files = {"lending/__init__.py": "", SOURCE: RIGHT, TEST_FILE: tests}
    for path, text in {**files, "tests/conftest.py": ""}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    start = RIGHT.index("- FREE_DAYS")
    wrong = Mutation(
        file=SOURCE,
        start=start,
        end=start + 1,
        kind="binop",
        old="-",
        new="+",
        line=RIGHT.count("\n", 0, start) + 1,
        function="fine",
    )
    return Bug(
        repository=f"folder:{folder}",
        split="train",
        seed=0,
        difficulty=1,
        mutations=(wrong,),
        fail_to_pass=UNSEEN if unseen else FAILING,
        pass_to_pass=() if unseen else PASSING,
    )


def found_files(bug: Bug) -> dict[str, str]:
    """Return the files as a repairer finds them: texts by their paths."""
    files = contents(get_repository(bug.repository)) | bug.broken_sources()
    return {path: data.decode() for path, data in files.items()}


def hand_in(files: Mapping[str, str], bug: Bug) -> Grade:
    """Return what files are worth to the grader; those that are missing are deleted.

    Where no safe sandbox can be had they are run all the same. So give it what you
    wrote yourself, and nothing of a model.

    Args:
        files: Texts by their paths.
        bug: What was to be repaired.

    Raises:
        ActionError: If a path leads out of the package.
        SandboxError: If not even a weak sandbox can be had.
        OSError: If a file cannot be written.
    """
    found = found_files(bug)
    with Workspace({path: text.encode() for path, text in found.items()}) as workspace:
        for path in found.keys() - files.keys():
            (workspace.folder / path).unlink()
        for path, text in files.items():
            if text != found.get(path):
                target = workspace.folder / clean_path(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
        trusted = not detect_level().isolated
        return grade(bug, workspace, trusted=trusted, timeout_s=TESTS_S)
