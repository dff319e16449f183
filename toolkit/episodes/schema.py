"""The stored form of an episode: plain dictionaries with a version.

Everything is checked on the way out and on the way in, so that a damaged or foreign
record is refused with the name of the field and never half-read.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.errors import EpisodeError

if TYPE_CHECKING:
    from datasets import Features

VERSION = 2
"""Written with every episode; goes up when `SCHEMA` changes."""
_TASK = {"env": "string", "seed": "int64", "split": "string", "params": "json"}
_TURN = {
    "observation": "string",
    "completion": "string",
    "action": "string",
    "reward": "float64",
    "info": "json",
    "observation_ids": ["int64"],
    "hidden_ids": ["int64"],
    "action_ids": ["int64"],
    "logprobs": ["float64"],
    "policy_s": "float64",
    "env_s": "float64",
}
SCHEMA: dict[str, Any] = {
    "version": "int64",
    "task": _TASK,
    "turns": [_TURN],
    "stop_reason": "string",
    "final_observation": "string",
    "sample": "int64",
    "seed": "int64",
    "policy": "string",
    "error": "string",
}
"""What is stored: a dictionary is a record, a list holds values of one kind."""


def episode_to_dict(episode: Episode) -> dict[str, Any]:
    """Return an episode as a JSON-ready dictionary in the form of `SCHEMA`.

    Raises:
        EpisodeError: If a number is not finite or a fact in `info` is not JSON-ready.
    """
    data = {field.name: getattr(episode, field.name) for field in fields(Episode)}
    data |= {
        "version": VERSION,
        "task": episode.task.to_dict(),
        "turns": [
            {name: getattr(turn, name) for name in _TURN} for turn in episode.turns
        ],
        "stop_reason": episode.stop_reason.value,
    }
    try:
        return _exact(SCHEMA, data, "episode")  # type: ignore[no-any-return]
    except (TypeError, ValueError) as error:
        raise EpisodeError(
            f"The episode of {episode.task.id} cannot be saved.",
            f"{error}.",
            "Use plain Python values: finite numbers, text, and JSON-ready info.",
        ) from error


def episode_from_dict(data: Mapping[str, Any]) -> Episode:
    """Return the episode that `episode_to_dict` wrote.

    Raises:
        EpisodeError: If the version is unknown or something is missing or malformed.
    """
    try:
        version = data["version"] if isinstance(data, Mapping) else VERSION
        if version == 1:
            turns = [{"hidden_ids": (0, 0), **turn} for turn in data["turns"]]
            data = {**data, "turns": turns}
        elif version != VERSION:
            raise ValueError(
                f"its version is {version!r}, this toolkit reads 1 to {VERSION}"
            )
        exact = _exact(SCHEMA, data, "episode")
        del exact["version"]
        known = {
            "task": Task.from_dict(exact["task"]),
            "turns": tuple(map(_turn, exact["turns"])),
        }
        return Episode(
            **{**exact, **known, "stop_reason": StopReason(exact["stop_reason"])}
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EpisodeError(
            "An episode cannot be read.",
            f"{error}.",
            "Remove it, read it with the toolkit that wrote it, or collect it again.",
        ) from error


def _turn(data: dict[str, Any]) -> Turn:
    lists = {k: tuple(v) for k, v in data.items() if isinstance(v, list)}
    if len(lists["hidden_ids"]) != 2:
        raise ValueError("hidden_ids are not two numbers")
    return Turn(**{**data, **lists})


def _exact(kind: Any, value: Any, where: str) -> Any:
    """Return `value` in the plain types of `kind`, or say `where` it fails."""
    if isinstance(kind, dict):
        if not isinstance(value, Mapping) or value.keys() != kind.keys():
            raise TypeError(f"{where} needs exactly the fields {', '.join(kind)}")
        return {k: _exact(kind[k], value[k], f"{where}.{k}") for k in kind}
    if isinstance(kind, list):
        if not isinstance(value, list | tuple):
            raise TypeError(f"{where} is not a list")
        return [_exact(kind[0], item, where) for item in value]
    try:
        return _PLAIN[kind](value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{where} is not right: {error}") from error


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _int64(value: Any) -> int:
    number = operator.index(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{number} does not fit into 64 bits")
    return number


def _float64(value: Any) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not finite")
    return float(value)


def _json(value: Any) -> dict[str, Any]:
    to_json(dict(value))
    return dict(value)


def to_json(value: Any) -> str:
    """Return strict JSON in ASCII, which keeps exotic line ends within one line.

    Raises:
        TypeError: If a value is not JSON-ready.
        ValueError: If a number is not finite.
    """
    return json.dumps(value, allow_nan=False)


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "int64": _int64,
    "float64": _float64,
    "json": _json,
}


def parquet_features() -> Features:
    """Return `SCHEMA` for `datasets`, with JSON fields as strings."""
    from datasets import Features, Value

    def feature(kind: Any) -> Any:
        if isinstance(kind, dict):
            return {name: feature(part) for name, part in kind.items()}
        if isinstance(kind, list):
            return [feature(kind[0])]
        return Value("string" if kind == "json" else kind)

    return Features(feature(SCHEMA))
