"""What all widgets have in common: one view that is shown, one request that is asked.

A widget keeps its state in plain Python. It sends the page a `view`, all that is to be
shown, and the page answers with a `request`. Nothing else crosses, so a page that is
opened later shows the same, and a request may be answered on any thread.
"""

from __future__ import annotations

import json
import os
import threading
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

STATIC = Path(__file__).parent / "static"
LARGEST = 50_000
"""Bytes of a message, at most; above, Colab and slow links begin to stutter."""


def script(*names: str) -> str:
    """Return the module of a widget: the common part, then its own."""
    return "\n".join(_static(f"{part}.js") for part in ("base", *names))


def sheet(*names: str) -> str:
    """Return the style sheet of a widget: the common part, then its own."""
    return "\n".join(_static(f"{part}.css") for part in ("base", *names))


def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def message_size(view: Any) -> int:
    """Return the bytes that a value takes on its way to the page."""
    return len(json.dumps(view).encode())


def latest(newest_first: Iterable[Any], budget: int) -> list[Any]:
    """Return as many of the latest rows as fit into `budget` bytes, oldest first.

    >>> latest(["third", "second", "first"], 20)
    ['second', 'third']
    """
    kept: list[Any] = []
    for row in newest_first:
        budget -= message_size(row) + 2
        if budget < 0:
            break
        kept.append(row)
    return kept[::-1]


class ToolkitWidget(anywidget.AnyWidget):
    """Base of all widgets.

    Subclasses set `_esm = script(name)` and `_css = sheet(name)`, and implement
    `answer`, `shown`, `summary` and `content`. They set up their state before they
    call `super().__init__()`.

    With the environment variable `TOOLKIT_WIDGETS=static` only the HTML is shown, for
    places where widgets do not load.
    """

    view = traitlets.Dict().tag(sync=True)
    """All that the page shows; `announce` in it is read out by screen readers."""
    request = traitlets.Dict().tag(sync=True)
    """What the page asks for: `id`, which grows by one, `do` and what belongs to it."""
    theme = traitlets.Enum(("auto", "light", "dark"), "auto").tag(sync=True)
    """`auto` follows the notebook."""

    kind: ClassVar[str]
    """Name of the widget's script and style sheet."""

    def __init__(self, **traits: Any) -> None:
        # newer kernels answer the page on a thread of its own
        self._one_at_a_time = threading.Lock()
        super().__init__(view=self.shown(), **traits)
        self.observe(lambda change: self.ask(change["new"]), names="request")

    @abstractmethod
    def answer(self, request: Mapping[str, Any]) -> None:
        """Do what is asked for. Must not raise: what goes wrong is shown."""

    @abstractmethod
    def shown(self) -> dict[str, Any]:
        """Return the view, JSON-ready and of at most `LARGEST` bytes."""

    @abstractmethod
    def summary(self) -> str:
        """Return the state in a few words; the same state gives the same words."""

    @abstractmethod
    def content(self) -> str:
        """Return the state as escaped HTML that needs no script."""

    def ask(self, request: Mapping[str, Any]) -> None:
        """Do what is asked for and show what came of it."""
        with self._one_at_a_time:
            self.answer(request)
            # `answered` makes every view a new one, which tells the page to go on
            self.view = {**self.shown(), "answered": request.get("id", 0)}

    def to_html(self) -> str:
        """Return the widget as it stands, as HTML with nothing to load or run."""
        return (
            f"<style>\n{self._css}</style>"
            f'<section class="tk {self.kind}" data-theme="{self.theme}">'
            f"{self.content()}</section>"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.summary()})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the live widget, and the HTML for pages without widgets."""
        live: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        if os.environ.get("TOOLKIT_WIDGETS") != "static":
            live = super()._repr_mimebundle_(**kwargs) or live
        data, metadata = live
        return {**data, "text/plain": repr(self), "text/html": self.to_html()}, metadata
