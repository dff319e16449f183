"""Countdown with what plays, pays and shows it."""

import functools
import json

import pytest
import torch
import yaml
from gymnasium.utils.env_checker import check_env

from tests.models import tiny_policy
from tests.training.runs import SMALL, weights_of
from toolkit.cli import main
from toolkit.environments.base import make_env, tasks
from toolkit.episodes.record import StopReason
from toolkit.episodes.rollout import collect
from toolkit.policies.base import Action, Policy
from toolkit.policies.scripted import RandomPolicy
from toolkit.rewards import Mix
from toolkit.training.run import train_from_file
from toolkit.widgets.stepper import EnvStepper

MANY, SINGLE = "countdown/n3-easy", "countdown/n3-easy-single"
(GAME,) = tasks(MANY, split="test", n=1)  # 14 from 10, 5 and 1
RIGHT, WRONG = "10 + 5 - 1", "10 + 5 + 1"

play = functools.partial(collect, workers=0, progress=False)


class Script(Policy):
    """Says one line after the other."""

    name = "script"

    def __init__(self, *lines):
        self.lines = list(lines)

    def act(self, observations):
        return [Action(text=self.lines.pop(0))]


def test_a_snapshot_comes_back_in_another_environment():
    env = make_env(MANY)
    env.reset(options={"task": GAME})
    for command in ("check 10 / 5", "nonsense", f"check {WRONG}"):
        env.step(command)
    other = make_env(MANY)
    observation, _ = other.restore(env.snapshot())
    assert observation == "= 16, 2 above the target."
    assert other.surroundings() == env.surroundings()
    assert other.step("answer 3") == env.step("answer 3")


@pytest.mark.parametrize("env_id", [MANY, SINGLE])
def test_passes_gymnasiums_checker(env_id):
    check_env(make_env(env_id))


@pytest.mark.parametrize("env_id", [MANY, SINGLE])
def test_worker_processes_play_the_same_games(env_id):
    games = tasks(env_id, split="test", n=6)
    here, there = (play(RandomPolicy(), env_id, games, workers=w) for w in (0, 1))
    actions = [[t.action for t in e.turns] for e in here]
    assert actions == [[t.action for t in e.turns] for e in there]
    assert [e.turn_rewards for e in here] == [e.turn_rewards for e in there]
    assert StopReason.LOST in {e.stop_reason for e in here}


def test_a_model_plays():
    (episode,) = play(tiny_policy(), MANY, [GAME])
    assert episode.stop_reason is StopReason.TURN_LIMIT
    assert len(episode.turns) == 6


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_a_model_trains_as_a_file_says(tmp_path):
    policy = tiny_policy()
    policy.save(tmp_path / "policy")
    settings = SMALL | {
        "env": MANY,
        "env_params": {"goal": "brief", "max_turns": 2, "progress": True},
        "policy": str(tmp_path / "policy"),
        "reward": {"progress": 1, "format": {"weight": 1, "pattern": "[^a]*"}},
        "max_steps": 1,
        "output_dir": str(tmp_path / "run"),
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(settings))
    run = train_from_file(str(tmp_path / "run.yaml"), [])
    assert not torch.equal(weights_of(run.policy), weights_of(policy))
    assert run.policy.trained_on <= {(MANY, game.seed) for game in tasks(MANY)}


def test_rewards_can_be_made_of_its_facts():
    player = Script("check 1 +", f"check {WRONG}", f"answer {RIGHT}")
    played = play(player, make_env(MANY, progress=True), [GAME])
    terms = {"progress": 1.0, "invalid_action": 0.5, "step_cost": 0.1}
    scored = Mix(terms | {"potential": {"discount": 1.0}}).score(played)
    assert scored.turn_rewards[0] == pytest.approx(
        [-0.5 - 0.1, 0.5 / 3 - 0.1, 1 - 0.5 / 3 - 0.1]
    )


@pytest.mark.parametrize(("answer", "earned"), [(WRONG, 0.1), (RIGHT, 1.0)])
def test_a_wrong_answer_earns_less_than_a_win(answer, earned):
    played = play(Script(f"answer {answer}"), MANY, [GAME])
    assert Mix({"progress": 1.0}).score(played).returns == pytest.approx([earned])
    assert Mix({"success": 1.0}).score(played).returns == [float(earned == 1)]


def test_the_stepper_shows_it():
    stepper = EnvStepper(make_env(MANY), task=GAME)
    stepper.type(f"check {WRONG}")
    stepper.type(f"answer {WRONG}")
    stepper.undo()
    stepper.type(f"answer {RIGHT}")
    assert stepper.episode.won
    shown = json.dumps(stepper.shown())
    assert f"{WRONG} = 16" in shown
    assert "Numbers" in shown


def test_it_can_be_played_on_the_command_line(capsys):
    assert main(["play", SINGLE, "--policy", "expert"]) == 0
    assert "Won after 1 turns, score 1 of 1" in capsys.readouterr().out
