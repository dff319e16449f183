"""The page and the plot, written from the result files alone, so never stale."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import rates, spread

Result = Mapping[str, Any]
PLOT = "speed.svg"
OURS, GOAL, BAD = "#0b62a8", "#1c1d1f", "#a14d00"

HEAD = """# Benchmarks

Written by `make bench` (= `python -m benchmarks`) from `results/*.json`; do not edit.
What the quickstart learns, for three seeds, is in [quickstart.md](quickstart.md).

Both sides do the same work in one process by turns (A B A B …). Ratios are ours to
theirs, above 1 is faster: median of the repeats, and least to most. *Wall* is what a
user waits for; *CPU* counts this process and its children, and is what other load on
the machine distorts least.
"""

METHOD = """## What is compared

**Episodes.** Both sides use the same model, TextWorld games, token budget and glue
between turns. Ours: `collect`, a key-value cache that is kept across turns, worlds in
two worker processes. Theirs is TRL's own path. `environment_factory` needs a chat
template that renders tool calls; TRL says that these have none: {refused}. So it is
`rollout_func` with the loop of a careful user (`trl_path.py`): one `generate` call a
turn for all live episodes, padded on the left, with `GRPOTrainer`'s settings, no
gradients, finished episodes dropped; the history is read again every turn and worlds
step one after the other. Both sides use this toolkit's fast TextWorld environment, so
the ratio is about the loop; TextWorld's own environment would be slower still. Ours
also records the log-probability of every sampled token, theirs does not. Greedy play
gives both sides the same commands, so they do the same work; the sampled case is that
of training.

**Environment steps.** `EnvPool` with two workers, against TextWorld's `AsyncBatchEnv`
through `textworld.gym`, which has a process for each game: same games, same random
commands, same facts (won, lost, score, maximal score). Starting games is not counted.
`AsyncBatchEnv` has no time-outs and dies with any of its processes. Both sides use the
interpreter that `make install` has built, optimised across its files; *each as
installed* gives the other side the one that `pip install textworld` builds.

**Steps and resets of ALFWorld.** The toolkit's engine against TextWorld's, on games
that are loaded already: same random commands, and on both sides the admissible commands
after each. All texts and lists of commands are the same on both sides.

**Bugs made.** Mistakes are put into a package until so many are valid (some test fails,
most pass). Ours runs pytest in a sandbox, forked from a process that has loaded it, and
asks first the tests that reach a mistake; the other side starts `python -m pytest` for
each try, without a sandbox. Both find the same bugs.

