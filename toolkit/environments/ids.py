"""From an id and arguments to an environment; `alfworld/all?size=0.5` has both."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from toolkit.errors import ConfigError, UnknownEnvironmentError, near_matches

FAMILIES = {
    "alfworld": "alfworld.environment:AlfworldEnv",
    "countdown": "countdown:CountdownEnv",
    "gymnasium": "adapters:GymnasiumEnv",
    "openenv": "openenv:OpenEnvEnv",
    "reasoning-gym": "reasoning_gym:ReasoningGymEnv",
    "swe": "swe.environment:SweEnv",
    "swe-choice": "swe_choice.environment:SweChoiceEnv",
    "swe-gym": "swe_gym.environment:SweGymEnv",
    "textarena": "textarena:TextArenaEnv",
    "textworld": "textworld:TextWorldEnv",
}
"""Where the environments of the package are, by the first part of their ids."""


def with_settings(env: str, params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Move the settings behind an id to the parameters, which win over them.

    >>> with_settings("alfworld/all?size=0.5&max_turns=paper", {"menu": True})
    ('alfworld/all', {'size': 0.5, 'max_turns': 'paper', 'menu': True})
    """
    name, _, behind = env.partition("?")
    pairs = (pair.partition("=") for pair in behind.split("&") if pair)
    return name, {**{key: _value(text) for key, _, text in pairs}, **params}


def with_module(family: str) -> str:
    """Import the module in front of a colon, if there is one, and return what follows.

    Raises:
        UnknownEnvironmentError: If there is no such module.
    """
    module, colon, rest = family.rpartition(":")
    try:
        if colon:
            importlib.import_module(module)
    except ImportError as error:
        raise UnknownEnvironmentError(
            f"The module of {family!r} cannot be imported.",
            f"{error}.",
            "Go to the folder that holds it, or put the folder on PYTHONPATH.",
        ) from error
    return rest


def called(cls: type[Any], env: str, params: Mapping[str, Any]) -> Any:
    """Call the class of an environment with its id and arguments.

    Raises:
        ConfigError: If it takes no such argument; the near matches are named.
    """
    try:
        return cls(env, **params)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        makers = [
            inspect.signature(vars(base)["__init__"])
            for base in cls.__mro__[:-1]
            if "__init__" in vars(base)
        ]
        known = {
            name
            for maker in makers
            for name, parameter in maker.parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        }
        wrong = next((name for name in params if name not in known), "")
        raise ConfigError(
            f"{env} cannot be made with these arguments.",
            f"{error}.",
            near_matches(wrong, known)
            if wrong
            else "Let the class take **wanted, and hand it on to TextEnv.",
        ) from error


def _value(text: str) -> str | int | float:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
