import json

import pytest

from tests.training.runs import SMALL
from toolkit.errors import ConfigError
from toolkit.lessons.exercises.to_a_real_model import (
    MAY,
    MAY_NOT,
    adapter_weights,
    check_adapter_weights,
    check_episodes_that_fit,
    check_games_per_step,
    check_held_bytes,
    check_may_change,
    episodes_that_fit,
    games_per_step,
    held_bytes,
)
from toolkit.policies.models import load_policy
from toolkit.training.folder import MAY_CHANGE
from toolkit.training.memory import GIB, SHAPES, plan_memory
from toolkit.training.settings import make_config

SETTINGS = {
    "A": "max_steps",
    "B": "learning_rate",
    "C": "save_steps",
    "D": "seed",
    "E": "workers",
    "F": "per_device_train_batch_size",
}


@pytest.mark.parametrize(
    ("check", "answer", "message"),
    [
        (check_held_bytes, lambda f, t: 2 * f + 160, "for 0 frozen and 7 trained"),
        (check_held_bytes, lambda f, t: float("inf"), "not finite"),
        (check_adapter_weights, lambda s, r: 960, "Draw the two matrices"),
        (
            check_episodes_that_fit,
            lambda free, *case: free / (6 * case[0] * case[1] * case[2] * case[3]),
            "round down",
        ),
        (check_episodes_that_fit, lambda *_: 43, "and 37 fit"),
        (check_games_per_step, lambda p, r, a, g: p * r * a // g, "say 0"),
        (check_games_per_step, lambda p, r, a, g: p * r * a * g, "fewer games"),
        (
            check_games_per_step,
            lambda *case: games_per_step(*case) if case[3] < 8 else 8,
            "for 8 processes, 8 rows, 4 passes and groups of 8",
        ),
        (check_may_change, "", "some may change"),
        (check_may_change, "ACEX", "no setting X"),
        (check_may_change, None, "no setting"),
        (check_may_change, [1], "some may change"),
    ],
)
def test_answers_that_are_off_in_other_ways_are_refused(check, answer, message):
    verdict = check(answer)
    assert not verdict.passed
    assert message in verdict.message


@pytest.mark.parametrize("letters", ["ACE", "e, c, a", ["A", "C", "E"]])
def test_letters_may_be_written_in_many_ways(letters):
    assert check_may_change(letters).passed


def test_what_may_change_is_what_the_library_lets_change():
    assert {SETTINGS[letter] for letter in MAY} <= MAY_CHANGE
    assert not {SETTINGS[letter] for letter in MAY_NOT} & MAY_CHANGE


@pytest.mark.parametrize("lora", [None, True], ids=["all", "lora"])
def test_bytes_by_hand_are_those_of_the_plan(lora):
    plan = plan_memory(
        "smollm2-135m", rows=1, tokens=8, live=1, precision="bf16", lora=lora
    )
    wanted = plan.weights + plan.gradients + plan.optimizer
    assert held_bytes(plan.parameters - plan.trained, plan.trained) == wanted


def test_adapters_by_hand_are_those_of_peft():
    learner = load_policy("pocket", lora=True, device="cpu").model
    layers = [
        (module.in_features, module.out_features)
        for name, module in learner.named_modules()
        if hasattr(module, "lora_A")
    ]
    assert adapter_weights(layers, 16) == learner.get_nb_trainable_parameters()[0]


def test_episodes_by_hand_fill_the_cache_of_the_plan():
    shape = SHAPES["Qwen/Qwen2.5-1.5B-Instruct"]
    free, size = 3 * GIB, shape["hidden_size"] // shape["num_attention_heads"]
    layers, heads = shape["num_hidden_layers"], shape["num_key_value_heads"]
    live = episodes_that_fit(free, layers, heads, size, 3072)
    full, over = (
        plan_memory(
            "Qwen/Qwen2.5-1.5B-Instruct",
            rows=1,
            tokens=3072,
            live=n,
            precision="bf16",
            lora=True,
        ).cache
        for n in (live, live + 1)
    )
    assert full <= free < over


def test_games_by_hand_are_those_of_the_settings():
    for rows, passes, size in ((8, 2, 4), (4, 2, 8), (6, 2, 4), (6, 1, 4)):
        given = {"per_device_train_batch_size": rows, "num_generations": size}
        given |= {"gradient_accumulation_steps": passes, "max_steps": 1, "env": "gates"}
        try:
            found = make_config(**SMALL | given).groups_needed
        except ConfigError:
            found = 0
        assert found == games_per_step(1, rows, passes, size), json.dumps(given)
