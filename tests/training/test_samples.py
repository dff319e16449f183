import itertools
import json

import pytest

from tests.models import char_tokenizer
from tests.training.runs import Gates, batch_of, opened, opinionated, run_small
from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.training.events import read_events, steps_of
from toolkit.training.samples import FILE, LARGEST, sample_facts

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"  # from peft
)
TOKENIZER = char_tokenizer()


def episode(*completions, observation="You see a door.", reason=StopReason.LOST):
    """An episode whose tokens are characters, each with its own log-probability."""
    turns = []
    for text in completions:
        ids = tuple(TOKENIZER(text, add_special_tokens=False).input_ids)
        seen = tuple(TOKENIZER(observation, add_special_tokens=False).input_ids)
        turns.append(
            Turn(
                observation=observation,
                completion=text,
                action=text,
                reward=0.0,
                observation_ids=seen,
                action_ids=ids,
                logprobs=tuple(-float(k) for k in range(len(ids))),
            )
        )
    task = Task(env="gates", seed=len(completions))
    return Episode(task=task, turns=tuple(turns), stop_reason=reason)


def facts(episodes, rewards, advantages=None, group_size=2):
    lengths = [len(e.ids) for e in episodes]
    advantages = advantages or [[0.5] * n for n in lengths]
    return sample_facts(
        episodes, rewards, advantages, group_size=group_size, tokenizer=TOKENIZER
    )


def test_every_token_has_its_own_advantage():
    played = [episode("ab", "c"), episode("z")]
    seen = len("You see a door.")
    advantages = [[1.0, 2.0, *[0.0] * seen, 3.0], [-1.0]]
    best, worst = facts(played, [[1.0, 0.5], [0.0]], advantages)["episodes"]
    assert [t["tokens"] for t in best["turns"]] == [
        [["a", 0.0, 1.0], ["b", -1.0, 2.0]],
        [["c", 0.0, 3.0]],
    ]
    assert [t["reward"] for t in best["turns"]] == [1.0, 0.5]
    assert worst["turns"][0]["tokens"] == [["z", 0.0, -1.0]]
    assert (best["which"], best["return"]) == ("best", 1.5)
    assert (worst["which"], worst["return"]) == ("worst", 0.0)


@pytest.mark.parametrize(
    ("returns", "size", "group", "chosen"),
    [
        # the group that differs most, and in it the first of equals
        ([0, 0, 0, 1, 5, 5, 0, 0], 4, 1, [("best", 0), ("median", 2), ("worst", 3)]),
        ([1, 1, 1, 1], 4, 0, [("best", 0), ("median", 2), ("worst", 3)]),
        ([3, 1, 2], 3, 0, [("best", 0), ("median", 2), ("worst", 1)]),
        ([None, 1, 2, None], 4, 0, [("best", 2), ("worst", 1)]),
        ([None, 4], 2, 0, [("best", 1)]),
        ([None, None, 0, 0], 2, 1, [("best", 0), ("worst", 1)]),
        ([None, None], 2, 0, []),
        # without groups, all of the batch
        ([0, 2, 1], 1, None, [("best", 1), ("median", 2), ("worst", 0)]),
    ],
)
def test_which_episodes_are_chosen(returns, size, group, chosen):
    rewards = [None if r is None else [float(r)] for r in returns]
    found = facts([episode("a") for _ in returns], rewards, group_size=size)
    assert found["group"] == group
    assert [(e["which"], e["number"]) for e in found["episodes"]] == chosen


def test_long_episodes_lose_their_middle():
    long = episode(*["look around"] * 300, observation="A hall. " * 200)
    (sample,) = facts([long], [[0.0] * 300])["episodes"]
    numbers = [t["turn"] for t in sample["turns"]]
    gap = [b - a for a, b in itertools.pairwise(numbers) if b - a > 1]
    assert (numbers[0], numbers[-1]) == (0, 299)
    assert gap == [sample["left_out"] + 1]
    assert len(numbers) + sample["left_out"] == 300
    assert all(" … " in t["observation"] for t in sample["turns"])


def test_lines_are_short():
    long = episode(*["x" * 500] * 50, observation="<b>A hall</b> " * 200)
    found = facts([long] * 4, [[float(k)] * 50 for k in range(4)], group_size=4)
    assert len(found["episodes"]) == 3
    assert all(e["turns"] for e in found["episodes"])
    assert len(json.dumps(found)) < 1.1 * LARGEST
    note = found["episodes"][0]["turns"][0]["tokens"][32]
    assert note == [" … 436 tokens … ", None, None]


@pytest.mark.parametrize(
    "settings",
    [{"credit": "turn_return", "discount": 0.9}, {"credit": "gae_token"}],
    ids=["turns", "tokens"],
)
def test_advantages_are_those_of_the_loss(tmp_path, settings):
    with opened(tmp_path, **settings) as trainer:
        if "gae" in settings["credit"]:
            opinionated(trainer)
        applied = batch_of(trainer)["advantages"]
        acted = [t.action_mask for t in trainer._tokens]
        (line,) = read_events(tmp_path / FILE)
        size = trainer.num_generations
    assert len(line["episodes"]) == 3
    for sample in line["episodes"]:
        row = line["group"] * size + sample["number"]
        wanted = [
            a for a, on in zip(applied[row].tolist(), acted[row], strict=False) if on
        ]
        found = [t[2] for turn in sample["turns"] for t in turn["tokens"]]
        assert found == pytest.approx(wanted, abs=1e-4)
        assert any(found)


def test_a_run_writes_one_line_for_each_batch(tmp_path):
    run = run_small(tmp_path, max_steps=4, num_iterations=2, save_steps=2)
    rollouts = [e["step"] for e in steps_of(run.events, "rollout")]
    lines = steps_of(read_events(tmp_path / FILE), "samples")
    assert [line["step"] for line in lines] == rollouts == [0, 2]
    for line, rollout in zip(lines, steps_of(run.events, "rollout"), strict=True):
        group = rollout["groups"][line["group"]]
        assert line["returns"] == group["returns"]
        for sample in line["episodes"]:
            paid = sum(t["reward"] for t in sample["turns"])
            assert paid == pytest.approx(sample["return"], abs=1e-5)
            assert sample["won"] == group["won"][sample["number"]]
            assert sample["task"] == group["task"]


def test_a_new_run_begins_a_new_file(tmp_path):
    run_small(tmp_path, max_steps=3)
    run_small(tmp_path, max_steps=1)
    assert [line["step"] for line in read_events(tmp_path / FILE)] == [0]


def test_broken_worlds_are_not_shown(tmp_path):
    Gates.on_turn = None
    with opened(tmp_path, env=None, n=2) as trainer:
        batch_of(trainer)
        trainer._rewards = [None] * 8
        trainer._sample(trainer._token_advantages(400))
        line = read_events(tmp_path / FILE)[-1]
    assert line["episodes"] == []
    assert line["returns"] == [None] * 4
