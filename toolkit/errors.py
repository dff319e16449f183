"""Every error the toolkit raises on purpose.

A message always says three things: what happened, why, and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ToolkitError(Exception):
    """Base of all errors that a user can do something about.

    Args:
        what: What happened, one sentence.
        why: The cause, one sentence.
        fix: What the reader can do now, one sentence.
    """

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        self.what, self.why, self.fix = what, why, fix
        super().__init__(what, why, fix)

    def __str__(self) -> str:
        return "\n".join(
            f"{label}{text}"
            for label, text in (
                ("", self.what),
                ("Why: ", self.why),
                ("Do: ", self.fix),
            )
            if text
        )


class ConfigError(ToolkitError):
    """A setting is missing, unknown or out of range."""


class UnknownEnvironmentError(ToolkitError):
    """No environment is registered under this id."""


class TaskError(ToolkitError):
    """A task, a split or a seed does not exist."""


class GameGenerationError(ToolkitError):
    """A game with the wanted properties could not be made."""


class GameFileError(ToolkitError):
    """A game file is damaged, cannot be won or does what a game should not."""


class DownloadError(ToolkitError):
    """Files could not be fetched, or are not the expected ones."""


class CacheError(ToolkitError):
    """The cache on disk cannot be read or written."""


class MissingExtraError(ToolkitError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"The package {package!r} is not installed.",
            f"It belongs to the optional extra {extra!r}.",
            f'Install it with: pip install "multiturn-rl-toolkit[{extra}]"',
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.args)


class ModelError(ToolkitError):
    """A model or its tokenizer cannot be used."""


class EnvironmentCrashError(ToolkitError):
    """An environment died, hung or broke its contract."""


class RepositoryError(ToolkitError):
    """A repository is not known, or its tests cannot be used to repair it."""


class ContainerError(ToolkitError):
    """A container engine is missing or fails, or a container has died."""


class ActionError(ToolkitError):
    """What a player asked for cannot be read, or cannot be done."""


class SandboxError(ToolkitError):
    """A sandbox cannot be had, or a process inside of it broke the conversation."""


class SandboxTimeoutError(SandboxError):
    """A process inside of a sandbox gave no answer in time."""


class ExpressionError(ToolkitError):
    """A text is no arithmetic, or more of it than is evaluated."""


class SnapshotError(ToolkitError):
    """A replayed game did not reproduce the recorded texts."""


class EpisodeError(ToolkitError):
    """A recorded episode is damaged or cannot be used this way."""


class RewardError(ToolkitError):
    """A reward term has no usable number for a turn of an episode."""

    turn: int | None = None
    """The turn, counted from 0, where it is known."""


class JudgeError(RewardError):
    """A model that pays rewards gave no usable judgement of an episode."""


class ContaminationError(ToolkitError):
    """Tasks that were trained on were given for evaluation."""


def _rebuild(cls: type[ToolkitError], args: tuple[str, str, str]) -> ToolkitError:
    """Unpickle an error whose constructor takes other arguments."""
    error = cls.__new__(cls)
    ToolkitError.__init__(error, *args)
    return error


def near_matches(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the entries of `known` closest to `name`, if any.

    >>> near_matches("textwold/w2", ["textworld/w2", "countdown"])
    "Did you mean 'textworld/w2'?"
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(map(repr, close))}?"
    return f"Known: {', '.join(known)}." if known else ""
