"""The exercises of the lessons, a module for each: `credit` for `04_credit`."""

from __future__ import annotations

import importlib
import importlib.util
import re

from toolkit.errors import ConfigError, near_matches
from toolkit.lessons.exercise import Exercise


def exercises_of(lesson: str) -> dict[str, Exercise]:
    """Return the exercises of a lesson by their names, in its order.

    Args:
        lesson: File name of the notebook, without its ending.

    >>> list(exercises_of("04_credit"))
    ['leave_one_out', 'returns_over_tokens', 'same_room']
    """
    module = f"{__name__}.{re.sub(r'^[0-9]+_', '', lesson)}"
    if importlib.util.find_spec(module) is None:
        return {}
    return {e.name: e for e in importlib.import_module(module).EXERCISES}


def exercise_of(lesson: str, name: str) -> Exercise:
    """Return one exercise of a lesson.

    Raises:
        ConfigError: If it has no such exercise.
    """
    found = exercises_of(lesson)
    if name not in found:
        raise ConfigError(
            f"{lesson} has no exercise {name!r}.", fix=near_matches(name, found)
        )
    return found[name]
