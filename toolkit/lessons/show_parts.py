"""Pictures of what a whole is made of for notebooks, as `View`s; see `show.py`."""

from __future__ import annotations

from collections.abc import Mapping

from toolkit.charts.stacks import Stacks, stacked_bars, stacks_in_words
from toolkit.lessons.show import View


def show_parts(
    panels: Stacks,
    *,
    title: str,
    unit: str,
    lines: Mapping[str, float] | None = None,
) -> View:
    """Draw wholes as bars in parts, such as memory or the time of a step.

    Args:
        panels: For each panel (`""`: one without a name) and each of its bars the
            parts, by name; none is below 0.
        title: What is drawn.
        unit: Of all numbers.
        lines: What the bars are held against.
    """
    picture = stacked_bars(panels, title=title, unit=unit, lines=lines)
    told = [f"{title} ({unit})", *stacks_in_words(panels)]
    if lines:
        against = ", ".join(f"{name} {value:g}" for name, value in lines.items())
        told.append(f"Lines: {against}")
    return View(html=picture, text="\n".join(told), svg=picture)
