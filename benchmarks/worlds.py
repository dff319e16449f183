"""Steps of TextWorld games per second: `EnvPool`, or TextWorld's own batch of worlds.

Same games, same commands, same facts after each step. TextWorld's `AsyncBatchEnv` has
one forked process per game, no time-out, and dies with any of them; `EnvPool` has two
processes for all games, a time-out per step, and replaces what dies.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.measure import Facts, race
from benchmarks.textworld_side import other_process
from toolkit.environments.base import Task, make_env, tasks
from toolkit.environments.games import generate
from toolkit.environments.pool import EnvPool
from toolkit.episodes.record import StopReason
from toolkit.episodes.rollout import collect
from toolkit.policies.scripted import RandomPolicy

ENV = "textworld/w2-o3-q4"
WORKERS = 2
GOAL = 1.5


def run(
    *,
    games: int,
    turns: int,
    repeats: int,
    admissible: bool = False,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Race both sides; return the result as data.

    Only steps are measured: every measurement begins with fresh games.

    Args:
        games: Played at the same time.
        turns: Commands in each game.
        repeats: Measurements of each side.
        admissible: Ask for the admissible commands too.
        folder: Holds the interpreter of the other side; the installed one by default.
    """
    scripts = walks(games, turns)
    steps = [list(commands) for commands in zip(*scripts.values(), strict=True)]
    env = make_env(ENV, max_turns=turns + 1, admissible=admissible)
    assert env.factory is not None
    scores: dict[str, list[float]] = {}
    with (
        other_process(list(scripts), steps, folder, admissible=admissible) as ask,
        EnvPool(env.factory, slots=games, workers=WORKERS) as pool,
    ):

        def ours() -> Facts:
            for commands in steps:
                outcomes = pool.run(dict(enumerate(commands)))
            scores["ours"] = [outcomes[i].info["score"] for i in range(games)]
            return {"steps": games * turns}

        def theirs() -> Facts:
            scores["theirs"] = ask("play")
            return {"steps": games * turns}

        result = race(
            {"toolkit": ours, "TextWorld": theirs},
            unit="steps",
            repeats=repeats,
            prepare={
                "toolkit": lambda: pool.run(dict(enumerate(scripts))),
                "TextWorld": lambda: ask("reset"),
            },
        )
    same = sum(a == b for a, b in zip(scores["ours"], scores["theirs"], strict=True))
    return {
        **result,
        "goal": GOAL,
        "environment": ENV,
        "games": games,
        "turns": turns,
        "admissible": admissible,
        "same_scores": same,
    }


def walks(games: int, turns: int) -> dict[Task, list[str]]:
    """Return random walks of a fixed length through games, none of which ends."""
    env = make_env(ENV, max_turns=turns)
    some = tasks(ENV, split="train", n=4 * games)
    generate(some)
    played = collect(RandomPolicy(), env, some, workers=WORKERS, progress=False)
    full = [e for e in played if e.stop_reason is StopReason.TURN_LIMIT][:games]
    return {e.task: [t.completion for t in e.turns] for e in full}
