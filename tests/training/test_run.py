import json

import pytest
import yaml

from tests.models import tiny_policy
from tests.training.runs import SMALL, run_small
from toolkit.environments.base import tasks
from toolkit.errors import ConfigError
from toolkit.training.plan import schedule
from toolkit.training.run import train_from_file
from toolkit.training.settings import make_config, read_config

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"  # from peft
)


def test_unknown_settings_name_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'learning_rate'"):
        make_config(learning_rte=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"credit": "gpro"}, "Did you mean 'grpo'"),
        ({"reward": "games"}, "Did you mean 'game'"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"live": 0}, "live is 0"),
        ({"workers": -1}, "workers is -1"),
        ({"learning_rate": -1e-3}, "learning_rate is -0.001"),
        ({"beta": -0.1}, "beta is -0.1"),
        ({"seed": -1}, "seed is -1"),
        ({"gradient_accumulation_steps": 0}, "gradient_accumulation_steps is 0"),
        ({"n_tasks": 0}, "n_tasks is 0"),
        ({"stop_after_minutes": 0.0}, "stop_after_minutes is 0.0"),
        ({"discount": 1.5}, "discount is 1.5"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"top_p": 0.9}, "biases the gradient"),
        ({"top_k": 5}, "biases the gradient"),
        ({"min_p": 0.1}, "biases the gradient"),
        ({"num_generations": 1}, "every episode equals its own mean"),
        ({"num_generations": 0, "credit": "reinforce_pp"}, "num_generations is 0"),
        ({"num_generations": 7}, "divisible by num_generations"),
        ({"shuffle_dataset": True}, "shuffled by us"),
        ({"mask_truncated_completions": True}, "truncated"),
        ({"scale_rewards": "none", "credit": "rloo"}, "Only grpo can be scaled"),
        ({"scale_rewards": "groups"}, "Did you mean 'group'"),
        ({"reward_weights": [2.0]}, "reward_weights is set"),
        ({"bf16": True, "fp16": True}, "refused"),
        ({"save_strategy": "sometimes"}, "refused"),
    ],
)
def test_contradictions_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message) as error:
        make_config(**settings)
    assert error.value.what
    assert error.value.why


def test_no_games_are_refused():
    with pytest.raises(ConfigError, match="no games to train on"):
        schedule([], make_config(**SMALL))


@pytest.mark.parametrize(
    ("settings", "every"),
    [
        ({}, 1),
        ({"num_iterations": 2}, 2),
        ({"steps_per_generation": 4}, 4),
        ({"gradient_accumulation_steps": 4, "steps_per_generation": 2}, 1),
        ({"gradient_accumulation_steps": 2, "steps_per_generation": 3}, 3),
        ({"gradient_accumulation_steps": 2, "num_iterations": 3}, 3),
    ],
)
def test_checkpoints_lie_between_batches(settings, every):
    config = make_config(**SMALL | {"save_steps": 5} | settings)
    assert config.steps_per_rollout == every
    assert config.save_steps % every == 0


def test_save_steps_may_be_a_share():
    assert make_config(**SMALL | {"max_steps": 40, "save_steps": 0.25}).save_steps == 10


@pytest.mark.parametrize(
    ("settings", "groups"),
    [
        ({}, 4 * 2),  # 4 steps of 8 episodes in groups of 4
        ({"gradient_accumulation_steps": 3}, 4 * 6),
        ({"steps_per_generation": 2}, 2 * 4),
        ({"num_iterations": 2}, 2 * 2),
        ({"gradient_accumulation_steps": 2, "steps_per_generation": 1}, 8 * 2),
        ({"max_steps": 3, "num_iterations": 2}, 2 * 2),
    ],
)
def test_the_schedule_has_as_many_groups_as_are_played(tmp_path, settings, groups):
    config = make_config(**SMALL | settings)
    rows = schedule(tasks("gates", n=3), config)
    assert len(rows) == groups
    run = run_small(tmp_path, n=3, **settings)
    played = [
        g["task"] for e in run.events if e["event"] == "rollout" for g in e["groups"]
    ]
    assert played == [task.id for task in rows]


def test_the_schedule_plays_every_game_before_any_again():
    rows = schedule(tasks("gates", n=4), make_config(**SMALL))
    assert {r.seed for r in rows[:4]} == {r.seed for r in rows[4:]} == {0, 1, 2, 3}


def test_yaml_says_the_same_as_keywords(tmp_path):
    settings = SMALL | {
        "env": "gates",
        "env_params": {"max_turns": 3},
        "credit": "turn_return",
        "discount": 0.9,
        "loss_type": "cispo",
        "report_to": ["tensorboard"],
    }
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(settings))
    found, wanted = read_config(path).to_dict(), make_config(**settings).to_dict()
    assert found == wanted
    changed = read_config(
        path, ["--max_steps", "9", "--env_params", '{"max_turns": 5}']
    )
    assert changed.max_steps == 9
    assert changed.env_params == {"max_turns": 5}


def test_yaml_numbers_without_a_point(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("learning_rate: 1e-4\n")  # YAML reads a string here
    assert read_config(path).learning_rate == 1e-4


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("max_stepz: 3", [], "Did you mean 'max_steps'"),
        ("max_steps: 3", ["--max_stepz", "4"], "Did you mean 'max_steps'"),
        ("max_steps: many", [], "invalid int value"),
        ("max_steps: 3", ["--max_steps", "few"], "invalid int value"),
        ("max_steps: [", [], "is not YAML"),
        ("- max_steps", [], "must be a YAML mapping"),
        ("", [], "must be a YAML mapping"),
    ],
)
def test_bad_yaml_is_explained(tmp_path, text, overrides, message):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_config(path, overrides)


def test_train_from_a_file(tmp_path):
    tiny_policy().save(tmp_path / "start")
    settings = SMALL | {
        "max_steps": 2,
        "env": "gates",
        "n_tasks": 5,
        "policy": str(tmp_path / "start"),
        "output_dir": str(tmp_path / "run"),
    }
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(settings))
    run = train_from_file(path)
    assert (run.step, run.stopped) == (2, "finished")
    longer = train_from_file(path, ["--max_steps", "3"])
    assert longer.step == 3
    assert [e["step"] for e in longer.events if e["event"] == "resumed"] == [2]
    again = train_from_file(path, ["--max_steps", "1"])  # what is done begins anew
    assert again.step == 1
    assert again.events[0]["event"] == "run_started"


def test_temperature_is_the_policys(tmp_path):
    policy = tiny_policy(temperature=0.7)
    run = run_small(tmp_path, policy=policy, max_steps=1)
    assert policy.temperature == 0.7
    assert (
        json.loads((tmp_path / "config.json").read_text())["settings"]["temperature"]
        == 0.7
    )
    assert run.policy is policy