**A training step.** Neither model nor environment = wall seconds between the ends of
two steps, less choosing commands, waiting for worlds, loss, backward pass and optimiser
(`policy_s`, `env_s`, `loss_s`, `update_s` of the run's `step` events).

**Loss and gradient.** The same batch of played episodes on both sides, the same rows
left out. TRL scores every token of a padded rectangle; ours lays the rows end to end,
attends row by row, and gives the head only what was sampled. Both gradients have the
same norm: {norms}.

**Why some goals are missed.** A history that is read again costs little while it is
short: the ratio grows with the turns of an episode (compare the games above). For short
ones both cores are at work already. Twice the ratio of CPU times is what could be
reached if our side kept both busy to the end: 4 to 5.6 times TRL's path, never 6. Two
halves of the episodes by turns, the worlds of one while the model answers the other,
would gain 8 % in mazes and lose 3 % in houses, because the model takes 11 to 20 %
longer for smaller batches (computed from CPU times of every step, for two cores). And a
step of a world takes a third of a millisecond or more in the Z-machine interpreter, on
both sides and whatever surrounds it: the rest is what can be saved. `make install`
builds the interpreter so that it takes 44 % less than as `pip` builds it, which *each
as installed* shows.

`python -m benchmarks --profile` lists the functions that take the time.
"""


def write(out: Path) -> None:
    """Write `README.md` and the plot from all results in `out`.

    Args:
        out: Holds `results/*.json`.
    """
    folder = out / "results"
    every = [json.loads(p.read_text(encoding="utf-8")) for p in folder.glob("*.json")]
    found = [result for result in every if "name" in result]  # not the quickstart's
    races = sorted((r for r in found if "ratio" in r), key=lambda r: r["name"])
    steps = [r for r in found if "other_share" in r]
    parts = [HEAD]
    if races:
        draw(races, folder / PLOT)
        parts += [f"![Ratios](results/{PLOT})\n", _race_table(races)]
    parts += [_step_table(step) for step in steps]
    parts += [_tools_table(r) for r in found if "tools" in r]
    episodes = [r for r in races if r["unit"] == "episodes"]
    if episodes:
        parts.append(_where(episodes))
    refused = sorted(
        {r["model"] for r in episodes if not r["environment_factory_possible"]}
    )
    norms = "; ".join(
        " and ".join(f"{v:.6g}" for v in r["gradient_norms"].values())
        for r in races
        if "gradient_norms" in r
    )
    parts.append(
        METHOD.format(
            refused=", ".join(refused) or "none measured",
            norms=norms or "not measured",
        )
    )
    if found:
        parts.append(_machine(found))
    (out / "README.md").write_text("\n".join(parts), encoding="utf-8")


def draw(races: Sequence[Result], path: Path) -> None:
    """Draw the ratios, their spread and the goals."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "benchmarks", "svg.fonttype": "none"}):
        figure = Figure(figsize=(7.5, 0.9 + 0.5 * len(races)), layout="constrained")
        axes = figure.add_subplot()
        for row, race in enumerate(reversed(races)):
            ratio = race["ratio"]["wall_s"]
            low, mid, high = ratio["min"], ratio["median"], ratio["max"]
            axes.barh(row, mid - 1, left=1, color=OURS, height=0.55)
            axes.hlines(row, low, high, color=GOAL, linewidth=2)
            axes.text(high, row, f"  {mid:.1f}×", va="center")
            if race["goal"]:
                axes.vlines(race["goal"], row - 0.4, row + 0.4, color=BAD, ls="--")
        names = [_short(race["title"]) for race in reversed(races)]
        axes.set_yticks(range(len(races)), names)
        axes.axvline(1, color=GOAL, linewidth=0.8)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("times as fast (wall), line: least to most, dashed: goal")
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, metadata={"Date": None})


def _short(title: str) -> str:
    """Break a title in two lines at its middle comma."""
    pieces = title.split(", ")
    half = (len(pieces) + 1) // 2
    return ", ".join(pieces[:half]) + "\n" + ", ".join(pieces[half:])


def _race_table(races: Sequence[Result]) -> str:
    speeds = ("ours / s", "theirs / s", "ratio, wall", "ratio, CPU", "goal")
    rows = []
    for race in races:
        (_, ours), (other, theirs) = race["sides"].items()
        rows.append(
            (
                race["title"],
                other,
                _rate(ours, race["unit"]),
                _rate(theirs, race["unit"]),
                f"**{_spread(race['ratio']['wall_s'])}**",
                _spread(race["ratio"]["cpu_s"]),
                f"{race['goal']}×" if race["goal"] else "",
            )
        )
    return _table(("what", "against", *speeds), rows)


def _step_table(step: Result) -> str:
    share = step["other_share"]
    mean = {
        name: statistics.median(row[name] for row in step["seconds"])
        for name in step["seconds"][0]
    }
    forward = mean["policy"] * step["forward_share_of_policy"]
    names = (
        ("policy: forward passes", forward),
        ("policy: encode, draw, decode", mean["policy"] - forward),
        ("worlds", mean["env"]),
        ("loss", mean["loss"]),
        ("backward pass and optimiser", mean["update"]),
        ("other", mean["other"]),
    )
    rows = [(n, f"{s:.3f}", f"{100 * s / mean['total']:.1f} %") for n, s in names]
    heading = (
        f"## A training step\n\n{step['model']}, {step['environment']}, "
        f"{step['episodes']} episodes of {step['mean_turns']} turns a step, "
        f"{100 * step['silent_groups']:.0f} % of the groups without advantage. "
        f"Neither model nor environment: **{100 * share['median']:.1f} %** "
        f"({100 * share['min']:.1f}–{100 * share['max']:.1f}), "
        f"goal at most {100 * step['goal']:.0f} %.\n\n"
    )
    return heading + _table(("work", "seconds a step", "share"), rows)


