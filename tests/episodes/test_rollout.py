import dataclasses
import functools
import itertools

import pytest

from tests.environments.toy_envs import EchoEnv, WinnableEnv
from tests.models import char_tokenizer, tiny_model, tiny_policy
from toolkit.environments.base import Task, make_env, register, tasks
from toolkit.environments.pool import EnvPool
from toolkit.episodes.record import StopReason
from toolkit.episodes.rollout import collect, default_workers
from toolkit.errors import ConfigError, EnvironmentCrashError
from toolkit.policies import ExpertPolicy
from toolkit.policies.base import Action, Policy
from toolkit.policies.models import ModelPolicy

register("toy", EchoEnv)
register("winning", WinnableEnv)
PAPER = "textworld/w2-o3-q4"
quiet = functools.partial(collect, progress=False, workers=0)


class Script(Policy):
    """Says what `lines[episode]` holds, turn by turn, and then `win`."""

    name = "script"

    def __init__(self, *lines):
        self.lines, self.batches, self.dropped = lines, [], []

    def start(self, *, greedy=False):
        self.turn = dict.fromkeys(range(len(self.lines)), 0)

    def act(self, observations):
        self.batches.append([o.episode for o in observations])
        return [Action(text=self._say(o.episode)) for o in observations]

    def drop(self, episodes):
        self.dropped += sorted(episodes)

    def _say(self, e):
        turn, self.turn[e] = self.turn[e], self.turn[e] + 1
        return self.lines[e][turn] if turn < len(self.lines[e]) else "win"


def games(n, env="winning"):
    return [Task(env=env, seed=seed) for seed in range(n)]


def steady(episode):
    """Return an episode without what depends on the clock."""
    turns = [dataclasses.replace(t, policy_s=0, env_s=0) for t in episode.turns]
    return dataclasses.replace(episode, turns=tuple(turns))


# ---- order, room and limits ------------------------------------------------------


def test_ended_episodes_make_room_and_results_are_in_order():
    lengths = [4, 0, 1, 3, 0, 0, 2]
    policy, ended = Script(*(["go"] * n for n in lengths)), []
    episodes = quiet(policy, "winning", games(7), live=3, on_episode=ended.append)
    assert [e.task.seed for e in episodes] == list(range(7))
    assert [len(e.turns) for e in episodes] == [n + 1 for n in lengths]
    assert all(e.won and e.final_observation.split()[1] == "win" for e in episodes)
    assert [sorted(b) for b in policy.batches[:4]] == [
        [0, 1, 2],
        [0, 2],  # the world of 3 starts meanwhile
        [0, 3],
        [0, 3, 4],
    ]
    assert max(map(len, policy.batches)) == 3
    assert sorted(policy.dropped) == list(range(7))
    assert sorted(e.task.seed for e in ended) == list(range(7))
    assert ended[0] is episodes[1]


def test_what_a_turn_records():
    (episode,) = quiet(Script(["go\nsecond line", "\\"]), "winning", games(1))
    first, refused, last = episode.turns
    assert first.completion == "go\nsecond line"
    assert (first.action, refused.action, last.action) == ("go", "", "win")
    assert not refused.info["valid_action"]
    assert episode.turn_rewards == [1.0, 0.0, 2.0]
    assert refused.observation.startswith("1 go")
    assert episode.policy == "script"
    assert all(t.env_s >= 0 and t.policy_s >= 0 for t in episode.turns)


def test_the_turn_limit():
    env = make_env("winning", max_turns=3)
    (episode,) = quiet(Script(["go"] * 9), env, games(1))
    assert episode.stop_reason is StopReason.TURN_LIMIT
    assert len(episode.turns) == 3


def test_terminated_without_winning_is_lost():
    (episode,) = quiet(Script([]), "toy", games(1, "toy"))
    assert episode.stop_reason is StopReason.LOST


