"""Pictures for notebooks: of success, curves, episodes and tokens.

Each function returns a `View`, which a notebook shows when it stands at the end of a
cell, and whose text says in words what the picture shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.charts.bars import before_after, interval_bars, sides_in_words
from toolkit.charts.curves import curve_panels, curves_in_words, learning_curve
from toolkit.charts.svg import Interval, with_namespace
from toolkit.page import escape, style
from toolkit.paths import assets_dir
from toolkit.training.events import steps_of
from toolkit.transcript import LEGEND, episode_table, lost_and_won

if TYPE_CHECKING:
    from toolkit.comparison import Comparison
    from toolkit.episodes.record import Episode
    from toolkit.evaluation import Evaluation
    from toolkit.training.run import Run


Pair = tuple["Evaluation | Interval | None", "Evaluation | Interval | None"]
"""What was measured on both sides: evaluations, or shares with their ends."""


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
    rows = {name: _interval(result) for name, result in results.items()}
    picture = interval_bars(rows, title="Games won, with 95 % intervals")
    lines = [f"{n}: {v:.0%} won ({a:.0%} to {b:.0%})" for n, (v, a, b) in rows.items()]
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
        path: A `report.json` that `toolkit quickstart` wrote, here or
            in a folder above.
    """
    places = here_or_above(path), assets_dir() / "quickstart.json"
    found = [place for place in places if place.is_file()]
    if not found:
        text = f"There is no {path} yet: `toolkit quickstart` writes it."
        return View(html=f"<p>{escape(text)}</p>", text=text)
    report = json.loads(found[0].read_text(encoding="utf-8"))
    ends = {f"{side} training": report[side] for side in ("before", "after")}
    rows = {n: (e["success"], e["low"], e["high"]) for n, e in ends.items()}
    return show_success(rows)


def show_before_after(
    panels: Mapping[str, Mapping[str, Pair]],
    *,
    sides: tuple[str, str] = ("before", "after"),
    title: str = "Games won, with 95 % intervals",
    start: Interval | None = None,
) -> View:
    """Draw success before and after with its intervals, a row for each way to train.

    Args:
        panels: For each exam and each way to train what was measured on both sides;
            all exams have the same ways.
        sides: What the two sides are.
        title: What is drawn.
        start: Share and interval that all rows began with, if that is one and the same.
    """
    rows = {
        panel: {
            name: [None if end is None else _interval(end) for end in pair]
            for name, pair in ways.items()
        }
        for panel, ways in panels.items()
    }
    picture = before_after(rows, sides=sides, title=title, start=start)
    told = "\n".join([title, *sides_in_words(rows, sides, start)])
    return View(html=picture, text=told, svg=picture)


def show_experiment(path: str | Path) -> View:
    """Show what an experiment found, a row for each arm and seed.

    Args:
        path: A file of `experiments/results`, here or in a folder above; if it is
            missing, how to make it is said.
    """
    path = here_or_above(path)
    if not path.is_file():
        command = f"toolkit experiment {path.stem}"
        text = f"There is no {path.name} here: `{command}` makes it."
        return View(html=f"<p>{escape(text)}</p>", text=text)
    found = json.loads(path.read_text(encoding="utf-8"))
    panels = {
        exam: {
            f"{arm['label']}, seed {run['seed']}": _ends(run, exam)
            for arm in found["arms"].values()
            for run in arm["runs"]
        }
        for exam in found["exams"]
    }
    return show_before_after(panels)


def here_or_above(path: str | Path) -> Path:
    """Return where a file is: notebooks and their solutions lie at different depths.

    If it is in none of the folders above, the package's own copy of it is meant.
    """
    here = Path.cwd()
    places = [folder / path for folder in (here, *here.parents, assets_dir())]
    return next((place for place in places if place.is_file()), Path(path))


def _ends(run: Mapping[str, Any], exam: str) -> Pair:
    """Return what a run's exam showed before and after."""
    before, after = (
        (e["success"], e["low"], e["high"]) if e else None
        for e in ((run.get(side) or {}).get(exam) for side in ("before", "after"))
    )
    return before, after


# ---- curves --------------------------------------------------------------------------


def show_curves(
    curves: Mapping[str, Sequence[float] | Mapping[str, Sequence[float]]],
    *,
    x: Sequence[float],
    x_name: str,
    title: str,
    unit: str = "",
) -> View:
    """Draw curves with their names, in one panel or in several beside each other.

    Args:
        curves: For each curve its values `(N,)`, or such curves for each panel; five
            curves at most, and the same ones in all panels.
        x: Where the values are `(N,)`, rising.
        x_name: What `x` is.
        title: What is drawn.
        unit: `%` shows shares from 0 to 100 %; else each panel has its own scale.
    """
    flat = {n: c for n, c in curves.items() if not isinstance(c, Mapping)}
    nested = {n: c for n, c in curves.items() if isinstance(c, Mapping)}
    panels = nested or {"": flat}
    picture = curve_panels(panels, x=x, x_name=x_name, title=title, unit=unit)
    lines = [f"{title}, by {x_name}", *curves_in_words(panels, unit)]
    return View(html=picture, text="\n".join(lines), svg=picture)


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
    return f"<{tag}>{escape(decoded(tokenizer, number))}</{tag}>"


def decoded(tokenizer: Any, number: int) -> str:
    """Return the text of a token, with line breaks visible."""
    text: str = tokenizer.decode([number], clean_up_tokenization_spaces=False)
    return text.replace("\n", "⏎")


# ---- parts ---------------------------------------------------------------------------


def _figure(picture: str, caption: str) -> str:
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def _alone(svg: str) -> str:
    """Return a picture for pages that show it as a file: on white, with its fonts."""
    white = '<rect width="100%" height="100%" fill="#fff"/>'
    head, end, rest = with_namespace(svg).partition(">")
    return f"{head}{end}{white}{rest}"
