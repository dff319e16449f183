"""What went wrong in the code of the paper, shown not to go wrong here.

The paper is *A Practitioner's Guide to Multi-turn Agentic Reinforcement Learning*
(https://arxiv.org/abs/2510.01132), its code https://github.com/pearls-lab/meow-tea-taro,
read and in part run at commit a9c248c. Each test is named after one defect found
there; its docstring says what that was.
"""

import multiprocessing
from dataclasses import replace

import psutil
import pytest
import torch

from tests.models import CHATML, chat_tokenizer, tiny_model, tiny_policy
from tests.training.runs import batch_of, gradient, logps_of, opened, run_small
from toolkit import collect, evaluate, make_env, tasks
from toolkit.episodes.record import StopReason
from toolkit.episodes.tokens import spread_turns, tokenize_episode
from toolkit.errors import ConfigError
from toolkit.policies.chat import chat_template
from toolkit.policies.models import ModelPolicy
from toolkit.policies.scripted import ExpertPolicy
from toolkit.rewards import PRESETS
from toolkit.training.credit import reinforce_pp
from toolkit.training.gae import gae_token
from toolkit.training.imitation import encode_episode

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"
)
QUIET = {"workers": 0, "progress": False}
PAPERS_GAME = "textworld/w2-o3-q4"
COOKING = "textworld/simple-dense"
SYSTEM = "You are playing a game. Answer with one command. " * 4
FORGETFUL = CHATML.replace(
    "m.content", "m.content if m.role != 'assistant' or m.content.isupper() else ''"
)
"""Drops answers that are not in capitals, as some templates drop earlier thoughts."""


def chat_policy(template=CHATML, **options):
    """A tiny model that talks in the format of a chat, with a long system message."""
    tokenizer = chat_tokenizer(template)
    return ModelPolicy(
        tiny_model(len(tokenizer)),
        tokenizer,
        template=chat_template(tokenizer, SYSTEM),
        max_action_tokens=20,
        **options,
    )


POLICIES = pytest.mark.parametrize("make", [tiny_policy, chat_policy])


class Spoiler(ExpertPolicy):
    """Plays as the expert does, and spoils the command that would win."""

    def __init__(self, spoil):
        self.spoil = spoil

    def _first(self, observation):
        command = super()._first(observation)
        return command if len(observation.info["expert"]) > 1 else self.spoil(command)


def eat_it(command):
    """Eat what should be put on the stove: the game is lost."""
    return command.replace("put ", "eat ").removesuffix(" on stove")


def wait(command):
    return "look"


