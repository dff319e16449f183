"""Credit: how it divides among groups, and how estimates of it lie around the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from toolkit.charts.svg import (
    AFTER,
    INK,
    LINE,
    Scale,
    hatch_name,
    hatching,
    names_room,
    percent,
    rectangle,
    svg_picture,
    svg_text,
    svg_title,
    whisker,
)

Estimates = Mapping[str, Mapping[str, Sequence[float]]]
"""What was estimated, for each panel and each of its rows."""


def group_shares(
    rows: Mapping[str, Sequence[float]], *, title: str, width: int = 760
) -> str:
    """Draw for each estimator how its advantages divide among groups.

    Args:
        rows: Size of each group's advantages by estimator; 0 is a silent group.
        title: What is divided.
        width: CSS pixels.
    """
    left, right = names_room(rows), 96
    words = [f"{n}: {shares_in_words(sizes)}" for n, sizes in rows.items()]
    told = f"{title}. {'; '.join(words)}"
    hatch = hatch_name(told)
    parts = [hatching(hatch), svg_title(title)]
    groups = max(map(len, rows.values()), default=1)
    wide = min(72.0, (width - left - right) / groups)
    for i, (name, sizes) in enumerate(rows.items()):
        y, silent = 28 + 30 * i, sum(not size for size in sizes)
        parts.append(svg_text(left - 8, y + 17, name, anchor="end", fill=INK))
        parts.append(f'<g text-anchor="middle" style="fill:{INK};font-size:12px">')
        for j, share in enumerate(_shares(sizes)):
            parts.append(_share(left + wide * j, y, wide - 3, share, hatch))
        parts.append("</g>")
        note = f"{silent} of {len(sizes)} silent"
        parts.append(svg_text(left + wide * len(sizes) + 6, y + 17, note))
    return svg_picture(width, 30 + 30 * len(rows), told, parts)


def shares_in_words(sizes: Sequence[float]) -> str:
    """Say which share each group has, in their order."""
    return ", ".join(percent(s) if s else "silent" for s in _shares(sizes))


def estimate_panels(
    panels: Estimates, *, truth: float, title: str, width: int = 760
) -> str:
    """Draw means and standard deviations of estimates beside the truth.

    Args:
        panels: Stand beside each other; all have the same rows.
        truth: What is estimated.
        title: What it is.
        width: CSS pixels.
    """
    left, names = 70.0, list(next(iter(panels.values())))
    every = [v for rows in panels.values() for v in rows.values()]
    ends = [truth, *(end for v in every for end in _spread(v))]
    low, high = min(ends), max(ends) if max(ends) > min(ends) else min(ends) + 1
    wide = (width - left) / len(panels)
    base = 52 + 32 * len(names)
    parts = [svg_title(title)]
    for i, name in enumerate(names):
        parts.append(svg_text(left - 8, 65 + 32 * i, name, anchor="end", fill=INK))
    for j, (name, rows) in enumerate(panels.items()):
        x = left + wide * j
        across = Scale(x + 12, x + wide - 24, low, high)
        parts.append(svg_text(x + 12, 38, name, fill=INK, weight=600))
        parts.append(_truth(across, truth, base))
        for i, values in enumerate(rows.values()):
            parts.append(_estimate(across, values, 61 + 32 * i))
    words = "; ".join(estimates_in_words(panels))
    label = f"{title}, {truth:+.2f} in truth. {words}"
    return svg_picture(width, base + 26, label, parts)


def estimates_in_words(panels: Estimates) -> list[str]:
    """Return one line for each row of each panel."""
    return [
        f"{name}, {row}: {np.mean(v):+.2f} with deviation {np.std(v):.2f}"
        for name, rows in panels.items()
        for row, v in rows.items()
    ]


# ---- parts -----------------------------------------------------------------------


def _shares(sizes: Sequence[float]) -> list[float]:
    total = sum(sizes) or 1.0
    return [size / total for size in sizes]


def _share(x: float, y: float, wide: float, share: float, hatch: str) -> str:
    place, middle = rectangle(x, y, wide, 26), x + wide / 2
    if not share:
        return f'<path fill="url(#{hatch})" d="{place}"/>'
    return (
        f'<path style="fill:{AFTER};opacity:{0.15 + 0.55 * share:.2f}" d="{place}"/>'
        f'<text x="{middle:.0f}" y="{y + 17}">{percent(share)}</text>'
    )


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Return one standard deviation to each side of the mean."""
    mean, spread = float(np.mean(values)), float(np.std(values))
    return mean - spread, mean + spread


def _truth(across: Scale, truth: float, base: float) -> str:
    """Draw a line at the truth, and one at 0 where the panel reaches that far."""
    x, zero = across.at(truth), across.at(0.0)
    line = f'<path d="M{zero:.1f} 46V{base}" style="stroke:{LINE}"/>'
    return (
        (line if across.low <= 0 <= across.high else "")
        + f'<path d="M{x:.1f} 46V{base}" style="stroke:{AFTER};stroke-width:2"/>'
        + svg_text(x, base + 16, f"truth {truth:+.2f}", anchor="middle", fill=AFTER)
    )


def _estimate(across: Scale, values: Sequence[float], y: float) -> str:
    low, high = map(across.at, _spread(values))
    mean = (low + high) / 2
    disc = f'<circle cx="{mean:.1f}" cy="{y}" r="4.5" style="fill:{INK}"/>'
    return whisker(low, high, y) + disc
