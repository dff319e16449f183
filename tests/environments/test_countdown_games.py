import time

import pytest

from toolkit.environments.arithmetic import evaluate
from toolkit.environments.countdown_games import (
    COUNTS,
    LEVELS,
    SPLIT_SEEDS,
    guesses,
    make_game,
    parse_level,
)
from toolkit.errors import ConfigError, TaskError, UnknownEnvironmentError

KINDS = [f"countdown/n{n}-{level}" for n in COUNTS for level in LEVELS]


def sample(env, per_split=25):
    level = parse_level(env)
    seeds = [s for split in SPLIT_SEEDS.values() for s in split[:per_split]]
    return level, [make_game(level, seed) for seed in seeds]


def test_what_an_id_names():
    level = parse_level("countdown/n4-medium-single")
    assert (level.name, level.count, level.single) == ("n4-medium", 4, True)
    assert (level.largest, level.operations, level.top) == (20, "+-*", 200)
    assert not parse_level("countdown/n4-medium").single


@pytest.mark.parametrize(
    ("env", "hint"),
    [
        ("countdown", "countdown/n"),
        ("countdown/n3", "countdown/n3-easy"),
        ("countdown/n3-eazy", "countdown/n3-easy"),
        ("countdown/n3-easy-singel", "countdown/n3-easy"),
        ("countdown/n3-easy-single-single", "countdown/n3-easy"),
        ("countdown/n3-easysingle", "countdown/n3-easy"),
        ("countdown/N3-easy", "countdown/n3-easy"),
        ("countdown/n٣-easy", "countdown/n"),
        ("countdown/n03-easy", "countdown/n3-easy"),
    ],
)
def test_unknown_ids_name_the_near_ones(env, hint):
    with pytest.raises(UnknownEnvironmentError, match=hint):
        parse_level(env)


@pytest.mark.parametrize("count", [0, 1, 7, 999])
def test_numbers_of_a_game_are_limited(count):
    with pytest.raises(ConfigError, match="2 to 6"):
        parse_level(f"countdown/n{count}-easy")


@pytest.mark.parametrize("env", KINDS)
def test_every_game_is_solvable_and_as_its_level_says(env):
    level, games = sample(env)
    for game in games:
        found = evaluate(game.solution)
        assert found.value == game.target
        assert sorted(found.numbers) == sorted(game.numbers)
        assert len(game.numbers) == level.count
        assert all(1 <= number <= level.largest for number in game.numbers)
        assert 1 <= game.target <= level.top
        assert set(game.solution) <= set(f"0123456789() {level.operations}")


def test_levels_use_their_operations():
    signs = {sign for game in sample("countdown/n4-hard")[1] for sign in game.solution}
    assert {"+", "-", "*", "/", "("} <= signs


def test_a_seed_means_the_same_game_everywhere():
    level = parse_level("countdown/n4-hard")
    game = make_game(level, 1)
    assert (game.numbers, game.target) == ((38, 63, 29, 66), 64)
    assert make_game(level, 1) == game
    assert make_game(parse_level("countdown/n4-hard-single"), 1) == game
    assert make_game(level, 2) != game


@pytest.mark.parametrize("env", ["countdown/n2-easy", "countdown/n3-easy"])
def test_no_game_of_one_split_is_met_in_another(env):
    level = parse_level(env)
    met = {
        split: {
            (*sorted(game.numbers), game.target)
            for game in (make_game(level, seed) for seed in seeds[:500])
        }
        for split, seeds in SPLIT_SEEDS.items()
    }
    assert min(map(len, met.values())) > 50
    assert sum(map(len, met.values())) == len(set.union(*met.values()))


def test_hundred_games_are_nearly_all_different():
    games = sample("countdown/n3-easy", 100)[1][:100]
    assert len({(*sorted(g.numbers), g.target) for g in games}) >= 95


@pytest.mark.parametrize("seed", [-1, 0, 1_001, 40_000_000])
def test_seeds_of_no_split_are_refused(seed):
    with pytest.raises(TaskError, match=r"1 to 1000 \(test\)"):
        make_game(parse_level("countdown/n3-easy"), seed)


@pytest.mark.parametrize("env", ["countdown/n2-hard", "countdown/n5-easy"])
def test_guesses_use_every_number_once(env):
    for game in sample(env, 5)[1]:
        drawn = guesses(game)
        assert drawn == guesses(game)
        assert 1 < len(drawn) == len(set(drawn)) <= 10
        for guess in drawn:
            assert sorted(evaluate(guess).numbers) == sorted(game.numbers)


def test_a_guess_is_seldom_right():
    games = sample("countdown/n3-hard")[1]
    right = [evaluate(e).value == game.target for game in games for e in guesses(game)]
    assert 0 < sum(right) < 0.3 * len(right)


@pytest.mark.slow
def test_ten_thousand_games_take_seconds():
    level = parse_level("countdown/n4-hard")
    began = time.process_time()
    for seed in SPLIT_SEEDS["validation"]:
        make_game(level, seed)
    assert time.process_time() - began < 15
