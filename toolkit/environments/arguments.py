"""Arguments that environments share: are they known, and is their value one?"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from toolkit.environments.base import Scalar, TextEnv
from toolkit.errors import ConfigError, near_matches

GOALS = ("full", "brief")
"""With how to play or the recipe, and the bare goal."""


def check_names(cls: type[TextEnv], params: Mapping[str, Any]) -> None:
    """Refuse arguments that an environment does not have.

    Raises:
        ConfigError: For the first one; the near matches are named.
    """
    known = set(inspect.signature(cls).parameters) - {"env_id"}
    for name in params:
        if name not in known:
            raise ConfigError(
                f"{cls.__name__} has no argument {name!r}.",
                f"Its arguments are {', '.join(sorted(known))}.",
                near_matches(name, known),
            )


def check_max_turns(max_turns: Any) -> None:
    """Refuse a turn limit that is none.

    Raises:
        ConfigError: If it is neither `None` nor a positive whole number.
    """
    is_number = isinstance(max_turns, int) and not isinstance(max_turns, bool)
    if max_turns is not None and not (is_number and max_turns > 0):
        raise ConfigError(
            f"max_turns is {max_turns!r}.",
            "An episode needs at least one turn.",
            "Leave it out, or give a positive whole number.",
        )


def check_choices(
    params: Mapping[str, Any], choices: Mapping[str, Collection[Any]]
) -> None:
    """Refuse values that an argument cannot have.

    Args:
        params: Arguments; those that are left out are fine.
        choices: The values that each argument can have, by its name.

    Raises:
        ConfigError: For the first one; the near matches are named.
    """
    for name, values in choices.items():
        if name in params and params[name] not in values:
            known = [str(value) for value in values]
            raise ConfigError(
                f"{name} is {params[name]!r}.",
                f"It can be {', '.join(known)}.",
                near_matches(str(params[name]), known),
            )


def check_goal(goal: Any) -> None:
    """Refuse a wording of the goal that is none of `GOALS`.

    Raises:
        ConfigError: If it is not.
    """
    check_choices({"goal": goal}, {"goal": GOALS})


def kept_by_tasks(
    params: Mapping[str, Scalar], names: Iterable[str]
) -> tuple[tuple[str, Scalar], ...]:
    """Return the arguments that a task keeps, because they change what is played.

    >>> given = {"max_turns": 6, "goal": None, "expert": True}
    >>> kept_by_tasks(given, ("goal", "max_turns"))
    (('max_turns', 6),)
    """
    return tuple(sorted((k, params[k]) for k in names if params.get(k) is not None))
