"""Runs that learn nothing, each broken in one way, for lesson 09, and how to make them.

Most are the recording `learns` with a single thing changed and half of its episodes,
so that their mended form has been recorded too. `fails` plays in another world, and
`paid-for-moving` in four mazes only, so that it shows soon. Nothing is edited: they
were trained like this. `python -m toolkit.lessons.broken_runs` trains and packs them
anew (a minute or two each); with names, only those.

Two of the faults are in code. They are put in place of one function while the run is
trained, and taken away after it.

Whether the causes are the causes was measured: `compare` trains each broken run and its
mended form for equally many steps and lets both play mazes of the validation split.
`python -m toolkit.lessons.broken_runs mended` writes what it found (half an hour).
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from toolkit.episodes.record import Episode
from toolkit.episodes.tokens import EpisodeTokens, tokenize_episode
from toolkit.errors import ConfigError, near_matches
from toolkit.paths import assets_dir
from toolkit.rewards.terms import facts
from toolkit.widgets.recordings import RECORDINGS, SHARED, pack, recording

if TYPE_CHECKING:
    from toolkit.charts.svg import Interval
    from toolkit.training.run import Run

HALF: dict[str, Any] = {
    "per_device_train_batch_size": 16,
    "live": 16,
    "workers": 0,
    "max_steps": 16,
}
"""Fewer steps than `learns` has, with half of its episodes; all that a lesson needs."""
SAMPLES_EVERY = 3
"""Steps between the samples that are kept."""
COMMANDS = 700
"""After so many, the worlds of `worlds-die` are gone."""
COMPARED = 40
"""Steps of broken and mended runs, before both are examined."""
EXAM = 100
"""Mazes of the exam, of the validation split."""
TIMES = 3
"""Each of them is played."""
MENDED = "broken_runs.json"
"""Holds what `compare` found."""


# ---- faults in code ------------------------------------------------------------------


def swap_speakers(episode: Episode) -> EpisodeTokens:
    """Lay an episode out with the mask of the other speaker: a mistake.

    What a turn earned is put upon the world's answer to it, not upon the turn.
    """
    right = tokenize_episode(episode)
    ends = [*right.spans, (len(right.completion_ids), len(right.completion_ids))]
    return replace(
        right,
        action_mask=[1 - bit for bit in right.action_mask],
        spans=[(end, start) for (_, end), (start, _) in pairwise(ends)],
    )


def swapped_mask() -> AbstractContextManager[Any]:
    """Let training learn the world's words in place of the agent's."""
    from toolkit.training import trainer

    return patch.object(trainer, "tokenize_episode", swap_speakers)


@contextlib.contextmanager
def dying_worlds(commands: int = COMMANDS) -> Iterator[None]:
    """Let TextWorld answer so many commands of this process, and then no more.

    Args:
        commands: Answered in all.
    """
    from toolkit.environments.textworld import TextWorldEnv

    right, left = TextWorldEnv._advance, [commands]

    def advance(env: TextWorldEnv, command: str) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise OSError("[Errno 24] Too many open files: 'game.z8'")
        return right(env, command)

    with patch.object(TextWorldEnv, "_advance", advance):
        yield


def moving(episode: Episode) -> list[float]:
    """Pay 1 for each turn that ends in another room than it began in."""
    rooms = [*facts(episode, "first_room")[:1], *facts(episode, "room")]
    return [float(before != after) for before, after in pairwise(rooms)]


# ---- the runs ------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenRun:
    """A run that learns nothing, or the wrong thing."""

    case: str
    """The letter it has in the lesson."""
    cause: str
    """What is broken, in two or three words."""
    alerts: tuple[str, ...]
    """Rules of which one speaks first about it."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What differs from `learns`."""
    mended: dict[str, Any] = field(default_factory=dict)
    """What differs from `learns` once it is mended."""
    fault: Callable[[], AbstractContextManager[Any]] = nullcontext
    """Code that is broken while it is trained."""


FOUR_MAZES: dict[str, Any] = {
    "discount": 1.0,
    "learning_rate": 1.5e-3,
    "n_tasks": 4,
    "max_steps": 20,
}
"""In what else `paid-for-moving` differs, so that 20 steps show it."""
BROKEN: dict[str, BrokenRun] = {
    "rate-too-high": BrokenRun(
        case="A",
        cause="too high a rate",
        alerts=("learning-rate",),
        settings={"learning_rate": 0.02},
    ),
    "worlds-die": BrokenRun(
        case="B",
        cause="dead environments",
        alerts=("dead-environment",),
        fault=dying_worlds,
    ),
    "terms-cancel": BrokenRun(
        case="C",
        cause="cancelling terms",
        alerts=("weights-cancel",),
        settings={"reward": {"success": 1.0, "progress": -1.0}},
        mended={"reward": {"success": 1.0, "progress": 1.0}},
    ),
    "mask-swapped": BrokenRun(
        case="D",
        cause="wrong mask",
        alerts=("sampler-mismatch",),
        fault=swapped_mask,
    ),
    "cut-short": BrokenRun(
        case="E",
        cause="truncation",
        alerts=("token-limit",),
        settings={"max_completion_length": 60},
    ),
    "fails": BrokenRun(
        case="F",
        cause="zero-variance groups",
        alerts=("silent-too-hard",),
        settings=RECORDINGS["fails"] | {"discount": 1.0},
    ),
    "paid-for-moving": BrokenRun(
        case="G",
        cause="reward hacking",
        alerts=("turn-limit",),  # its own rule waits for a rise beyond doubt
        settings=FOUR_MAZES | {"reward": {"success": 1.0, "moving": 0.2}},
        mended=FOUR_MAZES,
    ),
    "stops-exploring": BrokenRun(
        case="H",
        cause="entropy collapse",
        alerts=("silent-no-exploration",),
        settings={"temperature": 0.001},
    ),
}
"""In the order of the lesson. `fails` is one of `RECORDINGS`."""