def test_max_tokens_ends_an_episode_after_the_turn_that_passed_it():
    policy = tiny_policy()
    (free,) = quiet(policy, make_env("winning", max_turns=6), games(1))
    sizes = [len(t.observation_ids) + len(t.action_ids) for t in free.turns]
    limit = sum(sizes[:2]) + 1
    (cut,) = quiet(policy, make_env("winning", max_turns=6), games(1), max_tokens=limit)
    assert cut.stop_reason is StopReason.TOKEN_LIMIT
    assert [steady(cut).turns[i] for i in range(3)] == list(steady(free).turns[:3])
    assert len(cut.turns) == 3


def test_the_context_limit():
    tokenizer = char_tokenizer()
    model = tiny_model(len(tokenizer))
    policy = ModelPolicy(model, tokenizer, max_action_tokens=4, max_context=60)
    (episode,) = quiet(policy, "winning", games(1))
    assert episode.stop_reason is StopReason.CONTEXT_LIMIT
    assert 0 < len(episode.turns) < 6
    assert len(episode.ids) <= 60
    (free,) = quiet(
        tiny_policy(max_action_tokens=4), make_env("winning", max_turns=6), games(1)
    )
    after = free.turns[len(episode.turns)].observation
    assert episode.final_observation == after != free.turns[-1].observation
    small = ModelPolicy(model, tokenizer, max_action_tokens=4, max_context=10)
    (nothing,) = quiet(small, "winning", games(1))
    assert nothing.stop_reason is StopReason.CONTEXT_LIMIT
    assert nothing.turns == ()
    assert not nothing.stop_reason.is_broken


# ---- seeds -----------------------------------------------------------------------


@pytest.mark.slow
def test_the_result_does_not_depend_on_the_number_of_workers():
    test = tasks(PAPER, split="test", n=3)
    env = make_env(PAPER, max_turns=4)

    def run(workers):
        found = quiet(tiny_policy(), env, test, group_size=3, live=5, workers=workers)
        return [steady(e) for e in found]

    expected = run(0)
    assert run(1) == expected
    assert run(2) == expected
    assert run(0) == expected
    assert {len(e.turns) for e in expected} == {4}


def test_samples_of_a_group_differ_and_so_do_seeds():
    def run(**options):
        env = make_env("winning", max_turns=3)
        found = quiet(tiny_policy(), env, games(2), group_size=4, **options)
        return [e.ids for e in found]

    first = run()
    assert len({tuple(ids) for ids in first[:4]}) == 4
    assert run() == first
    assert run(seed=1) != first
    assert run(live=3) == first  # other batches, same streams
    greedy = run(greedy=True)
    assert greedy == run(greedy=True, seed=1)


def test_samples_are_numbered():
    found = quiet(Script(*[[]] * 6), "winning", games(2), group_size=3, seed=5)
    assert [(e.task.seed, e.sample) for e in found] == list(
        itertools.product(range(2), range(3))
    )
    assert {e.seed for e in found} == {5}


# ---- tokens ----------------------------------------------------------------------


def test_the_recorded_ids_are_exactly_those_the_model_saw():
    policy = tiny_policy(max_action_tokens=3)
    saw = {}
    start = policy.start

    def spied_start(**options):
        start(**options)
        sample = policy._sampler.sample

        def spy(episodes, new_ids, rngs, params):
            out = sample(episodes, new_ids, rngs, params)
            for e, ids, action in zip(episodes, new_ids, out, strict=True):
                saw.setdefault(e, []).extend([*ids, *action.ids])
            return out

        policy._sampler.sample = spy

    policy.start = spied_start
    env = make_env("winning", max_turns=5)
    episodes = quiet(policy, env, games(6), live=4)
    assert [e.ids for e in episodes] == [saw[i] for i in range(6)]
    assert all(len(t.action_ids) == len(t.logprobs) for e in episodes for t in e.turns)