def _tools_table(result: Result) -> str:
    rows = []
    for row in result["tools"]:
        ms, goal = row["ms"], result["goals_ms"].get(row["tool"])
        middle, most = f"**{statistics.median(ms):,.1f}**", f"{max(ms):,.1f}"
        count = str(len(ms))
        rows.append(
            (row["repository"], row["tool"], count, middle, most, str(goal or ""))
        )
    heads = "package", "tool", "n", "median ms", "most", "goal"
    heading = (
        f"## Tools of a repair\n\n{result['bugs']} bugs of each package, repaired by "
        "the expert after a look around. `run_tests` runs all tests. A `reset` copies "
        "the files, starts the sandbox and loads pytest; `submit` grades in a fresh "
        "copy.\n\n"
    )
    return heading + _table(heads, rows)


def _where(races: Sequence[Result]) -> str:
    """Say where the seconds of a rollout go on both sides."""
    heads = "rollout", "side", "wall s", "model s", "worlds s", "turns", "tokens"
    rows = []
    for race in races:
        for name, run in race["sides"].items():
            facts = run["facts"][-1]
            rows.append(
                (
                    race["title"],
                    name,
                    f"{run['wall_s'][-1]:.2f}",
                    f"{facts['parts']['model']:.2f}",
                    f"{facts['parts']['worlds']:.2f}",
                    str(facts["turns"]),
                    f"{facts['tokens']} ({facts['action_tokens']} by the model)",
                )
            )
    same = "; ".join(
        f"{r['same_commands']} of {_ours(r)['facts'][-1]['episodes']} ({r['title']})"
        for r in races
        if r["greedy"]
    )
    note = (
        "Last repeat. *Model* is everything between a text and the next command. "
        "*Worlds* are the seconds inside of the environments; ours run several at a "
        "time, so these may overlap.\n\nGreedy episodes with the same commands on both "
        f"sides, word for word: {same}.\n"
    )
    return f"## Where the time of a rollout goes\n\n{_table(heads, rows)}\n{note}"


def _machine(found: Sequence[Result]) -> str:
    heads = "result", "date (UTC)", "load before → after", "torch threads", "repeats"
    rows = [
        (
            f"`{r['name']}`",
            r["on"]["date"],
            f"{r['on']['load_before']} → {r['on']['load_after']}",
            str(r["on"]["torch_threads"]),
            str(_repeats(r)),
        )
        for r in sorted(found, key=lambda r: r["name"])
    ]
    on = max((r["on"] for r in found), key=lambda on: on["date"])
    versions = ", ".join(f"{name} {v}" for name, v in on["versions"].items())
    return (
        f"## Machine\n\n{on['cpu']}, {on['cores']} cores; Python {on['python']}, "
        f"{versions}. Load is the mean number of busy processes in the last minute, "
        f"the measurement itself included.\n\n{_table(heads, rows)}"
    )


def _repeats(result: Result) -> int:
    """Return how often something was measured."""
    if "tools" in result:
        return int(result["bugs"])
    return len(result["seconds"] if "seconds" in result else _ours(result)["wall_s"])


def _ours(race: Result) -> Mapping[str, Any]:
    """Return our side of a race."""
    ours: Mapping[str, Any] = race["sides"]["toolkit"]
    return ours


def _rate(run: Mapping[str, Any], unit: str) -> str:
    return f"{spread(rates(run, unit, 'wall_s'))['median']:,.4g}"


def _spread(ratio: Mapping[str, float]) -> str:
    return f"{ratio['median']:.1f}× ({ratio['min']:.1f}–{ratio['max']:.1f})"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown.

    >>> print(_table(("a", "b"), [("1", "2")]), end="")
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    rule = "|" + "---|" * len(heads)
    top, *body = (f"| {' | '.join(cells)} |" for cells in (heads, *rows))
    return "\n".join([top, rule, *body]) + "\n"
