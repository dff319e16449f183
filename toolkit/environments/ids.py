"""Settings that stand behind a registry id, as in `alfworld/all?size=0.5`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def with_settings(env: str, params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Move the settings behind an id to the parameters, which win over them.

    >>> with_settings("alfworld/all?size=0.5&max_turns=paper", {"menu": True})
    ('alfworld/all', {'size': 0.5, 'max_turns': 'paper', 'menu': True})
    """
    name, _, behind = env.partition("?")
    pairs = (pair.partition("=") for pair in behind.split("&") if pair)
    return name, {**{key: _value(text) for key, _, text in pairs}, **params}


def _value(text: str) -> str | int | float:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
