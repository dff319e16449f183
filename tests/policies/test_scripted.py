import pytest

from toolkit.environments.base import make_env, tasks
from toolkit.episodes.record import StopReason
from toolkit.episodes.rollout import collect
from toolkit.errors import ConfigError
from toolkit.policies import ExpertPolicy, HumanPolicy, RandomPolicy
from toolkit.policies.base import Observation

PAPER = "textworld/w2-o3-q4"


@pytest.fixture(scope="module")
def games():
    return tasks(PAPER, split="test", n=3)


def test_the_expert_wins(games):
    episodes = collect(ExpertPolicy(), PAPER, games, workers=0, progress=False)
    assert [e.stop_reason for e in episodes] == [StopReason.WON] * 3
    assert [len(e.turns) for e in episodes] == [4] * 3
    assert all(e.policy == "expert" for e in episodes)
    assert "expert" not in episodes[0].turns[0].info  # not for the record


def test_a_person_plays_one_game_at_a_time(games):
    plans = {}
    for game in games[:2]:
        env = make_env(PAPER, expert=True)
        text, info = env.reset(options={"task": game})
        plans[text] = list(info["expert"])
        env.close()
    asked, plan = [], []

    def ask(text):
        asked.append(text)
        plan.extend(plans.get(text, ()))
        return plan.pop(0)

    env = make_env(PAPER)
    episodes = collect(HumanPolicy(ask), env, games[:2], workers=0, progress=False)
    assert all(e.won for e in episodes)
    assert asked == [t.observation for e in episodes for t in e.turns]


def test_a_person_types(monkeypatch, capsys):
    monkeypatch.setattr("builtins.input", lambda prompt: print(prompt) or "go north")
    (action,) = HumanPolicy().act([Observation(episode=0, key=(0,), text="A room.")])
    assert action.text == "go north"
    assert capsys.readouterr().out == "\nA room.\n> \n"


def test_the_random_player_has_its_own_stream_per_episode(games):
    def run(**options):
        episodes = collect(
            RandomPolicy(), PAPER, games[:1], group_size=3, progress=False, **options
        )
        return [[t.completion for t in e.turns] for e in episodes]

    first = run(workers=0)
    assert run(workers=0, live=1) == first
    assert run(workers=0, seed=1) != first
    assert first[0] != first[1]
    assert all(len(set(actions)) > 1 for actions in first)


@pytest.mark.parametrize("info", [{}, {"expert": None}, {"expert": []}])
def test_an_expert_without_a_plan(info):
    seen = Observation(episode=0, key=(0,), text="", info=info)
    with pytest.raises(ConfigError, match="expert=True"):
        ExpertPolicy().act([seen])


def test_a_random_player_that_is_told_nothing():
    policy = RandomPolicy()
    policy.start()
    with pytest.raises(ConfigError, match="admissible=True"):
        policy.act([Observation(episode=0, key=(0,), text="")])
    nothing = {"admissible_actions": []}
    (action,) = policy.act([Observation(episode=0, key=(0,), text="", info=nothing)])
    assert action.text == "look"