# ---- worlds that break -----------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 1])
def test_a_world_that_raises_breaks_its_episode_only(workers):
    policy = Script(["go", "raise"], ["go"], ["go"], ["raise"], [])
    found = quiet(policy, "winning", games(5), live=2, workers=workers)
    broken = [e for e in found if e.stop_reason is StopReason.ENVIRONMENT_ERROR]
    assert [e.task.seed for e in broken] == [0, 3]
    assert all("bad command" in e.error for e in broken)
    assert [len(e.turns) for e in found] == [2, 2, 2, 1, 1]
    assert [e.won for e in found] == [False, True, True, False, True]
    assert found[0].turns[-1].completion == "raise"


def test_a_world_that_dies_breaks_its_episode_only():
    policy = Script(["go", "crash"], ["go", "go"])
    found = quiet(policy, "winning", games(2), workers=1)
    assert [e.stop_reason for e in found] == [
        StopReason.ENVIRONMENT_ERROR,
        StopReason.WON,
    ]


@pytest.mark.slow
def test_a_world_that_hangs_breaks_its_episode_only():
    factory = make_env("winning").factory
    with EnvPool(factory, slots=2, workers=1, step_timeout_s=5.0) as pool:
        found = quiet(Script(["hang"], ["go"]), "winning", games(2), pool=pool)
        assert found[0].stop_reason is StopReason.ENVIRONMENT_TIMEOUT
        assert found[1].won
        again = quiet(Script([], []), "winning", games(2), pool=pool)  # left open
    assert all(e.won for e in again)


def test_a_policy_that_raises_leaves_no_world_at_work():
    class Broken(Script):
        def act(self, observations):
            if len(self.batches) == 1:  # episode 2 is starting in the place of 1
                raise RuntimeError("no answer")
            return super().act(observations)

    factory = make_env("winning").factory
    with EnvPool(factory, slots=2) as pool:
        policy = Broken(["go"], [], ["go"])
        with pytest.raises(RuntimeError, match="no answer"):
            quiet(policy, "winning", games(3), live=2, pool=pool)
        with pytest.raises(EnvironmentCrashError, match="closed"):
            quiet(Script([], []), "winning", games(2), pool=pool)


def test_a_game_that_cannot_start_has_no_turns():
    policy = Script([], [], [])
    todo = [Task(env="toy/raises", seed=0), *games(2, "toy")]
    found = quiet(policy, "toy", todo, live=1)
    assert found[0].turns == ()
    assert found[0].stop_reason is StopReason.ENVIRONMENT_ERROR
    assert "no such game" in found[0].error
    assert [len(e.turns) for e in found[1:]] == [1, 1]


# ---- the rest --------------------------------------------------------------------


def test_a_policy_gets_the_facts_it_needs():
    env = make_env(PAPER, max_turns=9)  # not told to know the expert's plan
    (episode,) = quiet(ExpertPolicy(), env, tasks(PAPER, split="test", n=1))
    assert episode.won


def test_the_progress_bar(capsys):
    collect(Script([], []), "winning", games(2), workers=0, progress=False)
    assert capsys.readouterr().err == ""
    collect(Script([], []), "winning", games(2), workers=0)
    assert "0/2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": []}, "tasks is 0"),
        ({"group_size": 0}, "group_size is 0"),
        ({"live": -1}, "live is -1"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"workers": -1}, "workers"),
        ({"env": WinnableEnv("winning")}, "make_env"),
    ],
)
def test_bad_settings(options, message):
    options = {"env": "winning", "tasks": games(1)} | options
    with pytest.raises(ConfigError, match=message):
        quiet(Script([]), **options)


def test_default_workers():
    assert default_workers(7) == 0
    assert default_workers(8) >= 1


@pytest.mark.parametrize(
    ("policy", "tasks", "said"),
    [
        ("pocket", [], r"load_policy\('pocket'\)"),
        (None, "test", "must be a list of games"),
        (None, Task(env="toy", seed=1), "must be a list of games"),
    ],
)
def test_names_in_place_of_a_policy_or_games_are_refused(policy, tasks, said):
    with pytest.raises(ConfigError, match=said):
        collect(policy, "toy", tasks)
