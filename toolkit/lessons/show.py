"""Pictures for notebooks: of success, tokens, episodes, credit and learning.

Each function returns a `View`, which a notebook shows when it stands at the end of a
cell, and whose text says in words what the picture shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.advantage_strips import Strip, advantage_strips
from toolkit.charts import Interval, interval_bars, learning_curve
from toolkit.credit_charts import (
    curve_panels,
    curves_in_words,
    estimate_panels,
    estimates_in_words,
    group_shares,
)
from toolkit.episodes.tokens import tokenize_episode
from toolkit.errors import ConfigError
from toolkit.page import escape, style
from toolkit.paths import assets_dir
from toolkit.pay_table import pay_in_words, pay_table
from toolkit.training.events import steps_of
from toolkit.transcript import LEGEND, episode_table, lost_and_won, reward_label

if TYPE_CHECKING:
    from toolkit.comparison import Comparison
    from toolkit.episodes.record import Episode
    from toolkit.evaluation import Evaluation
    from toolkit.training.run import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """Something to look at."""

    html: str = field(repr=False)
    """HTML without a style sheet."""
    text: str
    """The same in words."""
    svg: str = field(default="", repr=False)
    """The picture alone, if it is one."""

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return what the page can choose from."""
        bundle = {"text/plain": self.text, "text/html": styled(self.html)}
        return bundle | ({"image/svg+xml": _alone(self.svg)} if self.svg else {})


def styled(html: str) -> str:
    """Return HTML with the style sheet of notebooks, which touches nothing else."""
    css = f"{style('notebook')}.toolkit-view {{\n{style('transcript')}}}"
    return f'<style>{css}</style><div class="toolkit-view">{html}</div>'


# ---- success -------------------------------------------------------------------------


def show_success(results: Mapping[str, Evaluation | Interval]) -> View:
    """Draw the success of several players as bars with 95 % intervals.

    Args:
        results: For each name an evaluation, or share, lower and upper end.
    """
    rows = [(name, _interval(result)) for name, result in results.items()]
    picture = interval_bars(rows, title="Games won, with 95 % intervals")
    lines = [f"{n}: {v:.0%} won ({a:.0%} to {b:.0%})" for n, (v, a, b) in rows]
    return View(
        html=_figure(picture, "Games won. The thin lines are 95 % intervals."),
        text="\n".join(lines),
        svg=picture,
    )


def _interval(result: Evaluation | Interval) -> Interval:
    if isinstance(result, tuple):
        return result
    return result.success, result.low, result.high


def show_learning(run: Run, before: Evaluation, after: Evaluation) -> View:
    """Draw success during training between the held-out success before and after."""
    rollouts = [r for r in steps_of(run.events, "rollout") if r["success"] is not None]
    picture = learning_curve(
        [r["step"] for r in rollouts],
        [r["success"] for r in rollouts],
        episodes=[sum(len(g["won"]) for g in r["groups"]) for r in rollouts],
        before=_interval(before),
        after=_interval(after),
    )
    won = ", ".join(f"{r['success']:.0%}" for r in rollouts)
    return View(
        html=_figure(picture, "Dots are training games, bands held-out games."),
        text=f"Won in training, step by step: {won}.",
        svg=picture,
    )


def show_report(path: str | Path) -> View:
    """Show success before and after a full run: yours, or the one that ships.

    Args:
        path: A `report.json` that `toolkit quickstart` wrote.
    """
    found = [p for p in (Path(path), assets_dir() / "quickstart.json") if p.is_file()]
    if not found:
        text = f"There is no {path} yet: `toolkit quickstart` writes it."
        return View(html=f"<p>{escape(text)}</p>", text=text)
    report = json.loads(found[0].read_text(encoding="utf-8"))
    ends = {f"{side} training": report[side] for side in ("before", "after")}
    rows = {n: (e["success"], e["low"], e["high"]) for n, e in ends.items()}
    return show_success(rows)


# ---- episodes ------------------------------------------------------------------------


def show_episodes(episodes: Mapping[str, Episode]) -> View:
    """Show episodes side by side, turn by turn, coloured by reward.

    Args:
        episodes: By their captions.
    """
    tables = "".join(episode_table(e, caption=name) for name, e in episodes.items())
    return View(
        html=f'{LEGEND}<div class="sides">{tables}</div>',
        text="\n".join(f"{name}: {_told(e)}" for name, e in episodes.items()),
    )


def show_lost_and_won(change: Comparison) -> View:
    """Show a game that was lost before and won after, side by side."""
    text = f"{change.gained} games better, {change.lost} worse, of {change.n}."
    return View(html=lost_and_won(change), text=text)


def _told(episode: Episode) -> str:
    said = ", ".join(turn.action or "(refused)" for turn in episode.turns)
    return f"{said or 'nothing'} [{episode.stop_reason.value}]"


def show_tokens(episode: Episode, tokenizer: Any) -> View:
    """Show an episode's tokens, those the policy sampled set apart.

    Args:
        episode: Played by a model.
        tokenizer: That model's.
    """
    pieces = []
    for turn in episode.turns:
        pieces += [_token(tokenizer, i, "span") for i in turn.observation_ids]
        pieces += [_token(tokenizer, i, "b") for i in turn.action_ids]
    sampled = sum(len(turn.action_ids) for turn in episode.turns)
    total = len(episode.ids)
    key = (
        '<p class="key tokens"><b>sampled by the policy</b>'
        "<span>written by the world</span></p>"
    )
    text = f"{sampled} of {total} tokens were sampled by the policy."
    return View(
        html=f'{key}<p class="tokens">{"".join(pieces)}</p><p>{text}</p>',
        text=text,
    )


