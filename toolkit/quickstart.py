"""The five-minute tour: a small model learns to search a maze it cannot see.

`pocket` has read transcripts of people who knew the map and of people who wandered, so
it can walk and pick up a coin but not search. Multi-turn GRPO lets it play, and the
same 100 unseen mazes are played before and after. The paper's own test games
(`textworld/w2-o3-q4`, which this run does not train on) stand beside them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.environments.base import Task, make_env, tasks
from toolkit.errors import ConfigError

if TYPE_CHECKING:
    from toolkit.evaluation import Evaluation
    from toolkit.policies.models import ModelPolicy

WORLD = "textworld/coin_collector-105-basic"
WORLD_PARAMS: dict[str, Any] = {"goal": "brief"}
PAPER_WORLD = "textworld/w2-o3-q4"
TRAINING_GAMES = 200
SETTINGS: dict[str, Any] = {
    "credit": "turn_return",
    "reward": "discovery",
    "discount": 0.7,
    "max_steps": 100,
    "learning_rate": 7e-4,
    "per_device_train_batch_size": 32,
    "live": 32,
    "num_generations": 8,
    "save_strategy": "no",
}
"""Chosen on the validation games; `benchmarks/quickstart.md` tells what each does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exam:
    """One way to be tested."""

    name: str
    """Shown in the report."""
    env: str
    """Registry id."""
    params: Mapping[str, Any]
    """Keyword arguments of the environment."""
    greedy: bool
    """Whether the most probable token is taken."""

    def sit(self, policy: ModelPolicy) -> Evaluation:
        """Let a policy play the 100 test games."""
        from toolkit.evaluation import evaluate

        games = tasks(self.env, split="test", **self.params)
        env = make_env(self.env, **self.params)
        return evaluate(policy, env, games, greedy=self.greedy, progress=False)


EXAMS = (
    Exam(name="unseen mazes, sampled", env=WORLD, params=WORLD_PARAMS, greedy=False),
    Exam(name="unseen mazes, greedy", env=WORLD, params=WORLD_PARAMS, greedy=True),
    Exam(name="paper's games, greedy", env=PAPER_WORLD, params={}, greedy=True),
)


def quickstart(
    *,
    minutes: float | None = 5.0,
    seed: int = 0,
    out: str | Path = "runs/quickstart",
) -> Path:
    """Evaluate, train, evaluate again, and write a report.

    Args:
        minutes: Wall time for all of it; training ends early if it must, and more
            than 5 also means more steps. `None`: all steps, however long they take.
        seed: Seed of training and evaluation.
        out: Folder of the run.

    Returns:
        Path of `report.html`; `report.json` lies beside it.

    Raises:
        ConfigError: If `minutes` is not positive.
    """
    if minutes is not None and not minutes > 0:
        raise ConfigError(
            f"minutes is {minutes}.", "It must be above zero.", "Try --minutes 5."
        )
    from toolkit.device import limit_threads
    from toolkit.environments.games import generate
    from toolkit.policies import load_policy
    from toolkit.report import write_report
    from toolkit.training.run import train

    limit_threads()
    began, folder = time.monotonic(), Path(out)
    print(f"[1/5] games: {TRAINING_GAMES} to train on, 200 to test on", flush=True)
    games = tasks(WORLD, split="train", n=TRAINING_GAMES, **WORLD_PARAMS)
    generate([*games_of(EXAMS), *games])  # before the clock of the training starts
    policy = load_policy("pocket", device="cpu")
    print("[2/5] before training", flush=True)
    exam_began = time.monotonic()
    before = _sit_all(policy)
    limits = _limits(minutes, began, exam_began)
    settings = {**SETTINGS, "seed": seed, "output_dir": str(folder), **limits}
    print(f"[3/5] training, {settings['max_steps']} steps at most", flush=True)
    env = make_env(WORLD, **WORLD_PARAMS)
    run = train(policy, env, tasks=games, **settings)
    print("[4/5] after training, on the same games", flush=True)
    after = _sit_all(run.policy)
    print("[5/5] report", flush=True)
    report = write_report(
        folder,
        title="A small model learns to search",
        before=before,
        after=after,
        run=run,
        minutes=(time.monotonic() - began) / 60,
        command=f"toolkit quickstart --seed {seed} --out {folder}",
    )
    _print_table(before, after, report)
    return report


def _limits(minutes: float | None, began: float, exam_began: float) -> dict[str, Any]:
    """Return the settings that keep to the time, a second exam included."""
    if minutes is None:
        return {}
    now = time.monotonic()
    left = minutes - (now - began + 1.3 * (now - exam_began) + 5) / 60
    steps = round(SETTINGS["max_steps"] * max(1.0, minutes / 5))
    return {"stop_after_minutes": max(0.05, left), "max_steps": steps}


def games_of(exams: Sequence[Exam]) -> list[Task]:
    """Return the test games of exams, each once."""
    envs = {exam.env: exam for exam in exams}
    return [
        game
        for exam in envs.values()
        for game in tasks(exam.env, split="test", **exam.params)
    ]


def pack_games() -> None:
    """Write the archives of games that ship with the package: `make games`."""
    from toolkit.environments.games import pack
    from toolkit.paths import assets_dir

    training = tasks(WORLD, split="train", n=TRAINING_GAMES, **WORLD_PARAMS)
    pack([*games_of(EXAMS[:1]), *training], assets_dir() / "games" / "mazes.tar.xz")
    pack(games_of(EXAMS[2:]), assets_dir() / "games" / "paper.tar.xz")


def _sit_all(policy: ModelPolicy) -> dict[str, Evaluation]:
    """Sit every exam and say how it went."""
    results = {}
    for exam in EXAMS:
        results[exam.name] = exam.sit(policy)
        print(f"      {exam.name}: {results[exam.name].headline}", flush=True)
    return results


def _print_table(
    before: Mapping[str, Evaluation], after: Mapping[str, Evaluation], report: Path
) -> None:
    """Print what the report says, in a few lines."""
    from toolkit.comparison import compare

    for name, first in before.items():
        print(f"\n{name}")
        print(compare(first, after[name]))
    print(f"\nReport: {report}")


if __name__ == "__main__":
    pack_games()
