import pickle

import gymnasium
import pytest

from tests.environments.text_games import Hunt, Liar, Numbers
from toolkit.environments.adapters import from_gymnasium
from toolkit.environments.base import make_env, tasks
from toolkit.environments.checker import check_env
from toolkit.episodes.record import StopReason
from toolkit.episodes.rollout import collect
from toolkit.errors import (
    ConfigError,
    EnvironmentCrashError,
    UnknownEnvironmentError,
)
from toolkit.evaluation import evaluate
from toolkit.policies.scripted import RandomPolicy
from toolkit.widgets.stepper import EnvStepper

HUNT = "gymnasium/tests.environments.text_games:Hunt-v0"


def games(env, n=4):
    return tasks(env.spec.id, split="test", n=n)


def play(env, actions, task=None):
    env.reset(options={"task": task or games(env)[0]})
    return [env.step(action) for action in actions]


def hidden(env, task):
    env.reset(options={"task": task})
    return env._inner.unwrapped.hidden


@pytest.mark.parametrize("env", [HUNT, Hunt], ids=["id", "class"])
def test_a_world_of_gymnasium_keeps_the_contract(env):
    verdict = check_env(env if isinstance(env, str) else from_gymnasium(env))
    assert verdict.passed, str(verdict)
    assert set(verdict.codes) <= {"nonsense"}  # it takes any word for a guess
    assert verdict.asked >= {"process", "snapshot", "admissible", "hostile"}


def test_a_game_as_it_goes():
    env = from_gymnasium(Hunt)
    task = games(env)[0]
    word = hidden(env, task)
    other = next(w for w in Hunt.words if w != word)
    (_, reward, over, _, info), *_ = play(env, [other], task)
    assert (reward, over, info["score"], info["left"]) == (-0.25, False, -0.25, 5)
    assert "object" not in info
    assert "admissible_actions" not in info
    text, reward, over, truncated, info = play(env, [word], task)[0]
    assert (text, reward, over, truncated) == ("found.", 1.0, True, False)
    assert (info["won"], info["lost"], info["score"]) == (True, False, 1.0)
    info = play(env, [other] * 6, task)[-1][4]
    assert (info["won"], info["lost"]) == (False, True)


def test_the_seed_of_the_task_makes_the_game():
    env = from_gymnasium(Hunt)
    words = [hidden(env, task) for task in games(env, 60)]
    assert words == [hidden(env, task) for task in games(env, 60)]
    assert set(words) == set(Hunt.words)


def test_what_the_action_space_does_not_hold_is_refused():
    env = from_gymnasium(Hunt)
    text, _, _, _, info = play(env, ["x1"])[0]
    assert text == env.refusal
    assert info["valid_action"] is False
    assert env._inner.guesses == 0
    assert play(env, ["a b"])[0][4]["valid_action"] is True


def test_turn_limits_of_both_sides():
    assert make_env(HUNT).max_turns == 7  # of the registration
    assert from_gymnasium(Hunt).max_turns == 50
    assert make_env(HUNT, max_turns=2).max_turns == 2
    env = from_gymnasium(Hunt(limit=2))
    _, last = play(env, ["a", "b"])
    assert last[2:4] == (False, True)
    assert (last[4]["won"], last[4]["lost"]) == (False, False)
    env.reset(options={"task": games(env)[0]})
    assert env.max_turns == 50


def test_environments_may_be_given_in_four_ways():
    ways = [HUNT.partition("/")[2], Hunt(), Hunt, lambda: Hunt(limit=1)]
    for way in ways:
        env = from_gymnasium(way)
        assert play(env, ["fox"])[0][0]
    assert from_gymnasium(gymnasium.make("Hunt-v0")).spec.id == "gymnasium/Hunt-v0"


def test_copies_of_a_given_environment_are_apart():
    given = Hunt()
    env = from_gymnasium(given)
    another = env.factory()
    task = games(env)[0]
    env.reset(options={"task": task})
    another.reset(options={"task": task})
    env.step("fox")
    assert (env._inner.guesses, another._inner.guesses) == (1, 0)
    assert pickle.loads(pickle.dumps(env.factory))().spec.id == env.spec.id


def test_collect_and_evaluate_play_it_in_workers():
    env = from_gymnasium(Hunt(limit=5))
    told = collect(RandomPolicy(), env, games(env), workers=1, progress=False)
    here = collect(RandomPolicy(), env, games(env), workers=0, progress=False)
    assert [e.turns[-1].action for e in told] == [e.turns[-1].action for e in here]
    assert not any(e.error for e in told)
    found = evaluate(RandomPolicy(), HUNT, games(env, 12), workers=0, progress=False)
    assert 0 < found.success < 1


def test_spaces_of_numbers_are_refused():
    with pytest.raises(ConfigError, match="Discrete") as caught:
        from_gymnasium(Numbers)
    assert "TransformAction" in caught.value.fix
    with pytest.raises(ConfigError, match="neither an id"):
        from_gymnasium(3)
    with pytest.raises(ConfigError, match="no argument 'maxturns'"):
        tasks(HUNT, maxturns=3)
    for wrong in ({"max_turns": 0}, {"max_turns": True}, {"won_at": 0.0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            from_gymnasium(Hunt, **wrong)


def test_unknown_ids_are_answered_with_near_ones():
    with pytest.raises(UnknownEnvironmentError, match="Hunt-v0"):
        make_env("gymnasium/Hunt-v1")
    with pytest.raises(UnknownEnvironmentError, match="no_such_module"):
        from_gymnasium("no_such_module:Hunt-v0")


@pytest.mark.parametrize("how", ["text", "reward"])
def test_a_world_that_breaks_its_word_gives_a_broken_episode(how, monkeypatch):
    monkeypatch.setattr(Liar, "how", how)
    env = from_gymnasium(Liar)
    with pytest.raises(EnvironmentCrashError, match=r"7|nan"):
        play(env, ["fox"])
    episode = collect(RandomPolicy(), env, games(env, 1), workers=0, progress=False)[0]
    assert episode.stop_reason == StopReason.ENVIRONMENT_ERROR


def test_a_person_plays_it_and_takes_a_turn_back():
    stepper = EnvStepper(from_gymnasium(Hunt))
    stepper.type("cat")
    stepper.type("dog")
    stepper.undo()
    assert [turn.action for turn in stepper.turns] == ["cat"]
    assert stepper.episode.final_observation == "no, cat it is not."