# ---- 1 -------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["first", "middle"])
def test_defect_1_the_whole_prompt_is_seen_in_training(tmp_path, place):
    """The attention mask of a prompt was as long as the batch had rows."""
    with opened(tmp_path, policy=chat_policy()) as trainer:
        batch = batch_of(trainer)
        rows, width = batch["prompt_ids"].shape
        assert width > 20 * rows
        assert batch["prompt_mask"].all()  # these prompts are equally long
        before, acted = logps_of(trainer, batch)
        learnt = gradient(trainer, trainer._compute_loss(trainer.model, batch))
        batch["prompt_ids"][:, width // 2 if place == "middle" else 0] += 1
        after, _ = logps_of(trainer, batch)
        other = gradient(trainer, trainer._compute_loss(trainer.model, batch))
    for row, places in zip((after - before).abs(), acted, strict=True):
        assert row[places][-1] > 1e-5  # the very last sampled token
    assert (other - learnt).norm() > 1e-4 * learnt.norm()


# ---- 2 -------------------------------------------------------------------------------


def test_defect_2_reinforce_pp_credits_all_turns_of_a_win():
    """Returns began anew at each observation: three turns to a win got 0, 0, 1."""
    won, lost = [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]
    spans = [(0, 2), (3, 5), (6, 8)]  # tokens 2 and 5 are the world's
    tokens = spread_turns(reinforce_pp([won, lost]), [spans] * 2, 8)
    # to go 1, 1, 1 and 0, 0, 0: mean 1/2; six squares of 1/4, over 5; 0.5 / sqrt(0.3)
    wanted = torch.tensor([1.0, 1, 0, 1, 1, 0, 1, 1]) * 0.5 / 0.3**0.5
    assert torch.allclose(tokens, torch.stack([wanted, -wanted]), atol=1e-3)


def test_defect_2_ppo_credits_all_turns_of_a_win():
    """The same for a critic that knows nothing."""
    spans = [[(0, 2), (3, 5), (6, 8)]]
    values = torch.zeros(1, 8).numpy()
    found = gae_token([[0.0, 0.0, 1.0]], values=values, spans=spans, whitened=False)
    assert found.advantages.tolist() == [[1, 1, 0, 1, 1, 0, 1, 1]]


# ---- 3 -------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.3, 1.0])
@pytest.mark.parametrize("greedy", [False, True])
def test_defect_3_evaluation_acts_as_it_was_asked_to(tmp_path, temperature, greedy):
    """Validation used the training temperature, whatever it was told."""
    policy = run_small(tmp_path, temperature=0.7, max_steps=1).policy
    policy.temperature = temperature
    games = tasks("gates", split="test", n=20)[-4:]  # others were trained on
    found = evaluate(policy, "gates", games, greedy=greedy, **QUIET)
    for episode in found.episodes:
        for token, noted, logits in sampled_tokens(policy, episode):
            exact = (logits / temperature).log_softmax(-1)
            assert exact[token].item() == pytest.approx(noted, abs=1e-4)
            assert not greedy or token == exact.argmax()
    again = evaluate(policy, "gates", games, greedy=greedy, seed=1, **QUIET)
    ids = [[e.ids for e in result.episodes] for result in (found, again)]
    assert (ids[0] == ids[1]) is greedy


def sampled_tokens(policy, episode):
    """Each sampled token, what was noted of it, and the model's logits for it."""
    tokens = tokenize_episode(episode)
    with torch.no_grad():
        logits = policy.model(torch.tensor([episode.ids])).logits[0]
    logits = logits[len(tokens.prompt_ids) - 1 :]
    facts = zip(tokens.completion_ids, tokens.logprobs, tokens.action_mask, strict=True)
    return [(t, p, logits[k]) for k, (t, p, acted) in enumerate(facts) if acted]


# ---- 4 -------------------------------------------------------------------------------


@pytest.mark.parametrize("credit", ["grpo", "rloo"])
def test_defect_4_a_group_of_one_is_refused(tmp_path, credit):
    """The recipes for RLOO and GRPO ran with one episode per game: no baseline."""
    with pytest.raises(ConfigError) as error:
        run_small(tmp_path, credit=credit, num_generations=1)
    assert "group_size is 1" in str(error.value)
    assert "alone, every episode equals its own mean" in str(error.value)
    assert "Use num_generations of 2 or more" in str(error.value)


# ---- 5 -------------------------------------------------------------------------------


@POLICIES
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_defect_5_tokens_are_trained_on_as_sampled(tmp_path, make, temperature):
    """Actions were decoded and encoded again, and lost the newline after their end."""
    with opened(tmp_path, policy=make(), temperature=temperature) as trainer:
        batch = batch_of(trainer)
        found, acted = logps_of(trainer, batch)
        played, stops = trainer.episodes, trainer.policy.template.stop_ids
    assert acted.sum() > 50
    assert (found - batch["sampling_per_token_logps"])[acted].abs().max() < 1e-4
    ended = 0
    for i, episode in enumerate(played):
        ids = [
            batch[f"{part}_ids"][i][batch[f"{part}_mask"][i].bool()].tolist()
            for part in ("prompt", "completion")
        ]
        assert ids[0] + ids[1] == episode.ids
        sampled = [t for turn in episode.turns for t in turn.action_ids]
        assert batch["completion_ids"][i][acted[i]].tolist() == sampled
        ended += sum(t in stops for t in sampled)
    assert ended > 0  # ends of actions are among what is learnt


# ---- 6 -------------------------------------------------------------------------------


def test_defect_6_a_loss_is_never_paid_more_than_a_win():
    """A dense reward paid a lost game 1 per milestone, and a won one 1 in all."""
    games = tasks(COOKING, split="test", n=2)
    won, late, lost = (
        collect(policy, COOKING, games, **QUIET)
        for policy in (ExpertPolicy(), Spoiler(wait), Spoiler(eat_it))
    )
    assert all(e.won for e in won)
    assert not any(e.won for e in late + lost)
    assert min(e.total_reward for e in late) >= 5  # milestones, by the game's points
    for mix in PRESETS.values():
        returns = mix.score([*won, *late, *lost]).returns.reshape(3, -1)
        assert returns[0] == pytest.approx(1.0)
        assert (returns[1:] < 0.95).all()


# ---- 7 -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "joint",
    [". ", ".", " then ", " t\\hen ", "\n", "\r\n", "\x0b"],
)
def test_defect_7_one_turn_is_one_command(joint):
    """All commands of a solution, written in one turn, won 20 of 20 games."""
    env = make_env(PAPERS_GAME, expert=True, progress=True)
    (game,) = tasks(PAPERS_GAME, split="test", n=1)
    _, info = env.reset(options={"task": game})
    plan = info["expert"]
    _, _, terminated, _, info = env.step(joint.join(plan))
    assert not terminated
    assert len(info["expert"]) >= len(plan) - 1 == 3
    for command in info["expert"]:
        _, _, terminated, _, info = env.step(command)
    assert (terminated, info["won"]) == (True, True)


