"""Episodes per second: the cache kept across turns and worlds in workers, or TRL's way.

Both sides use the same model object, games, glue, limits and greedy or sampled choice.
Greedy play makes both give the same commands, which is counted; in sampled play, turns
and tokens are counted instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.measure import Facts, race
from toolkit.environments.base import Task, make_env, tasks
from toolkit.environments.games import generate
from toolkit.environments.pool import EnvPool
from toolkit.episodes.record import Episode
from toolkit.episodes.rollout import collect, env_factory
from toolkit.errors import ModelError
from toolkit.policies.models import ModelPolicy, load_policy

WORKERS = 2
UNTRAINED = {"max_action_tokens": 8}
"""An untrained model never ends a command; this is about as long as a trained one's."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One race."""

    name: str
    """Of the result file."""
    title: str
    """Shown on the page; may hold `{live}`."""
    policy: str
    """What `load_policy` loads."""
    env: str
    """Registry id."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the environment."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of `load_policy`."""
    games: int = 64
    """Different games."""
    group_size: int = 1
    """Episodes of each; all are played at the same time."""
    greedy: bool = True
    """Take the most probable token instead of sampling."""
    warm_up: bool = True
    """Whether both sides run once unmeasured."""
    goal: float | None = None
    """Ratio that we want to reach."""


HOUSE = "textworld/w2-o3-q4"
LARGE_HOUSE = "textworld/w4-o6-q8"
MAZE: dict[str, Any] = {
    "env": "textworld/coin_collector-105-basic",
    "params": {"goal": "brief"},
}
CASES = (
    Case(
        name="rollout-large",
        title="episodes, pocket, w4-o6-q8, {live} live",
        policy="pocket",
        env=LARGE_HOUSE,
        goal=6.0,
    ),
    Case(
        name="rollout-house",
        title="episodes, pocket, w2-o3-q4, {live} live",
        policy="pocket",
        env=HOUSE,
        goal=6.0,
    ),
    Case(
        name="rollout-maze",
        title="episodes, pocket, coin_collector, {live} live",
        policy="pocket",
        goal=6.0,
        **MAZE,
    ),
    Case(
        name="rollout-training",
        title="episodes, pocket, coin_collector, {live} live in groups, sampled",
        policy="pocket",
        games=8,
        group_size=8,
        greedy=False,
        goal=6.0,
        **MAZE,
    ),
    Case(
        name="rollout-smollm2",
        title="episodes, SmolLM2-135M fp32, w2-o3-q4, {live} live",
        policy="smollm2-135m",
        env=HOUSE,
        params={"max_turns": 8},
        options={"max_action_tokens": 12},
        games=8,
        warm_up=False,
        goal=2.5,
    ),
)


def case_of(name: str) -> Case:
    """Return a case by its name."""
    return next(case for case in CASES if case.name == name)


def run(case: Case, *, repeats: int) -> dict[str, Any]:
    """Race both sides; return the result as data.

    Raises:
        ModelError: If the model of the case is not installed.
    """
    from benchmarks.trl_path import TrlPath, takes_environments

    env = make_env(case.env, **case.params)
    games = tasks(case.env, split="train", n=case.games, **case.params)
    generate(games)
    policy, note = find_policy(case, games)
    repeated = [task for task in games for _ in range(case.group_size)]
    factory = env_factory(env, policy)
    other = TrlPath(policy, greedy=case.greedy)
    worlds = [factory() for _ in repeated]
    last: dict[str, list[list[str]]] = {}
    with EnvPool(factory, slots=len(repeated), workers=WORKERS) as pool:

        def ours() -> Facts:
            episodes = collect(
                policy,
                env,
                games,
                group_size=case.group_size,
                live=len(repeated),
                greedy=case.greedy,
                progress=False,
                pool=pool,
            )
            last["ours"] = [[t.completion for t in e.turns] for e in episodes]
            return facts_of(episodes)

        def theirs() -> Facts:
            played = other.play(worlds, repeated)
            last["theirs"] = [p.commands for p in played]
            return facts_of_trl(played, other.seconds)

        result = race(
            {"toolkit": ours, "TRL": theirs},
            unit="episodes",
            repeats=repeats,
            warm_up=case.warm_up,
        )
    for world in worlds:
        world.close()
    same = sum(a == b for a, b in zip(last["ours"], last["theirs"], strict=True))
    return {
        **result,
        "goal": case.goal,
        "model": note,
        "parameters": policy.model.num_parameters(),
        "environment": case.env,
        "environment_factory_possible": takes_environments(policy.tokenizer),
        "greedy": case.greedy,
        "same_commands": same if case.greedy else None,
    }


def facts_of(episodes: Sequence[Episode]) -> Facts:
    """Count what was played; `worlds` are the steps' own seconds, in the workers."""
    turns = [t for e in episodes for t in e.turns]
    return {
        "episodes": len(episodes),
        "turns": len(turns),
        "action_tokens": sum(len(t.action_ids) for t in turns),
        "tokens": sum(len(e.ids) for e in episodes),
        "parts": {
            "model": round(sum(t.policy_s for t in turns), 4),
            "worlds": round(sum(t.env_s for t in turns), 4),
        },
    }


def facts_of_trl(played: Sequence[Any], seconds: Mapping[str, float]) -> Facts:
    """Count what TRL's own path played."""
    return {
        "episodes": len(played),
        "turns": sum(len(p.commands) for p in played),
        "action_tokens": sum(sum(p.env_mask) for p in played),
        "tokens": sum(len(p.ids) for p in played),
        "parts": {k: round(v, 4) for k, v in seconds.items()},
    }


def find_policy(case: Case, games: Sequence[Task]) -> tuple[ModelPolicy, str]:
    """Load the model of a case; in place of a missing `pocket`, make an untrained one.

    Returns:
        The policy, and what it is.
    """
    try:
        return load_policy(case.policy, device="cpu", **case.options), case.policy
    except ModelError:
        if case.policy != "pocket":
            raise
    return untrained_pocket(games, case), "untrained model of pocket's shape"


def untrained_pocket(games: Sequence[Task], case: Case) -> ModelPolicy:
    """Return a model of pocket's shape with a tokenizer made from the games' texts."""
    import torch

    from toolkit.policies.pocket import make_model, make_tokenizer
    from toolkit.policies.scripted import RandomPolicy

    env = make_env(case.env, **case.params)
    walks = collect(RandomPolicy(), env, games[:16], progress=False, workers=0)
    texts = [f"{t.observation}\n>{t.completion}" for e in walks for t in e.turns]
    tokenizer = make_tokenizer(texts)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make_model(tokenizer)
    return ModelPolicy(model, tokenizer, name="pocket", **{**UNTRAINED, **case.options})
