import json
from pathlib import Path

import pytest
import torch
import trl
from tokenizers import AddedToken
from trl import GRPOConfig, GRPOTrainer

from tests.environments.toy_envs import EchoEnv
from tests.models import char_tokenizer, tiny_model
from toolkit.environments import base
from toolkit.environments.base import make_env, register, tasks
from toolkit.environments.trl import OVER, as_trl_environment, trl_dataset
from toolkit.errors import ConfigError, TaskError, UnknownEnvironmentError

WORLD = "textworld/coin_collector-105-basic"
CALL = '<tool_call>\n{"name": "act", "arguments": {"command": "'
END = '"}}\n</tool_call>'
COMMANDS = ["look", "go east", "inventory"]

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*environment_factory.*:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
]


@pytest.fixture(autouse=True)
def no_custom_envs(monkeypatch):
    monkeypatch.setattr(base, "_CUSTOM", {})


def task_of(env, **where):
    return json.dumps(tasks(env, **({"n": 1} | where))[0].to_dict())


def test_an_episode_through_the_tool_is_that_of_the_world():
    game = tasks(WORLD, split="test", n=1)[0]
    env = make_env(WORLD, expert=True)
    text, info = env.reset(options={"task": game})
    here = as_trl_environment(WORLD)()
    assert here.reset(prompt=[], task=task_of(WORLD, split="test"), other=1) == text
    earned = 0.0
    while not info["won"]:
        command = info["expert"][0]
        text, reward, *_, info = env.step(command)
        earned += reward
        assert here.act(command) == (f"{text}\n{OVER}" if info["won"] else text)
    assert here.get_reward() == earned > 0
    assert here.act("look") == OVER
    assert here.get_reward() == earned


def test_the_turn_limit_ends_it():
    here = as_trl_environment("countdown/n3-easy", max_turns=2)()
    here.reset(task=task_of("countdown/n3-easy", max_turns=2))
    assert OVER not in here.act("check 1")
    assert OVER in here.act("check 1")
    assert here.get_reward() == 0.0


def test_a_world_that_breaks_is_masked_and_the_next_game_is_played():
    register("toy", EchoEnv)
    here = as_trl_environment("toy")()
    here.reset(task=task_of("toy"))
    assert "bad command" in here.act("raise")
    assert here.get_reward() is None
    assert here.act("look") == OVER
    assert here.reset(task=task_of("toy")).startswith("game 0")
    here.act("nothing")
    assert here.get_reward() == 1.0
    assert "no such game" in here.reset(task=task_of("toy/raises"))
    assert here.get_reward() is None


def test_what_is_wrong_is_said_at_once():
    with pytest.raises(UnknownEnvironmentError, match="countdwn"):
        as_trl_environment("countdwn/n3-easy")
    with pytest.raises(ConfigError, match="max_turns"):
        as_trl_environment("countdown/n3-easy", max_turns=0)
    for task in (None, "{}", "3", "no json"):
        with pytest.raises(TaskError, match="names no game"):
            as_trl_environment("countdown/n3-easy")().reset(task=task)


def tool_tokenizer():
    """Qwen's format, with a token for each part of a call."""
    tokenizer = char_tokenizer()
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]}
    )
    parts = [CALL, END, *COMMANDS]
    tokenizer.add_tokens([AddedToken(part, normalized=False) for part in parts])
    tokenizer.eos_token = "<|im_end|>"
    template = Path(trl.__file__).parent / "chat_templates" / "qwen2_5.jinja"
    tokenizer.chat_template = template.read_text()
    return tokenizer


def caller(tokenizer):
    """A model that has learnt to call the tool after `assistant`, and nothing else."""
    model = tiny_model(len(tokenizer))
    ids = [
        tokenizer.encode(f"<|im_start|>assistant\n{CALL}{said}{END}<|im_end|>")
        for said in COMMANDS
    ]
    batch = torch.tensor(ids)
    labels = batch.clone()
    labels[:, : -len([CALL, "said", END, "<|im_end|>"])] = -100
    # the call may come late in a context
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(60):
        places = torch.arange(batch.shape[1])[None] + 7 * (step % 40)
        loss = model(input_ids=batch, labels=labels, position_ids=places).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


@pytest.mark.slow
def test_plain_trl_trains_a_step_on_our_textworld(tmp_path):
    tokenizer = tool_tokenizer()
    model = caller(tokenizer)
    before = [p.detach().clone() for p in model.parameters()]
    played = []

    def words(completions, environments, **columns):
        played.extend(environments)
        return [float("go east" in str(c)) for c in completions]

    trainer = GRPOTrainer(
        model=model,
        reward_funcs=words,
        args=GRPOConfig(
            output_dir=str(tmp_path),
            use_cpu=True,
            bf16=False,
            report_to="none",
            max_steps=1,
            learning_rate=1e-3,
            per_device_train_batch_size=4,
            num_generations=4,
            max_completion_length=1500,
            max_tool_calling_iterations=2,
            top_k=3,
        ),
        train_dataset=trl_dataset(WORLD, n=2, prompt="Play.\n"),
        processing_class=tokenizer,
        environment_factory=as_trl_environment(WORLD),
    )
    trainer.train()
    log = trainer.state.log_history[0]
    assert log["tools/call_frequency"] > 0
    assert log["tools/failure_frequency"] == 0
    turns = [len(env._env.snapshot().actions) for env in played]
    assert max(turns) >= 1
    assert {env._env.snapshot().task for env in played} <= set(tasks(WORLD, n=2))
    assert len({env._env.snapshot().task for env in played}) == 1  # one group
    assert any(
        not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)
    )
