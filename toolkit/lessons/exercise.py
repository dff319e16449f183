"""An exercise as one object: its check, answer, hints and known mistakes."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from toolkit.errors import ConfigError
from toolkit.lessons.checks import Verdict
from toolkit.lessons.show import View
from toolkit.page import escape


class Wrong(NamedTuple):
    """A wrong answer that people give."""

    answer: Any
    """What they write: a function, or a value."""
    says: str
    """Part of what the check must say to it, which tells that it was recognised."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exercise:
    """Something to write in a lesson, and all that is known about it.

    The answer is a function. With a `context` it is a value instead, and `reference`
    and the wrong answers, where they can be called, compute it from that context.
    """

    name: str
    """What the answer is called in the lesson."""
    check: Callable[..., Verdict]
    """Gets the answer and the context, and says what is right or wrong with it."""
    reference: Any
    """The answer. A function has the name of the exercise and needs nothing that the
    lesson does not have; its source is the solution."""
    hints: tuple[str, str]
    """The first says where to look, the second what to do."""
    wrong: tuple[Wrong, ...]
    """At least three, each with a misconception of its own."""
    difficulty: int
    """From 1, a line that the lesson has shown, to 5, an evening."""
    importance: int
    """From 1 to 5, also the points that it is worth."""
    minutes: int
    """How long it takes somebody who has read the lesson."""
    context: tuple[str, ...] = ()
    """Names in the lesson that the check gets beside the answer."""
    example: Callable[[], tuple[Any, ...]] = tuple
    """Returns a context for where there is no lesson."""

    @property
    def call(self) -> str:
        """What stands between the brackets of `exercise.check(…)` in the lesson."""
        return ", ".join((self.name, *self.context))

    @property
    def header(self) -> str:
        """What a person should know before beginning, as Markdown."""
        return (
            f"difficulty {self.difficulty} of 5, importance {self.importance} of 5, "
            f"{self.minutes} minutes; stuck? `exercise.hint(1)`, `exercise.hint(2)`, "
            "`exercise.solution()`"
        )

    def try_out(self, answer: Any) -> Verdict:
        """Check an answer, the reference or a wrong one, where there is no lesson."""
        given = self.example()
        computed = bool(self.context) and callable(answer)
        return self.check(answer(*given) if computed else answer, *given)

    def misconceptions(self) -> list[str]:
        """Return what the check says to each of the wrong answers, as sentences."""
        said = (self.try_out(wrong.answer).message for wrong in self.wrong)
        return [text[:1].upper() + text[1:] for text in dict.fromkeys(said)]

    def hint(self, number: int) -> View:
        """Show a hint.

        Args:
            number: 1 or 2.

        Raises:
            ConfigError: If there is no such hint.
        """
        if number not in (1, 2):
            raise ConfigError(f"There is no hint {number}.", fix="Ask for 1 or 2.")
        text = self.hints[number - 1]
        return View(html=f'<p class="verdict">{escape(text)}</p>', text=text)

    def solution(self) -> View:
        """Show the answer as Python."""
        return View(html=f"<pre>{escape(self.source)}</pre>", text=self.source)

    @property
    def source(self) -> str:
        """Python that binds the name to the answer."""
        if not callable(self.reference):
            return f"{self.name} = {_literal(self.reference)}"
        text = textwrap.dedent(inspect.getsource(self.reference))
        if not self.context:
            return text.rstrip()
        last = ast.parse(text).body[0].body[-1]  # type: ignore[attr-defined]
        value = ast.get_source_segment(text, last.value) or ""
        indent = " " * last.col_offset  # of the function's body, on all lines but one
        return f"{self.name} = {value}".replace(f"\n{indent}", "\n")


def _literal(value: Any) -> str:
    """Return a value as Python, texts in double quotes."""
    text = repr(value)
    return text if '"' in text else text.replace("'", '"')
