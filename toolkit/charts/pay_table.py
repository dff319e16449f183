"""Pay and credit as HTML tables, each number on a ground of its sign and size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from toolkit.errors import ConfigError
from toolkit.page import escape
from toolkit.transcript import reward_label

Columns = Mapping[str, Sequence[float]]
"""For each way to pay its name and one number per row `(R,)`."""


def pay_table(
    rows: Sequence[str], columns: Columns, *, title: str, total: bool = True
) -> str:
    """Return one row per turn, episode or player, and one column per way to pay.

    Args:
        rows: Names of the rows `(R,)`, such as the commands of an episode.
        columns: Numbers, by the names of the columns.
        title: What the numbers are.
        total: Add the sum of each column.

    Raises:
        ConfigError: If a column has not one number per row.
    """
    _check(rows, columns)
    most = _most(columns.values())
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(_cell(c[i], most) for c in columns.values())
        + "</tr>"
        for i, name in enumerate(rows)
    )
    sums = "".join(f"<td>{_label(sum(c))}</td>" for c in columns.values())
    foot = f'<tfoot><tr><th scope="row">sum</th>{sums}</tr></tfoot>' if total else ""
    return (
        f'<table class="credit pay"><caption>{escape(title)}</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody>{foot}</table>"
    )


def pay_in_words(rows: Sequence[str], columns: Columns, *, total: bool) -> list[str]:
    """Return one line for each column."""
    return [
        f"{name}: "
        + ", ".join(f"{r} {_label(v)}" for r, v in zip(rows, values, strict=True))
        + (f"; sum {_label(sum(values))}" if total else "")
        for name, values in columns.items()
    ]


def credit_table(
    commands: Sequence[Sequence[str]], values: Sequence[Sequence[float]], *, title: str
) -> str:
    """Return one row per episode and one box per turn, its command above its number.

    Args:
        commands: `(B, K)`, ragged.
        values: `(B, K)`, such as rewards or advantages.
        title: What the numbers are.
    """
    most = _most(values)
    rows = "".join(
        f'<tr><th scope="row">{chr(65 + i)}</th>'
        + "".join(_box(c, v, most) for c, v in zip(said, row, strict=True))
        + "</tr>"
        for i, (said, row) in enumerate(zip(commands, values, strict=True))
    )
    return f'<table class="credit"><caption>{escape(title)}</caption>{rows}</table>'


def _check(rows: Sequence[str], columns: Columns) -> None:
    """Raise unless each column has one number per row."""
    for name, values in columns.items():
        if len(values) != len(rows):
            raise ConfigError(
                f"The column {name!r} has {len(values)} numbers for {len(rows)} rows.",
                "Each row needs its number.",
            )


def _most(rows: Iterable[Sequence[float]]) -> float:
    """Return the size of the largest number, and 1 if there are but zeros."""
    return max((abs(v) for row in rows for v in row), default=0.0) or 1.0


def _cell(value: float, most: float) -> str:
    if not round(value, 2):
        return f'<td class="none">{_label(0.0)}</td>'
    return f"<td {_ground(value, most)}>{_label(value)}</td>"


def _box(command: str, value: float, most: float) -> str:
    label = f"<small>{escape(command)}</small><strong>{_label(value)}</strong>"
    return f"<td {_ground(value, most)}>{label}</td>"


def _ground(value: float, most: float) -> str:
    """Return a colour that is the stronger, the larger its number is."""
    colour = "42 157 82" if value > 0 else "208 69 58" if value < 0 else "128 128 128"
    strength = 10 + round(50 * abs(value) / most)
    return f'style="background-color:rgb({colour} / {strength}%)"'


def _label(value: float) -> str:
    return reward_label(round(float(value), 2))
