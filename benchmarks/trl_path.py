"""Episodes of many turns as one plays them with TRL alone: the other side of the race.

TRL offers two ways. `environment_factory` needs a chat template that can render tool
calls; `takes_environments` asks TRL whether a tokenizer has one. Without it, there is
`rollout_func`: the user writes the loop. This is that loop as a careful user would
write it: all live episodes in one call of `generate` in each turn, padded on the left,
with the settings that `GRPOTrainer` itself passes; ids are kept and never encoded
again; finished episodes leave the batch; no gradients, eval mode. (The loops in TRL's
examples are slower: they play one episode after the other.) Like in TRL's own
`environment_factory` loop, `step` is called for one episode after the other, and every
turn `generate` reads the whole history again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import GenerationConfig

from toolkit.environments.base import Task, TextEnv
from toolkit.policies.models import ModelPolicy


@dataclass(kw_only=True, slots=True)
class Played:
    """One episode in the form that TRL wants."""

    prompt_ids: list[int]
    completion_ids: list[int] = field(default_factory=list)
    env_mask: list[int] = field(default_factory=list)
    """1 where the model wrote the token."""
    commands: list[str] = field(default_factory=list)
    reward: float = 0.0
    is_open: bool = False
    """Whether the last action was cut off before its stop token."""

    @property
    def ids(self) -> list[int]:
        """Everything the model has seen."""
        return self.prompt_ids + self.completion_ids

    def add(self, ids: Sequence[int], *, by_model: bool) -> None:
        """Append tokens of the model or of the world."""
        self.completion_ids += ids
        self.env_mask += [int(by_model)] * len(ids)


class TrlPath:
    """Plays batches of episodes.

    Args:
        policy: Model, tokenizer, glue between turns and limits; its sampler is unused.
        greedy: Take the most probable token instead of sampling.
    """

    def __init__(self, policy: ModelPolicy, *, greedy: bool) -> None:
        self.model, self.tokenizer = policy.model, policy.tokenizer
        self.template = policy.template
        sampling = {"do_sample": True, "temperature": policy.temperature, "top_k": 0}
        self.settings = GenerationConfig(  # what GRPOTrainer makes of its settings
            max_new_tokens=policy.max_action_tokens,
            pad_token_id=policy.tokenizer.pad_token_id,
            eos_token_id=list(policy.template.stop_ids),
            disable_compile=True,
            **({"do_sample": False} if greedy else sampling),
        )
        self.seconds = {"model": 0.0, "worlds": 0.0}

    def play(self, envs: Sequence[TextEnv], tasks: Sequence[Task]) -> list[Played]:
        """Play one episode of each task, all at the same time."""
        self.seconds = {"model": 0.0, "worlds": 0.0}
        self.model.eval()
        began = time.perf_counter()
        first = [
            env.reset(options={"task": task})[0]
            for env, task in zip(envs, tasks, strict=True)
        ]
        self.seconds["worlds"] += time.perf_counter() - began
        episodes = [Played(prompt_ids=self._encode(o, is_first=True)) for o in first]
        live = list(range(len(episodes)))
        while live:
            actions = self._generate([episodes[i].ids for i in live])
            live = [
                i
                for i, ids in zip(live, actions, strict=True)
                if not self._step(envs[i], episodes[i], ids)
            ]
        return episodes

    def _step(self, env: TextEnv, episode: Played, ids: list[int]) -> bool:
        """Play one action in its world; return whether the episode ended."""
        episode.is_open = ids[-1] not in self.template.stop_ids
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        began = time.perf_counter()
        observation, reward, terminated, truncated, _ = env.step(text)
        self.seconds["worlds"] += time.perf_counter() - began
        episode.add(ids, by_model=True)
        episode.commands.append(text)
        episode.reward += reward
        if terminated or truncated:
            return True
        stop = self.template.stop_ids[:1] if episode.is_open else ()
        new = self._encode(observation, is_first=False)
        episode.add([*stop, *new], by_model=False)
        return False

    @torch.no_grad()
    def _generate(self, histories: Sequence[list[int]]) -> list[list[int]]:
        """Return the next action of each episode, stop token included."""
        began = time.perf_counter()
        width = max(map(len, histories))
        pad = self.tokenizer.pad_token_id
        rows = [[pad] * (width - len(h)) + h for h in histories]
        mask = [[0] * (width - len(h)) + [1] * len(h) for h in histories]
        device = self.model.device
        output = self.model.generate(
            input_ids=torch.tensor(rows, device=device),
            attention_mask=torch.tensor(mask, device=device),
            generation_config=self.settings,
        )
        actions = [self._cut(row) for row in output[:, width:].tolist()]
        self.seconds["model"] += time.perf_counter() - began
        return actions

    def _cut(self, ids: list[int]) -> list[int]:
        """Return the ids up to the first stop token."""
        stops = self.template.stop_ids
        end = next((i for i, token in enumerate(ids) if token in stops), len(ids) - 1)
        return ids[: end + 1]

    def _encode(self, observation: str, *, is_first: bool) -> list[int]:
        text = self.template.wrap(observation, is_first=is_first)
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)


def takes_environments(tokenizer: Any) -> bool:
    """Return whether TRL's `environment_factory` accepts this tokenizer."""
    from trl.chat_template_utils import supports_tool_calling

    return bool(tokenizer.chat_template) and bool(supports_tool_calling(tokenizer))
