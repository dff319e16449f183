"""Pictures of pay and credit for notebooks, as `View`s; see `show.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.charts.credit import (
    estimate_panels,
    estimates_in_words,
    group_shares,
    shares_in_words,
)
from toolkit.charts.episode_strip import strip_of
from toolkit.charts.pay_table import credit_table, pay_in_words, pay_table
from toolkit.charts.strips import advantage_strips
from toolkit.errors import ConfigError
from toolkit.lessons.show import View

if TYPE_CHECKING:
    from toolkit.episodes.record import Episode


def show_pay(
    rows: Sequence[str],
    columns: Mapping[str, Sequence[float]],
    *,
    title: str,
    total: bool = True,
) -> View:
    """Draw what turns, episodes or players are paid, as a table.

    Args:
        rows: Their names `(R,)`.
        columns: For each way to pay one number per row `(R,)`.
        title: What the numbers are.
        total: Add the sum of each column.

    Raises:
        ConfigError: If a column has not one number per row.
    """
    return View(
        html=pay_table(rows, columns, title=title, total=total),
        text="\n".join([title, *pay_in_words(rows, columns, total=total)]),
    )


def show_credit(
    commands: Sequence[Sequence[str]], values: Sequence[Sequence[float]], *, title: str
) -> View:
    """Draw one row per episode and one box per turn, coloured by its number.

    Args:
        commands: `(B, K)`, ragged.
        values: `(B, K)`, such as rewards or advantages.
        title: What the numbers are.
    """
    lines = [
        f"{chr(65 + i)}: " + ", ".join(f"{v:+.2f}" for v in row)
        for i, row in enumerate(values)
    ]
    return View(
        html=credit_table(commands, values, title=title),
        text="\n".join([title, *lines]),
    )


def show_advantages(
    episodes: Mapping[str, Episode],
    advantages: Mapping[str, Sequence[Sequence[float]]],
    *,
    tokenizer: Any,
    title: str = "Advantages",
) -> View:
    """Draw the advantages of several estimators over the tokens of the same episodes.

    Args:
        episodes: By their captions; all with tokens.
        advantages: For each estimator one number per turn `(B, K)`, or one per token
            of the completion `(B, T)`, as `gae_token` gives.
        tokenizer: Of the model that played.
        title: What the numbers are.

    Raises:
        ConfigError: If an estimator's numbers do not belong to the episodes.
        EpisodeError: If an episode has no tokens.
    """
    strips = [
        strip_of(
            episode,
            {n: _nth(n, v, b, len(episodes)) for n, v in advantages.items()},
            name=name,
            tokenizer=tokenizer,
        )
        for b, (name, episode) in enumerate(episodes.items())
    ]
    picture = advantage_strips(strips, title=title)
    lines = [line for strip in strips for line in strip.told()]
    return View(html=picture, text="\n".join([title, *lines]), svg=picture)


def show_group_shares(
    advantages: Mapping[str, Sequence[Sequence[float]]],
    *,
    group_size: int,
    title: str = "Each group's share of all praise and blame",
) -> View:
    """Draw how much each group of episodes has to say, and which are silent.

    A share is that of the sum of the advantages' sizes over turns, so estimators that
    differ by a factor look alike.

    Args:
        advantages: For each estimator `(B, K)`.
        group_size: `G`.
        title: Stands above.
    """
    rows = {name: _sizes(v, group_size) for name, v in advantages.items()}
    lines = [
        f"{n}: {sum(not v for v in s)} of {len(s)} silent ({shares_in_words(s)})"
        for n, s in rows.items()
    ]
    picture = group_shares(rows, title=title)
    return View(html=picture, text="\n".join(lines), svg=picture)


def _sizes(values: Sequence[Sequence[float]], group_size: int) -> list[float]:
    """Return the sum of sizes in each group, 0 for what is but a rounding."""
    starts = range(0, len(values), group_size)
    sums = [sum(abs(v) for r in values[i : i + group_size] for v in r) for i in starts]
    return [size if size > 1e-9 else 0.0 for size in sums]


def show_estimates(
    estimates: Mapping[str, Mapping[str, Sequence[float]]], *, truth: float, title: str
) -> View:
    """Draw mean and standard deviation of estimates beside what is true.

    Args:
        estimates: For each panel and each of its rows the estimates `(N,)`.
        truth: What is estimated.
        title: What it is.
    """
    picture = estimate_panels(estimates, truth=truth, title=title)
    lines = [f"{title}: {truth:+.2f} in truth", *estimates_in_words(estimates)]
    return View(html=picture, text="\n".join(lines), svg=picture)


def _nth(
    name: str, values: Sequence[Sequence[float]], b: int, episodes: int
) -> Sequence[float]:
    """Return an estimator's numbers of one episode.

    Raises:
        ConfigError: If there are not as many rows as episodes.
    """
    if len(values) != episodes:
        raise ConfigError(
            f"{name} has numbers for {len(values)} episodes; {episodes} are shown.",
            "Each episode needs its row.",
        )
    return values[b]