def _token(tokenizer: Any, number: int, tag: str) -> str:
    """Return a token as HTML, with line breaks and the end of an action visible."""
    return f"<{tag}>{escape(_decoded(tokenizer, number))}</{tag}>"


def _decoded(tokenizer: Any, number: int) -> str:
    """Return the text of a token, with line breaks visible."""
    text: str = tokenizer.decode([number], clean_up_tokenization_spaces=False)
    return text.replace("\n", "⏎")


# ---- pay and credit ------------------------------------------------------------------


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
    most = max((abs(v) for row in values for v in row), default=0.0) or 1.0
    rows = "".join(
        f'<tr><th scope="row">{chr(65 + i)}</th>'
        + "".join(_box(c, v, most) for c, v in zip(said, row, strict=True))
        + "</tr>"
        for i, (said, row) in enumerate(zip(commands, values, strict=True))
    )
    lines = [
        f"{chr(65 + i)}: " + ", ".join(f"{v:+.2f}" for v in row)
        for i, row in enumerate(values)
    ]
    return View(
        html=f'<table class="credit"><caption>{escape(title)}</caption>{rows}</table>',
        text="\n".join([title, *lines]),
    )


def _box(command: str, value: float, most: float) -> str:
    """Return a cell whose ground is the stronger, the larger its number is."""
    colour = "42 157 82" if value > 0 else "208 69 58" if value < 0 else "128 128 128"
    strength = 10 + round(50 * abs(value) / most)
    label = reward_label(round(value, 2))
    return (
        f'<td style="background-color:rgb({colour} / {strength}%)">'
        f"<small>{escape(command)}</small><strong>{label}</strong></td>"
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
        Strip(
            name=name,
            tokens=[_piece(tokenizer, i) for i in episode.ids],
            spans=_spans(episode),
            rows=[
                (n, _on_tokens(episode, _nth(n, v, b, len(episodes))))
                for n, v in advantages.items()
            ],
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
    rows = [(name, _sizes(v, group_size)) for name, v in advantages.items()]
    lines = [f"{n}: {sum(not v for v in s)} of {len(s)} silent" for n, s in rows]
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
    panels = [(name, list(rows.items())) for name, rows in estimates.items()]
    picture = estimate_panels(panels, truth=truth, title=title)
    lines = [f"{title}: {truth:+.2f} in truth", *estimates_in_words(panels)]
    return View(html=picture, text="\n".join(lines), svg=picture)


def show_curves(
    curves: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    x: Sequence[float],
    x_name: str,
    title: str,
) -> View:
    """Draw curves in panels beside each other.

    Args:
        curves: For each panel and each of its curves, three at most, values `(N,)`.
        x: Where the values are `(N,)`, rising.
        x_name: What `x` is.
        title: What is drawn.
    """
    panels = [(name, list(rows.items())) for name, rows in curves.items()]
    picture = curve_panels(panels, x=x, x_name=x_name, title=title)
    lines = [f"{title}, by {x_name}", *curves_in_words(panels)]
    return View(html=picture, text="\n".join(lines), svg=picture)


def _piece(tokenizer: Any, number: int) -> str:
    """Return the text of a token without its blanks, a square for a special one."""
    if number in tokenizer.all_special_ids:
        return "■"
    return _decoded(tokenizer, number).strip()


def _spans(episode: Episode) -> list[tuple[int, int]]:
    """Return start and end of each action among all ids of an episode."""
    prompt = len(episode.turns[0].observation_ids) if episode.turns else 0
    spans = tokenize_episode(episode).spans
    return [(start + prompt, end + prompt) for start, end in spans]


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


def _on_tokens(episode: Episode, values: Sequence[float]) -> list[float]:
    """Lay numbers of turns or of the completion's tokens on all ids `(T,)`.

    An episode without numbers, as one whose world broke, gets zeros.

    Raises:
        ConfigError: If there are as many numbers as neither turns nor tokens.
    """
    spans, total = _spans(episode), len(episode.ids)
    prompt, found = len(episode.turns[0].observation_ids), [0.0] * total
    if len(values) == len(spans):
        for value, (start, end) in zip(values, spans, strict=True):
            found[start:end] = [float(value)] * (end - start)
    elif len(values) >= total - prompt:
        found[prompt:] = [float(v) for v in values[: total - prompt]]
    elif len(values):
        raise ConfigError(
            f"There are {len(values)} numbers for an episode of {len(spans)} turns and "
            f"{total - prompt} tokens after its prompt.",
            "Give one for each turn, or one for each token.",
        )
    return found


# ---- parts ---------------------------------------------------------------------------


def _figure(picture: str, caption: str) -> str:
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def _alone(svg: str) -> str:
    """Return a picture for pages that show it as a file: on white, with its fonts."""
    white = '<rect width="100%" height="100%" fill="#fff"/>'
    head, end, rest = svg.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg"{end}{white}{rest}'
