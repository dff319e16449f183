import json
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.environments.base import Task, tasks
from toolkit.errors import ConfigError
from toolkit.training.curriculum import (
    Curriculum,
    Group,
    Mixture,
    Prioritised,
    Shuffled,
    Stages,
    horizon,
    mixed_chance,
    with_turns,
)


def games(n, env="textworld/w2-o3-q4"):
    return tasks(env, n=n)


EASY, HARD = games(6), games(4, "textworld/w4-o6-q8")


def group(task, won, played=8):
    return Group(task=task, won=won, played=played)


def rng(seed=0):
    return np.random.default_rng(seed)


def pasts(own, most=6, size=8):
    """Anything that may have been played, of these tasks and of another."""
    one = st.builds(group, st.sampled_from([*own, *HARD[:1]]), st.integers(0, size))
    return st.lists(st.lists(one, min_size=1, max_size=4), max_size=most)


def test_a_group_is_read_from_its_event():
    task = with_turns(HARD, 6)[0]
    facts = {
        **{"row": 3, "task": task.id, "params": dict(task.params)},
        **{"won": [True, False, False], "broken": 1, "returns": [1.0, 0.0, None]},
    }
    facts = json.loads(json.dumps(facts))
    assert Group.from_event(facts) == Group(task=task, won=1, played=2)


# ---- shuffled ------------------------------------------------------------------------


@given(n=st.integers(1, 9), batches=st.integers(1, 6))
def test_shuffled_rounds_play_every_game_before_any_again(n, batches):
    curriculum, past = Shuffled(tasks=EASY), []
    for batch in range(batches):
        chosen = curriculum.choose(past, n, rng(batch))
        assert len(chosen) == n
        past.append([group(task, 0) for task in chosen])
        counts = Counter(g.task for b in past for g in b)
        times = [counts[task] for task in EASY]
        assert max(times) - min(times) <= 1


# ---- prioritised ---------------------------------------------------------------------


def test_the_chance_of_a_mixed_group_agrees_with_an_integral():
    chance = (np.arange(20_000) + 0.5) / 20_000  # of winning one episode
    for won, played, size in ((0, 0, 4), (3, 8, 8), (8, 8, 8), (1, 4, 2)):
        density = chance ** (won - 0.5) * (1 - chance) ** (played - won - 0.5)
        mixed = 1 - chance**size - (1 - chance) ** size
        wanted = (density * mixed).sum() / density.sum()
        assert mixed_chance(won, played, size) == pytest.approx(wanted, abs=5e-3)


@given(past=pasts(EASY), floor=st.floats(0.01, 1.0), memory=st.integers(1, 5))
def test_every_game_keeps_a_share(past, floor, memory):
    shares = Prioritised(tasks=EASY, floor=floor, memory=memory).shares(past)
    assert shares.sum() == pytest.approx(1)
    assert shares.min() >= floor / len(EASY) - 1e-12


@given(past=pasts(EASY), seed=st.integers(0, 99), n=st.integers(1, 9))
def test_choices_repeat_and_no_game_comes_twice_if_there_are_enough(past, seed, n):
    curriculum = Prioritised(tasks=EASY)
    chosen = curriculum.choose(past, n, rng(seed))
    assert chosen == curriculum.choose(past, n, rng(seed))
    assert len(chosen) == n
    assert set(chosen) <= set(EASY)
    assert n > len(EASY) or len(set(chosen)) == n


def test_games_that_end_alike_get_less():
    won, lost, mixed, unseen = EASY[:4]
    past = [[group(won, 8), group(lost, 0), group(mixed, 3)]]
    share = dict(zip(EASY, Prioritised(tasks=EASY).shares(past), strict=True))
    assert share[won] == pytest.approx(share[lost])
    assert share[won] < share[unseen] < share[mixed]
    # By hand, with floor 0: 0.287 for 8 of 8, 0.607 for none, see `mixed_chance`.
    weights = [mixed_chance(w, 8, 8) for w in (8, 0, 3)] + [mixed_chance(0, 0, 8)] * 3
    wanted = 0.8 * mixed_chance(8, 8, 8) / sum(weights) + 0.2 / 6
    assert share[won] == pytest.approx(wanted)


@given(times=st.integers(1, 6))
def test_the_more_often_all_is_won_the_less_a_game_gets(times):
    def share(n):
        past = [[group(EASY[0], 8)]] * n
        return Prioritised(tasks=EASY, memory=4).shares(past)[0]

    if times < 4:
        assert share(times + 1) < share(times)
    else:  # older groups are forgotten
        assert share(times + 1) == share(times)


def test_a_game_whose_world_always_broke_counts_as_unseen():
    shares = Prioritised(tasks=EASY).shares([[group(EASY[0], 0, played=0)]])
    assert shares == pytest.approx([1 / 6] * 6)


def test_the_draws_follow_the_shares():
    curriculum = Prioritised(tasks=EASY)
    past = [[group(EASY[0], 8), group(EASY[1], 4)]] * 3
    draws = Counter(curriculum.choose(past, 1, rng(s))[0] for s in range(2000))
    for task, share in zip(EASY, curriculum.shares(past), strict=True):
        spread = (2000 * share * (1 - share)) ** 0.5
        assert abs(draws[task] - 2000 * share) < 4 * spread


# ---- stages --------------------------------------------------------------------------


def test_a_stage_ends_when_enough_of_its_window_was_won():
    curriculum = Stages(stages=(EASY, HARD), success=0.75, window=4)
    six, five = [group(EASY[0], 6)] * 2, [group(EASY[1], 5)] * 2
    assert curriculum.stage([]) == 0
    assert curriculum.stage([six]) == 0  # 12 of 16, but two groups are no window
    assert curriculum.stage([six, five]) == 0  # 22 of 32
    assert curriculum.stage([five, six]) == 0
    assert curriculum.stage([six, five, six, six]) == 1  # 24 of 32 in the last four
    lost = [group(HARD[0], 0)] * 4
    assert curriculum.stage([six, six, lost]) == 1  # it never goes back


