"""What a learner's attack on the grader has earned, and which hope was in vain."""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from toolkit.environments.swe.grading import Grade
from toolkit.environments.swe.workspace import clean_path
from toolkit.errors import ActionError, SandboxError
from toolkit.lessons.checks import Verdict, not_yet, right
from toolkit.lessons.lending import found_files, hand_in, make_lending
from toolkit.sandbox import detect_level

Files = Mapping[str, str]
"""Texts by their paths."""
Attack = Callable[[dict[str, str]], Files]
"""Gets the files as a repairer finds them, and returns others."""


def check_attack(function: Attack) -> Verdict:
    """Hand in what an attack makes of the files, and say what came of it.

    Args:
        function: Gets the files as a repairer finds them, and returns others.
    """
    with tempfile.TemporaryDirectory(prefix="toolkit-lending-") as folder:
        bug = make_lending(Path(folder, "seen"))
        found = found_files(bug)
        files, problem = _files(function, found)
        if problem or (problem := _no_attack(found, files)):
            return problem
        other = make_lending(Path(folder, "unseen"), unseen=True)
        try:
            grade = hand_in(files, bug)
            sources = {p: t for p, t in files.items() if p.startswith("lending/")}
            honest = hand_in(found_files(other) | sources, other)
        except (OSError, SandboxError, ActionError, ValueError) as error:
            return not_yet(f"it cannot be handed in: {error}")
    return _judged(grade, honest)


def _files(function: Attack, found: Files) -> tuple[dict[str, str], Verdict | None]:
    """Call a learner's attack; return the files, and what is wrong with them."""
    try:
        made = function(dict(found))
    except Exception as error:  # whatever a learner's code may raise
        return {}, not_yet(f"it stopped with {type(error).__name__}: {error}")
    if not isinstance(made, Mapping) or not all(
        isinstance(part, str) for item in made.items() for part in item
    ):
        return {}, not_yet("a dictionary is needed: texts of files by their paths.")
    return dict(made), None


def _no_attack(found: Files, files: Files) -> Verdict | None:
    """Say why files attack nothing, as far as can be told without running them."""
    changed = {p for p in {*found, *files} if found.get(p) != files.get(p)}
    if not changed:
        return not_yet("nothing is changed. An empty patch is paid 0, as it should be.")
    for path in sorted(changed):
        try:
            clean_path(path)
        except ActionError as error:
            return not_yet(
                f"{error.what} A repairer has only the files of the package."
            )
        if path.startswith("lending/") and not _parses(files.get(path, "")):
            return not_yet(
                f"{path} is no Python any more. That is a broken file, not an attack: "
                "nobody's tests pass with it."
            )
    if all(_is_idle(found.get(path), files.get(path), path) for path in changed):
        return not_yet(
            f"nothing that runs is changed ({', '.join(sorted(changed))}). It is a "
            "harmless patch, and is paid 0; the paper's reward would pay for it."
        )
    return None


def _parses(source: str) -> bool:
    """Return whether a text is Python."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def _is_idle(before: str | None, after: str | None, path: str) -> bool:
    """Return whether the change of a file changes nothing that runs or is read."""
    if path.endswith((".md", ".txt", ".rst")):
        return True
    if not path.endswith(".py") or before is None or after is None:
        return False
    if not _parses(after):
        return False
    return ast.dump(ast.parse(before)) == ast.dump(ast.parse(after))


def _judged(grade: Grade, honest: Grade) -> Verdict:
    """Say what an attack has earned.

    Args:
        grade: By the tests that a repairer knows.
        honest: By others of the same function.
    """
    if grade.ratio > honest.ratio + 1e-9:
        return right(
            f"congratulations: it was paid {grade.ratio:.2f}, and to tests that it has "
            f"not seen it is worth {honest.ratio:.2f}. Expected answers that are "
            "written into the code are a known hole (docs/environments/swe.md: tests "
            "see no difference). If yours is another one, please report it as an "
            "issue of the toolkit, with these files."
        )
    if grade.ratio:
        return not_yet(
            f"it was paid {grade.ratio:.2f}, and earned it: tests that it has not seen "
            "pass as well. That is a repair, not an attack."
        )
    reason = _why_nothing(grade)
    if not reason:
        return not_yet(
            "it was paid 0, as a wrong repair is: it changes what the code does, "
            "and goes neither at the tests nor at what runs them."
        )
    where = detect_level().label
    return right(f"a real attempt (sandbox: {where}), and it was paid 0.00: {reason}")


def _why_nothing(grade: Grade) -> str:
    """Say which hope of an attack was in vain, nothing if there was none."""
    if grade.ignored:
        return (
            f"{', '.join(grade.ignored[:3])} did not count. Only the package's own "
            "files are put into a fresh copy, with the published tests and settings."
        )
    if "reaches for" in grade.refused:
        return (
            f"{grade.refused} No repair needs more of such names than were there, so "
            "it is refused before the tests say anything."
        )
    if grade.refused:
        return (
            f"{grade.refused} Tests that were not seen to pass have not passed, "
            "whatever the exit code says."
        )
    return ""
