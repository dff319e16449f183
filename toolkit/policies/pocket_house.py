"""Makes `pocket-house`, the small model that plays ALFWorld: `make pocket-house`.

The same kind of Llama as `pocket`, with words of its own, taught on generated games of
the demonstration split. They were played by an expert who knows where everything is, by
people who search where such a thing may be, and by people who wander. All of them know
what to do with a thing once they have it. So the model acts now like somebody who knows
the house and now like somebody who does not; what wins is found out by playing.

What matters (numbers in `MODEL_CARD.md` beside the weights): a name and its number are
one token (`cabinet 12`), so that to copy a name is to copy one token; such a token
begins as the sum of its parts, so that `mug 2` is a mug before anything is learnt; and
lists lose their articles, so that a turn takes 15 tokens.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from toolkit.environments.alfworld import package
from toolkit.environments.base import make_env, tasks
from toolkit.episodes.record import Episode
from toolkit.episodes.rollout import collect
from toolkit.evaluation import evaluate
from toolkit.policies.base import Action, Observation, Policy
from toolkit.policies.models import ModelPolicy
from toolkit.policies.pocket import (
    make_model,
    play_text,
    save_with_card,
    teach,
    train_tokenizer,
)
from toolkit.policies.scripted import ExpertPolicy
from toolkit.training.imitation import ImitationConfig

TARGET = Path(__file__).parent.parent / "assets" / "pocket-house"
HOUSE = "alfworld/all"
PARAMS: dict[str, Any] = {"source": "generated", "max_turns": "paper"}
EXPERTS, SEARCHERS, WANDERERS = 2000, 2000, 1000
"""Games played by each, all different ones."""
SEED = 0
TRAINING = ImitationConfig(steps=3000, batch_size=16, learning_rate=2.5e-3)
PHRASES = (
    "You are in the middle of a room. Looking quickly around you, you see",
    "Your task is to:",
    "You arrive at",
    "On the",
    "you see",
    "is closed.",
    "is open. In it,",
    "You open the",
    "You pick up the",
    "You move the",
    "from the",
    "to the",
    "Nothing happens.",
    "go to",
)
"""Stock phrases, one token each."""
NUMBER_SHARE = 0.6
"""Length of a number's first weights, by comparison with those of a word."""
THING = re.compile(r"\ba ([a-z]+ \d+)")


@dataclass(kw_only=True, slots=True)
class _Memory:
    """What a player remembers of an episode."""

    rng: np.random.Generator
    places: list[str] = field(default_factory=list)
    """All receptacles."""
    visited: set[str] = field(default_factory=set)
    """Those that were gone to."""
    things: dict[str, str] = field(default_factory=dict)
    """Things seen, and where."""
    here: str = ""
    """The receptacle in front of the player."""

    def read(self, text: str) -> None:
        """Take in what the world said."""
        if not self.places:
            self.places = THING.findall(text)
            return
        arrived = re.match(r"You arrive at ([a-z]+ \d+)", text)
        if arrived:
            self.here = arrived[1]
            self.visited.add(self.here)
        _, seen, things = text.partition("you see")
        if seen:
            self.things = {k: v for k, v in self.things.items() if v != self.here}
            self.things |= dict.fromkeys(THING.findall(things), self.here)


