"""Makes `pocket`, the small model that ships with the package: `make pocket`.

A Llama of about a million parameters with a tokenizer of its own, taught on games of
the demonstration split only: expert games of `textworld/w2-o3-q4`, and mazes of
`textworld/coin_collector-105` as played by people who know the map, people who wander
and a few who search. It reads room descriptions, copies names and walks, and like any
model of mixed company it acts now like the one and now like the other. Which of them
wins is what the quickstart lets it find out.

What matters, in the order of what it is worth (numbers in `MODEL_CARD.md` beside the
weights): a standard deviation of 0.08 for the first weights (transformers' 0.02 leaves
a model this narrow on a plateau), lower-case text, names that change from epoch to
epoch so that copying is the only way to get them right, and detours with their way
back, so that a slip is not the end.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from toolkit.environments.base import Task, make_env, tasks
from toolkit.environments.games import game_file, generate
from toolkit.episodes.record import Episode
from toolkit.episodes.rollout import collect
from toolkit.episodes.tokens import EpisodeTokens, tokenize_episode
from toolkit.evaluation import evaluate
from toolkit.policies.base import Action, Observation, Policy
from toolkit.policies.models import ModelPolicy
from toolkit.policies.scripted import ExpertPolicy
from toolkit.training.imitation import ImitationConfig, encode_episode, fit

TARGET = Path(__file__).parent.parent / "assets" / "pocket"
MAZE = "textworld/coin_collector-105-basic"
MAZE_PARAMS: dict[str, Any] = {"goal": "brief"}
HOUSE = "textworld/w2-o3-q4"
MAZE_GAMES, HOUSE_GAMES = 200, 2600
EXPERTS, WANDERERS, SEARCHERS = 2, 2, 1  # episodes of each per maze
VOCABULARY = 2048
SEED = 0
TRAINING = ImitationConfig(steps=4000, batch_size=16, learning_rate=2.5e-3)
OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east"}
GLUE = {"from", "into", "on", "with", "north", "south", "east", "west"}
PHRASES = ("There is an exit to the", "There is a coin on the floor.", "You are in the")
"""Stock phrases of the maze, one token each: half as many tokens per turn."""


class Wanderer(Policy):
    """Walks at random, and takes what is to be taken."""

    name = "wanderer"
    needs: ClassVar[frozenset[str]] = frozenset({"admissible"})

    def start(self, *, greedy: bool = False) -> None:
        """Forget the random streams."""
        self._rngs: dict[int, np.random.Generator] = {}

    def act(self, observations: Sequence[Observation]) -> list[Action]:
        """Pick a command for each observation."""
        return [Action(text=self._pick(o)) for o in observations]

    def _pick(self, o: Observation) -> str:
        rng = self._rngs.setdefault(o.episode, np.random.default_rng(o.key))
        choices = sorted(o.info["admissible_actions"])
        takes = [c for c in choices if c.startswith("take ")]
        return str(rng.choice(takes or [c for c in choices if c.startswith("go ")]))


class Searcher(Policy):
    """Searches depth first: goes where it has not been, else back the way it came."""

    name = "searcher"
    needs: ClassVar[frozenset[str]] = frozenset({"admissible"})

    def start(self, *, greedy: bool = False) -> None:
        """Forget the ways."""
        self._tried: dict[tuple[int, str], set[str]] = {}
        self._path: dict[int, list[str]] = {}
        self._rngs: dict[int, np.random.Generator] = {}

    def act(self, observations: Sequence[Observation]) -> list[Action]:
        """Pick a command for each observation."""
        return [Action(text=self._pick(o)) for o in observations]

    def _pick(self, o: Observation) -> str:
        choices = sorted(o.info["admissible_actions"])
        takes = [c for c in choices if c.startswith("take ")]
        if takes:
            return str(takes[0])
        path = self._path.setdefault(o.episode, [])
        tried = self._tried.setdefault((o.episode, o.info["room"]), set())
        back = f"go {OPPOSITE[path[-1][3:]]}" if path else ""
        ways = [c for c in choices if c.startswith("go ") and c not in tried | {back}]
        if not ways:
            if path:
                path.pop()
            return back or str(choices[0])
        rng = self._rngs.setdefault(o.episode, np.random.default_rng(o.key))
        way = str(rng.choice(ways))
        tried.add(way)
        path.append(way)
        return way


class CarefulExpert(ExpertPolicy):
    """The expert, made honest: it looks into its pockets before it uses what it has.

    The plan of a tenth of the games uses a key that no text has named, because it is
    in the inventory from the start; a student could only guess its name.
    """

    def start(self, *, greedy: bool = False) -> None:
        """Forget plans and texts."""
        self._plans: dict[int, list[str]] = {}
        self._seen: dict[int, str] = {}

    def act(self, observations: Sequence[Observation]) -> list[Action]:
        """Follow the first plan, or type `inventory` if it names something unseen."""
        return [Action(text=self._informed(o)) for o in observations]

    def _informed(self, o: Observation) -> str:
        plan = self._plans.setdefault(o.episode, list(o.info["expert"]))
        if not plan:
            return "look"  # names that the parser mixes up made the plan fail
        seen = self._seen.get(o.episode, "") + " " + o.text.lower()
        self._seen[o.episode] = seen
        named = set(re.findall(r"[a-z0-9-]+", plan[0].lower())[1:]) - GLUE
        unseen = any(word not in seen for word in named)
        return "inventory" if unseen and "carrying" not in seen else plan.pop(0)


# ---- data ----------------------------------------------------------------------------


def demonstrations(progress: bool = True) -> list[Episode]:
    """Play the games that `pocket` learns from, all of the demonstration split."""
    mazes = tasks(MAZE, split="demonstration", n=MAZE_GAMES, **MAZE_PARAMS)
    houses = tasks(HOUSE, split="demonstration", n=HOUSE_GAMES)
    maze, house = make_env(MAZE, **MAZE_PARAMS), make_env(HOUSE)
    players = (
        (ExpertPolicy(), maze, mazes, EXPERTS),
        (Wanderer(), maze, mazes, WANDERERS),
        (Searcher(), maze, mazes, SEARCHERS),
        (CarefulExpert(), house, houses, 1),
    )
    played = [
        episode
        for policy, env, games, times in players
        for episode in collect(policy, env, games, group_size=times, progress=progress)
    ]
    return [e for e in played if e.won or e.policy != CarefulExpert.name]


class Renamer:
    """Gives the things of a game other names, the same ones throughout an episode.

    Names come from all games together, so a student that wants to be right has to
    copy what it reads.
    """

    def __init__(self, names_by_task: dict[Task, dict[str, str]]) -> None:
        self.names_by_task = names_by_task
        pool: dict[str, set[str]] = {}
        for names in names_by_task.values():
            for name, kind in names.items():
                pool.setdefault(kind, set()).add(name)
        self.pool = {kind: sorted(names) for kind, names in pool.items()}

    def __call__(self, episode: Episode, rng: np.random.Generator) -> Episode:
        """Return the episode with new names, as if another game had been played."""
        names = self.names_by_task.get(episode.task, {})
        if not names:
            return episode
        new: dict[str, str] = {}
        for name, kind in names.items():
            free = [n for n in self.pool[kind] if n not in new.values()]
            new[name.lower()] = str(rng.choice(free))
        longest_first = sorted(map(re.escape, new), key=len, reverse=True)
        pattern = re.compile(
            rf"\b(?:(an?) )?({'|'.join(longest_first)})\b", re.IGNORECASE
        )

        def swap(text: str) -> str:
            return pattern.sub(lambda m: _with_article(m[1], new[m[2].lower()]), text)

        turns = tuple(
            replace(t, observation=swap(t.observation), completion=swap(t.completion))
            for t in episode.turns
        )
        return replace(episode, turns=turns)


def _with_article(article: str | None, name: str) -> str:
    """Put the article that fits in front of a name.

    >>> _with_article("a", "old key")
    'an old key'
    """
    if article is None:
        return name
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def names_of(task: Task) -> dict[str, str]:
    """Return the names of the things of a game and their kinds, rooms left out."""
    infos = [info for _, info in game_file(task).data["infos"]]
    return {i["name"]: i["type"] for i in infos if i["name"] and i["type"] not in "rPI"}


# ---- model ---------------------------------------------------------------------------


def make_tokenizer(texts: Sequence[str]) -> Any:
    """Train a byte-level BPE tokenizer that knows no capitals (nor does the parser)."""
    from tokenizers import normalizers, pre_tokenizers

    words = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return train_tokenizer(texts, normalizers.Lowercase(), words, PHRASES)


def train_tokenizer(
    texts: Sequence[str], normalizer: Any, pre_tokenizer: Any, phrases: Sequence[str]
) -> Any:
    """Train a byte-level BPE tokenizer.

    Args:
        texts: What it learns from.
        normalizer: Changes texts before they are parted.
        pre_tokenizer: Parts them where no token may cross, and ends with bytes.
        phrases: One token each, on top of those that are learnt.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.normalizer, bpe.pre_tokenizer = normalizer, pre_tokenizer
    bpe.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=VOCABULARY - len(phrases),
        special_tokens=["<pad>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    bpe.add_tokens([AddedToken(p, normalized=True, lstrip=True) for p in phrases])
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<eos>", pad_token="<pad>", padding_side="left"
    )