# ---- 8 -------------------------------------------------------------------------------


def test_defect_8_an_end_is_not_a_win_and_worlds_are_closed():
    """The end of a game counted as a win, and no game was ever closed."""
    before = set(psutil.Process().children(recursive=True))
    games = tasks(COOKING, split="test", n=2)
    found = evaluate(Spoiler(eat_it), COOKING, games, workers=1, progress=False)
    assert [e.stop_reason for e in found.episodes] == [StopReason.LOST] * 2
    assert (found.wins, found.success) == (0, 0.0)
    assert PRESETS["sparse"].score(found.episodes).returns.tolist() == [0.0, 0.0]
    assert multiprocessing.active_children() == []
    left = set(psutil.Process().children(recursive=True)) - before
    assert not [p for p in left if "resource_tracker" not in " ".join(p.cmdline())]


# ---- 9 -------------------------------------------------------------------------------


@POLICIES
def test_defect_9_imitation_and_rl_see_the_same_prompts(make):
    """Demonstrations lacked the system message that the chat template puts first."""
    policy = make()
    for episode in collect(policy, "gates", tasks("gates", n=4), **QUIET):
        turns = [replace(t, observation_ids=(), action_ids=()) for t in episode.turns]
        shown = encode_episode(policy, replace(episode, turns=tuple(turns)))
        imitated, sampled = (tokenize_episode(e) for e in (shown, episode))
        assert imitated.prompt_ids == sampled.prompt_ids
        assert len(sampled.prompt_ids) > (len(SYSTEM) if make is chat_policy else 0)
        stop = policy.template.stop_ids[0]  # closes an action that was cut off
        for mine, rls in zip(shown.turns[1:], episode.turns[1:], strict=True):
            ids = rls.observation_ids
            assert mine.observation_ids == ids[1 if ids[0] == stop else 0 :]


# ---- 10 ------------------------------------------------------------------------------


@pytest.mark.parametrize("template", [CHATML, FORGETFUL])
def test_defect_10_what_the_chat_template_writes_is_not_learnt(tmp_path, template):
    """Headers of answers were in the loss."""
    policy = chat_policy(template)
    with opened(tmp_path, policy=policy) as trainer:
        batch = batch_of(trainer)
        _, acted = logps_of(trainer, batch)
    assert not batch["advantages"][~acted].any()
    for i, episode in enumerate(trainer.episodes):
        real = batch["completion_mask"][i].bool()
        written = batch["completion_ids"][i][real & ~acted[i]].tolist()
        later = [t.observation_ids for t in episode.turns[1:]]
        assert written == [token for ids in later for token in ids]
        text = policy.tokenizer.decode(written)
        assert text.count("<|im_start|>assistant\n") == len(later)
    assert max(len(e.turns) for e in trainer.episodes) > 2


@pytest.mark.parametrize("template", [CHATML, FORGETFUL])
def test_defect_10_history_is_only_appended_to(template, monkeypatch):
    """Messages were rendered one by one, and the template could drop thoughts."""
    policy, seen = chat_policy(template, backend="generate"), []
    generate = policy.model.generate

    def heard(**inputs):
        seen.append(inputs["input_ids"][0].tolist())
        return generate(**inputs)

    monkeypatch.setattr(policy.model, "generate", heard)
    (episode,) = collect(policy, "gates", tasks("gates", n=1), **QUIET)
    assert len(episode.turns) > 2
    assert not episode.turns[0].completion.isupper()
    read = []
    for turn, ids in zip(episode.turns, seen, strict=True):
        read += turn.observation_ids
        assert ids == read  # all of the turns before, as they were
        read += turn.action_ids
    assert tokenize_episode(episode).completion_ids == read[len(seen[0]) :]
