"""One game of ALFWorld, as its file tells it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import GameFileError

TEXTS = ("pddl_domain", "grammar", "pddl_problem")
"""Fields that every file has; `walkthrough` is optional."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GameFile:
    """A game that has been read and not yet judged."""

    domain: str
    """What can be done, in PDDL."""
    grammar: str
    """How it is worded."""
    problem: str
    """The house and the goal, in PDDL."""

    def to_json(self) -> str:
        """Return the text of a `.tw-pddl` file."""
        texts = dict(zip(TEXTS, (self.domain, self.grammar, self.problem), strict=True))
        return json.dumps({**texts, "solvable": True})


def read_game(path: Path) -> GameFile:
    """Read a `.tw-pddl` file.

    Nothing in it is carried out here.

    Raises:
        GameFileError: If it is not there, not whole, or marked as unsolvable.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        texts = [data[name] for name in TEXTS]
    except OSError as error:
        raise _bad(path, error.strerror or str(error)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _bad(
            path, f"it is not whole ({type(error).__name__}: {error})"
        ) from error
    if not all(isinstance(text, str) for text in texts):
        raise _bad(path, "a field that should be text is none")
    if not data.get("solvable", True):
        raise _bad(path, "its makers marked it as unsolvable")
    return GameFile(domain=texts[0], grammar=texts[1], problem=texts[2])


def _bad(path: Path, why: str) -> GameFileError:
    return GameFileError(
        f"The game {path} cannot be played.",
        f"{why[0].upper()}{why[1:]}.",
        "Get the file again (toolkit alfworld download), or leave it out.",
    )