def broken_run(case: str) -> Path:
    """Return the folder of a broken run by its letter.

    Args:
        case: `A` to `H`.

    Raises:
        ConfigError: If there is no such case.
    """
    names = {run.case: name for name, run in BROKEN.items()}
    if case not in names:
        raise ConfigError(
            f"There is no case {case!r}.",
            f"The cases are {', '.join(names)}.",
            near_matches(str(case), names),
        )
    name = names[case]
    return recording(name) if name in RECORDINGS else assets_dir() / "runs" / name


def compared() -> dict[str, Any]:
    """Return what `compare` found when it was last run."""
    found: dict[str, Any] = json.loads((assets_dir() / MENDED).read_text("utf-8"))
    return found


def settings_of(name: str) -> dict[str, Any]:
    """Return with what one of `BROKEN` was trained."""
    return SHARED | RECORDINGS["learns"] | HALF | BROKEN[name].settings


def record(name: str, target: Path | None = None) -> Path:
    """Train one of `BROKEN` and put it, packed, where the package looks for it.

    Args:
        name: Of the run.
        target: Another folder for it.
    """
    with tempfile.TemporaryDirectory() as folder:
        trained(settings_of(name), folder, BROKEN[name].fault)
        where = target or assets_dir() / "runs" / name
        return pack(Path(folder), where, samples_every=SAMPLES_EVERY)


def trained(
    settings: dict[str, Any],
    folder: str | Path,
    fault: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Run:
    """Train the shipped model as `settings_of` says.

    Args:
        settings: Those of `train`, with the world as `env` and `params`.
        folder: For the run.
        fault: Code that is broken meanwhile.
    """
    from toolkit import load_policy, make_env, train
    from toolkit.rewards import term

    term(moving)
    rest = {k: v for k, v in settings.items() if k not in ("env", "params")}
    env = make_env(settings["env"], **settings["params"])
    policy = load_policy("pocket", device="cpu")
    with fault():
        return train(policy, env, output_dir=str(folder), **rest)


# ---- are the causes the causes? ------------------------------------------------------


def compare(steps: int = COMPARED, n: int = EXAM) -> dict[str, Any]:
    """Train every broken run and its mended form, and examine both.

    Mended forms that are the same are trained once.

    Args:
        steps: Of each training.
        n: Mazes of the exam.

    Returns:
        Share of games won, with interval: at the `start`, and for each case as
        `[broken, mended]`.
    """
    found: dict[str, Any] = {"start": _examined({}, 0, n), "steps": steps, "n": n}
    print("start", found["start"], flush=True)
    known: dict[str, Interval] = {}
    for name, run in BROKEN.items():
        mended = SHARED | RECORDINGS["learns"] | HALF | run.mended
        key = json.dumps(mended, sort_keys=True)
        broken = _examined(settings_of(name), steps, n, run.fault)
        known[key] = known.get(key) or _examined(mended, steps, n)
        found[run.case] = [broken, known[key]]
        print(run.case, found[run.case], flush=True)
    return found


def _examined(
    settings: dict[str, Any],
    steps: int,
    n: int,
    fault: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Interval:
    """Return what share of unseen mazes is won after so many steps, with interval."""
    from toolkit import evaluate, load_policy, make_env, tasks

    world, params = RECORDINGS["learns"]["env"], RECORDINGS["learns"]["params"]
    with tempfile.TemporaryDirectory() as folder:
        policy = load_policy("pocket", device="cpu")
        if steps:
            policy = trained(settings | {"max_steps": steps}, folder, fault).policy
        policy.temperature = 1.0  # all choose alike, whatever they were trained with
        exam = tasks(world, split="validation", n=n, **params)
        env = make_env(world, **params)
        result = evaluate(policy, env, exam, samples=TIMES, workers=0, progress=False)
    low, high = round(result.low, 4), round(result.high, 4)
    return round(result.success, 4), low, high


def main(names: Sequence[str]) -> int:
    """Make the runs that are named, or all of them; `mended` compares them."""
    if names == ["mended"]:
        told = ",\n".join(f' "{k}": {json.dumps(v)}' for k, v in compare().items())
        (assets_dir() / MENDED).write_text(f"{{\n{told}\n}}\n", encoding="utf-8")
        return 0
    for name in names or [n for n in BROKEN if n not in RECORDINGS]:
        print(f"{name}: training", flush=True)
        made = record(name)
        size = sum(file.stat().st_size for file in made.iterdir())
        print(f"{made}: {size / 1000:.0f} kB", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