class Seeker(Policy):
    """Does what the expert does, but has to find first what is not yet in sight.

    Args:
        wanders: Look anywhere, again and again; else where such a thing may be, and
            nowhere twice.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"admissible", "expert"})

    def __init__(self, *, wanders: bool) -> None:
        self.wanders = wanders
        self.name = "wanderer" if wanders else "searcher"

    def start(self, *, greedy: bool = False) -> None:
        """Forget all episodes."""
        self._memories: dict[int, _Memory] = {}

    def act(self, observations: Sequence[Observation]) -> list[Action]:
        """Pick a command for each observation."""
        return [Action(text=self._pick(o)) for o in observations]

    def _pick(self, o: Observation) -> str:
        if o.episode not in self._memories:
            self._memories[o.episode] = _Memory(rng=np.random.default_rng(o.key))
        memory, plan = self._memories[o.episode], o.info["expert"]
        memory.read(o.text)
        aim = next(c for c in plan if not c.startswith(("go to ", "open ")))
        verb, kind, *_ = aim.split()
        if verb not in ("take", "use"):
            return str(plan[0])  # where to clean or to put things can be read
        possible = set(o.info["admissible_actions"])
        found = next((x for x in memory.things if x.split()[0] == kind), None)
        if found is None:
            return self._search(memory, kind, possible) or str(plan[0])
        place = memory.things[found]
        if verb == "take" and f"take {found} from {place}" in possible:
            del memory.things[found]
            return f"take {found} from {place}"
        if verb == "use" and f"use {found}" in possible:
            return f"use {found}"
        return f"open {place}" if f"open {place}" in possible else f"go to {place}"

    def _search(self, memory: _Memory, kind: str, possible: set[str]) -> str | None:
        """Return where to look for a thing, `None` if all places were looked into."""
        if f"open {memory.here}" in possible:
            return f"open {memory.here}"
        if self.wanders:
            return f"go to {memory.rng.choice(memory.places)}"
        new = [p for p in memory.places if p not in memory.visited]
        new = [p for p in new if f"go to {p}" in possible]
        fit = [p for p in new if kind in _held_by(p.split()[0])] or new
        return f"go to {memory.rng.choice(fit)}" if fit else None


def _held_by(place: str) -> set[str]:
    """Return the kinds of things that a kind of receptacle may hold."""
    tables = package.tables().VAL_RECEPTACLE_OBJECTS
    held = {kind.lower(): things for kind, things in tables.items()}
    return {t.lower() for t in held.get(place) or held[place.removesuffix("basin")]}


def demonstrations(progress: bool = True) -> list[Episode]:
    """Play the games that `pocket-house` learns from."""
    players = (
        (ExpertPolicy(), EXPERTS),
        (Seeker(wanders=False), SEARCHERS),
        (Seeker(wanders=True), WANDERERS),
    )
    n = sum(count for _, count in players)
    games = tasks(HOUSE, split="demonstration", n=n, **PARAMS)
    played: list[Episode] = []
    for policy, count in players:
        own, games = games[:count], games[count:]
        played += collect(policy, make_env(HOUSE, **PARAMS), own, progress=progress)
    return played


def make_tokenizer(texts: Sequence[str]) -> Any:
    """Train a byte-level BPE tokenizer whose tokens may be names with numbers."""
    from tokenizers import Regex, normalizers, pre_tokenizers

    article = Regex(r"(?:(?<=see)|,(?: and)?) a (?=[a-z]+ \d)")
    words = Regex(r" ?[a-z]+ \d+| ?[a-z]+| ?\d+|\s+|[^\sa-z\d]+")
    return train_tokenizer(
        texts,
        normalizers.Sequence(
            [normalizers.Lowercase(), normalizers.Replace(article, " ")]
        ),
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(words, "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        ),
        PHRASES,
    )


def compose_names(model: Any, tokenizer: Any) -> None:
    """Let a name with a number begin as the sum of the name and the number."""
    weights = model.get_input_embeddings().weight
    ids = {token.replace("Ġ", " "): i for token, i in tokenizer.get_vocab().items()}
    numbers: dict[str, torch.Tensor] = {}
    with torch.no_grad():
        for token in sorted(ids):
            name, _, number = token.rpartition(" ")
            if name in ids and number.isdigit():
                new = NUMBER_SHARE * model.config.initializer_range
                shift = numbers.setdefault(number, new * torch.randn(weights.shape[1]))
                weights[ids[token]] = weights[ids[name]] + shift


def main() -> None:
    """Play, train, measure, write the folder."""
    began = time.monotonic()
    played = demonstrations()
    tokenizer = make_tokenizer([play_text(e) for e in played])
    torch.manual_seed(SEED)
    policy = ModelPolicy(make_model(tokenizer), tokenizer, name=TARGET.name)
    compose_names(policy.model, tokenizer)
    teach(policy, played, TRAINING)
    save_with_card(policy, TARGET, len(played), began, _measure)


def _measure(policy: ModelPolicy) -> dict[str, float]:
    """Return success on the validation games."""
    games = tasks(HOUSE, split="validation", n=100, **PARAMS)
    env = make_env(HOUSE, **PARAMS)
    return {
        how: evaluate(policy, env, games, greedy=how == "greedy").success
        for how in ("sampled", "greedy")
    }


if __name__ == "__main__":
    main()