def make_model(tokenizer: Any, *, width: int = 128, layers: int = 3) -> Any:
    """Return the untrained Llama."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=1,  # a small cache: rollouts are bound by reading it
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        initializer_range=0.08,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def main() -> None:
    """Make the games, play them, train, measure, write the folder."""
    began = time.monotonic()
    games = [
        *tasks(MAZE, split="demonstration", n=MAZE_GAMES, **MAZE_PARAMS),
        *tasks(HOUSE, split="demonstration", n=HOUSE_GAMES),
    ]
    generate(games)
    played = demonstrations()
    renamer = Renamer({t: names_of(t) for t in games if t.env == HOUSE})
    rng = np.random.default_rng(SEED)
    tokenizer = make_tokenizer([play_text(renamer(e, rng)) for e in played])
    torch.manual_seed(SEED)
    policy = ModelPolicy(make_model(tokenizer), tokenizer, name="pocket")

    teach(policy, played, TRAINING, lambda episode: renamer(episode, rng))
    save_with_card(policy, TARGET, len(played), began, _measure)


def teach(
    policy: ModelPolicy,
    played: Sequence[Episode],
    config: ImitationConfig,
    change: Callable[[Episode], Episode] = lambda episode: episode,
) -> None:
    """Imitate episodes, each changed anew whenever it is shown; tell the loss."""
    began = time.monotonic()

    def batch_of(order: Sequence[int]) -> list[EpisodeTokens]:
        fresh = [change(played[i]) for i in order]
        return [tokenize_episode(encode_episode(policy, e)) for e in fresh]

    def on_step(step: int, loss: float) -> None:
        if step % 50 == 0:
            told = f"step {step}/{config.steps}  loss {loss:.3f}"
            print(f"{told}  {time.monotonic() - began:.0f} s", flush=True)

    fit(policy, batch_of, len(played), config, on_step)


def save_with_card(
    policy: ModelPolicy,
    target: Path,
    episodes: int,
    began: float,
    measure: Callable[[ModelPolicy], Mapping[str, float]],
) -> None:
    """Write a model and its card, with what it learnt from and how well it plays.

    Args:
        policy: The model.
        target: Folder.
        episodes: That it learnt from.
        began: When its making began, on the clock of `time.monotonic`.
        measure: Returns success on validation games.
    """
    policy.save(target)
    card = {"parameters": policy.model.num_parameters(), "episodes": episodes}
    card |= {"minutes": (time.monotonic() - began) / 60, "validation": measure(policy)}
    (target / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    print(json.dumps(card, indent=1))


def _measure(policy: ModelPolicy) -> dict[str, float]:
    """Return success on the validation games."""
    found = {}
    for env, params in ((MAZE, MAZE_PARAMS), (HOUSE, {})):
        games = tasks(env, split="validation", n=100, **params)
        for greedy in (False, True):
            how = "greedy" if greedy else "sampled"
            result = evaluate(policy, make_env(env, **params), games, greedy=greedy)
            found[f"{env}, {how}"] = result.success
    return found


def play_text(episode: Episode) -> str:
    """Return what was said in an episode, for a tokenizer to learn from."""
    return "\n".join(f"{t.observation}\n>{t.completion}" for t in episode.turns)


if __name__ == "__main__":
    main()