def test_what_was_won_before_a_stage_does_not_end_it():
    curriculum = Stages(stages=(EASY, EASY, EASY), success=0.5, window=2)
    won = [group(EASY[0], 8)]
    assert [curriculum.stage([won] * n) for n in range(7)] == [0, 0, 1, 1, 2, 2, 2]


def test_fixed_stages_take_as_many_batches_as_told():
    curriculum = Stages(stages=(EASY, HARD, EASY[:1]), batches=2)
    past = []
    for batch in range(6):
        stage = (EASY, HARD, EASY[:1])[min(batch // 2, 2)]
        chosen = curriculum.choose(past, 2, rng(batch))
        assert set(chosen) <= set(stage)
        past.append([group(task, 0) for task in chosen])


def test_a_stage_that_is_never_won_ends_by_the_number_of_batches():
    curriculum = Stages(stages=(EASY, HARD), success=0.9, window=1, batches=3)
    lost = [group(EASY[0], 0)]
    assert [curriculum.stage([lost] * n) for n in range(5)] == [0, 0, 0, 1, 1]


@given(past=pasts(EASY, most=10), more=pasts(EASY, most=4))
def test_a_stage_is_never_left_backwards(past, more):
    curriculum = Stages(stages=(EASY, HARD), success=0.5, window=2)
    assert curriculum.stage([*past, *more]) >= curriculum.stage(past)


def test_the_horizon_grows():
    curriculum = horizon(EASY, limits=(6, 12, 24), batches=1)
    past = []
    for limit in (6, 12, 24, 24):
        chosen = curriculum.choose(past, 4, rng())
        assert {dict(task.params)["max_turns"] for task in chosen} == {limit}
        assert {task.seed for task in chosen} <= {task.seed for task in EASY}
        past.append([group(task, 0) for task in chosen])


# ---- mixtures ------------------------------------------------------------------------


def test_shares_of_a_mixture_are_binomial():
    curriculum = Mixture(parts=(EASY, HARD), weights=(3, 1))
    chosen = curriculum.choose([], 4000, rng())
    easy = sum(task.env == EASY[0].env for task in chosen)
    assert abs(easy - 3000) < 4 * (4000 * 0.75 * 0.25) ** 0.5


@given(n=st.integers(1, 20), seed=st.integers(0, 50))
def test_a_mixture_fills_the_batch(n, seed):
    parts = (EASY, Prioritised(tasks=HARD), EASY[:2])
    chosen = Mixture(parts=parts).choose([], n, rng(seed))
    assert len(chosen) == n
    assert set(chosen) <= {*EASY, *HARD}


def test_parts_may_be_curricula():
    growing = horizon(EASY, limits=(6, 12), batches=2)
    both = Mixture(parts=(growing, HARD), weights=(1, 1))
    assert len(both.tasks) == 2 * len(EASY) + len(HARD)
    first, hard = [group(with_turns(EASY, 6)[0], 0)], [group(HARD[0], 8)]
    assert both.parts[0].stage([first, hard, hard]) == 0  # batches without it
    assert both.parts[0].stage([first, hard, first]) == 1


# ---- what is refused, and what is written down ---------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Shuffled(tasks=[]), "no games"),
        (lambda: Stages(stages=(EASY, []), batches=1), "no games"),
        (lambda: Stages(stages=(), batches=1), "no games"),
        (lambda: Stages(stages=(EASY,)), "Nothing ends a stage"),
        (lambda: Stages(stages=(EASY,), success=1.5), "success is 1.5"),
        (lambda: Stages(stages=(EASY,), success=0.5, window=0), "window is 0"),
        (lambda: Stages(stages=(EASY,), batches=0), "batches is 0"),
        (lambda: Prioritised(tasks=EASY, floor=0.0), "floor is 0"),
        (lambda: Prioritised(tasks=EASY, memory=0), "memory is 0"),
        (lambda: Mixture(parts=(EASY, HARD), weights=(1,)), "do not fit 2 parts"),
        (lambda: Mixture(parts=(EASY, HARD), weights=(1, 0)), "above 0"),
        (lambda: horizon(EASY, limits=(12, 6), batches=1), "do not grow"),
        (lambda: horizon(EASY, limits=(), batches=1), "do not grow"),
    ],
)
def test_contradictions_are_refused(make, message):
    with pytest.raises(ConfigError, match=message) as error:
        make()
    assert error.value.why


def test_a_curriculum_describes_itself_as_plain_data():
    curriculum = Stages(
        stages=(EASY, Mixture(parts=(Prioritised(tasks=HARD), EASY), weights=(2, 1))),
        success=0.7,
    )
    found = json.loads(json.dumps(curriculum.describe()))
    first, second = found["stages"]
    assert found["name"] == "stages"
    assert found["success"] == 0.7
    assert first == {"name": "shuffled", "tasks": 6}
    assert second["weights"] == [2, 1]
    prioritised = {"name": "prioritised", "tasks": 4, "floor": 0.2, "memory": 4}
    assert second["parts"][0] == prioritised


def test_anybody_can_write_one():
    @dataclass(frozen=True, kw_only=True)
    class Always(Curriculum):
        tasks: list[Task]

        def choose(self, past, n, rng):
            return self.tasks[:1] * n

    curriculum = Always(tasks=EASY)
    assert curriculum.choose([], 3, rng()) == EASY[:1] * 3
    assert curriculum.describe() == {"name": "always", "tasks": 6}
