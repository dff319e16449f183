"""The plays by which `check_env` finds out about a world.

Each trial notes what is off under a code of `checker.CHECKS`; of every code the first
evidence is kept. Nothing that a world does is raised.
"""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.environments.base import SPLITS, Snapshot, Task, TextEnv, tasks
from toolkit.environments.moments import (
    Found,
    Game,
    Moment,
    difference,
    listed,
    look,
    turn_limit,
)
from toolkit.environments.worker import describe
from toolkit.errors import ConfigError, TaskError, ToolkitError

if TYPE_CHECKING:
    from toolkit.episodes.record import Episode

GAMES, MOST_TURNS = 2, 100
"""Training games that are played (and one of the exam), and turns in each at most."""
HALF = 3
"""Turns after which a game is saved, to be restored."""
WORDS = ("look", "help", "yes", "go north", "open door", "1", "take key", "no")
"""What a random player says in a world that lists no commands."""
NONSENSE = "xyzzy frobnicate plugh"
HOSTILE = (
    NONSENSE,
    *("", "   ", "\0", "a\0b", "\\x41 \\", "a" * 100_000, "look\nlook\r\nlook"),
    *(
        "Grüße 日本語 🙂 \ud800",
        "<script>alert(1)</script>",
        "%s %n {0} ${x}",
        "-1e999",
    ),
    *("save", "quit", "restart", "undo"),
)
"""What models, people and fuzzers write."""
SLOW_S = 0.1


@dataclass(kw_only=True, slots=True)
class Numbers:
    """How much was played, and how fast."""

    games: int = 0
    """Games that were played."""
    turns: int = 0
    """Turns of these games."""
    seconds: float = 0.0
    """What these turns took in a worker process."""
    random_won: int = 0
    """Games won by a player who says anything that is possible."""

    def __str__(self) -> str:
        if not self.turns:
            return "Nothing was played."
        # coarse, so that the same world gives the same words on most days
        steps = (k * 10**e for e in range(5) for k in (1, 2, 5))
        limit = next((ms for ms in steps if 1000 * self.each_s < ms), 100_000)
        return (
            f"{self.turns} turns in {self.games} games, less than {limit:,} ms each; a "
            f"random player won {self.random_won} of {self.games}."
        )

    @property
    def each_s(self) -> float:
        """Seconds a turn."""
        return self.seconds / self.turns if self.turns else 0.0


class Trials:
    """Tries one world.

    Args:
        env: Made by `make_env`.
    """

    def __init__(self, env: TextEnv) -> None:
        assert env.spec is not None
        assert env.factory is not None
        self.id, self.factory = env.spec.id, env.factory
        self.params = {k: v for k, v in env.spec.kwargs.items() if k != "env"}
        self.is_local = type(env).__module__ == "__main__"
        self.found: dict[str, str] = {}
        self.asked: set[str] = set()
        self.numbers = Numbers()
        self.games: list[Game] = []

    def note(self, code: str, what: str) -> None:
        """Keep the first evidence of each code."""
        self.found.setdefault(code, what)

    def note_all(self, found: Found) -> None:
        """Keep the first evidence of each code of several."""
        for code, what in found:
            self.note(code, what)

    def run(self) -> None:
        """Make all trials that can be made."""
        games = self._tasks()
        if games:
            self._walks(games)
        if self.games:
            self._again()
            self._expert(games)
            self._elsewhere()

    # ---- the list of games -------------------------------------------------------

    def _tasks(self) -> list[Task]:
        """Return some training games and one of the exam; look at all of them."""
        self.asked |= {"tasks", "splits"}
        found: dict[str, list[Task]] = {}
        for split in SPLITS:
            try:
                found[split] = self._split(split)
            except ToolkitError as error:
                if split in ("train", "test"):  # the others are not needed
                    self.note("tasks", f"{split}: {error.what}")
            except Exception as error:  # whatever the author's code may raise
                self.note("tasks", f"{split}: {describe(error)}")
        owners: dict[tuple[Any, ...], str] = {}
        for split, games in found.items():
            for task in games:
                owner = owners.setdefault((task.seed, task.params), split)
                if owner != split:
                    self.note("splits", f"Seed {task.seed} is in {owner} and {split}.")
        return [*found.get("train", [])[:GAMES], *found.get("test", [])[:1]]

    def _split(self, split: str) -> list[Task]:
        """Return the games of a split; look at them."""
        games = tasks(self.id, split=split, **self.params)
        said = f"tasks({self.id!r}, split={split!r}"
        if not games or not all(isinstance(task, Task) for task in games):
            self.note("tasks", f"{said}) gives {games!r:.80}.")
            return []
        first = games[0]
        if first.env != self.id or {task.split for task in games} != {split}:
            self.note("tasks", f"{said}) gives {first!r}.")
        if len(set(games)) < len(games):
            self.note("tasks", f"{said}) names a game twice.")
        if tasks(self.id, split=split, n=1, **self.params) != games[:1]:
            self.note("tasks", f"{said}, n=1) does not give the first game alone.")
        stored = Task.from_dict(json.loads(json.dumps(first.to_dict())))
        if stored != first or pickle.loads(pickle.dumps(first)) != first:
            self.note("tasks", f"{first!r} is another task after it was stored.")
        return games

    # ---- play at random ----------------------------------------------------------

    def _walks(self, games: Sequence[Task]) -> None:
        """Play every game, then the first one again in the same world."""
        self.asked |= {"play", "arguments"}
        with self._world(games[0], admissible=True) as world:
            for task in games:
                self._walk(world, task)
            self._compare(self.games[0], world, "in the same world")

    def _walk(self, world: TextEnv, task: Task) -> None:
        """Play a game at random, and look at every moment of it."""
        rng = random.Random(task.seed)
        game = Game(task, [start(world, task)])
        self.note_all(look(game))
        self.asked |= {"observation", "info", "json", "reward", "score", "end"}
        self.asked |= {"winning", "choices"}
        while not game.is_over and len(game.actions) < MOST_TURNS:
            self._turn(world, game, rng)
            if len(game.actions) == HALF and not game.is_over:
                game.middle = world.snapshot()
        self.note_all(turn_limit(game, world.max_turns))
        if game.moments[-1][2]:
            self._after_the_end(world, game)
        self.games.append(game)
        self.numbers.games += 1
        self.numbers.turns += len(game.actions)
        self.numbers.random_won += bool(game.moments[-1][4].get("won"))

    def _turn(self, world: TextEnv, game: Game, rng: random.Random) -> None:
        """Play something that is possible."""
        facts = game.moments[-1][4]
        if "admissible_actions" not in facts:
            self.note("choices", f"{game.at}there are no admissible_actions.")
        choices = [
            a for a in facts.get("admissible_actions") or () if isinstance(a, str)
        ]
        game.actions.append(str(rng.choice(choices or WORDS)))
        game.moments.append(world.step(game.actions[-1]))
        self.note_all(look(game))
        if choices:
            self.asked.add("admissible")
            self.note_all(listed(game, world.rules.clean(game.actions[-1])))
        world.surroundings()  # must not raise

    def _after_the_end(self, world: TextEnv, game: Game) -> None:
        try:
            world.step("look")
        except TaskError:
            return
        self.note("end", f"{game.task.id}: it is over, and step() goes on.")

    # ---- the same once more ------------------------------------------------------

    def _again(self) -> None:
        """Play in new worlds that work out nothing more; go on from the middle."""
        for game in self.games[1:]:
            with self._world(game.task) as world:
                self._compare(game, world, "in a new world")
        saved = [game for game in self.games if game.middle]
        if saved and "repeat" not in self.found:
            with self._world(saved[0].task) as world:
                self._restore(world, saved[0])

    def _compare(self, game: Game, world: TextEnv, where: str) -> None:
        """Play a game again and note the first difference."""
        self.asked.add("repeat")
        again = [start(world, game.task)]
        for action in game.actions:
            if again[-1][2] or again[-1][3]:
                break
            again.append(world.step(action))
        off = difference(game.moments, again)
        if off:
            self.note("repeat", f"{game.task.id} again {where}, {off}")

    def _restore(self, world: TextEnv, game: Game) -> None:
        """Restore a game in another world and play its rest."""
        self.asked.add("snapshot")
        middle: Snapshot = pickle.loads(pickle.dumps(game.middle))
        try:
            text, info = world.restore(middle)
        except ToolkitError as error:
            self.note("snapshot", f"{game.task.id}: {error.what}")
            return
        again: list[Moment] = [(text, *game.moments[HALF][1:4], info)]
        again += [world.step(action) for action in game.actions[HALF:]]
        off = difference(game.moments[HALF:], again)
        if off:
            self.note("snapshot", f"{game.task.id}, restored at turn {HALF}, {off}")

    # ---- the expert --------------------------------------------------------------

    def _expert(self, games: Sequence[Task]) -> None:
        """Let the expert play, if there is one."""
        for task in games:
            with self._world(task, expert=True) as world:
                moment = start(world, task)
                plan = moment[4].get("expert")
                if plan is None:
                    return
                self.asked.add("expert")
                while plan and not (moment[2] or moment[3]):
                    moment = world.step(plan[0])
                    plan = moment[4].get("expert")
                if not moment[4].get("won"):
                    turns = f"after {len(world.snapshot().actions)} turns"
                    self.note("expert", f"{task.id}: it has not won {turns}.")

    # ---- in a worker process -----------------------------------------------------

    def _elsewhere(self) -> None:
        """Play the games and hostile commands in a worker process, by `collect`."""
        self.asked |= {"process", "module"}
        games = [game.task for game in self.games]
        lines = [game.actions for game in self.games] + [[text] for text in HOSTILE]
        episodes = self._recited(lines, games + games[:1] * len(HOSTILE))
        if episodes:
            self.asked |= {"hostile", "nonsense", "speed"}
        for game, episode in zip(self.games, episodes, strict=False):
            self._same_text(game, episode)
        for text, episode in zip(HOSTILE, episodes[len(games) :], strict=False):
            if episode.error:
                self.note("hostile", f"{text!r:.60}: {episode.error}")
            elif text == NONSENSE and episode.turns[0].info.get("valid_action"):
                self.note("nonsense", f"{text!r} counts as a valid action.")
        if self.numbers.each_s > SLOW_S:
            self.note("speed", f"A turn takes {self.numbers.each_s:.2f} s.")

    def _recited(
        self, lines: Sequence[Sequence[str]], games: Sequence[Task]
    ) -> list[Episode]:
        """Return the episodes of a worker; of this process if none can be had."""
        try:
            return recite(self.factory, lines, games, workers=1)
        except ToolkitError as error:
            if self.is_local:
                self.note("module", "Its class is defined in a notebook or a script.")
            else:
                self.note("process", f"{error.what} {error.why}")
        try:
            return recite(self.factory, lines, games, workers=0)
        except ToolkitError as error:
            self.note("process", f"{error.what} {error.why}")
            return []

    def _same_text(self, game: Game, episode: Episode) -> None:
        """Compare what a worker showed with what was seen here."""
        self.numbers.seconds += sum(turn.env_s for turn in episode.turns)
        then = [turn.observation for turn in episode.turns]
        then.append(episode.final_observation)
        now = [moment[0] for moment in game.moments]
        if episode.error:
            self.note("process", f"{game.task.id}: {episode.error}")
        elif then != now and "repeat" not in self.found:
            pairs = enumerate(zip(now, then, strict=False))
            turn = next((k for k, (a, b) in pairs if a != b), len(then))
            self.note("process", f"{game.task.id}: turn {turn} has another text.")

    # ---- worlds ------------------------------------------------------------------

    @contextmanager
    def _world(self, task: Task, **wanted: bool) -> Iterator[TextEnv]:
        """Yield a new world; what it raises is noted and ends the trial."""
        world = None
        try:
            world = self._make(**wanted)
            yield world
        except (Exception, SystemExit) as error:  # some games end the process
            said = world._actions[-1:] if world else []
            after = f" after {said[0]!r:.60}" if said else ""
            self.note("play", f"{task.id}{after}: {describe(error)}")
        try:
            if world:
                world.close()
        except (Exception, SystemExit) as error:
            self.note("play", f"close(): {describe(error)}")

    def _make(self, **wanted: bool) -> TextEnv:
        """Make a world, one that knows less if need be."""
        try:
            return self.factory(**wanted)
        except (ConfigError, TypeError) as error:
            self.note("arguments", describe(error))
            return self.factory()


def start(world: TextEnv, task: Task) -> Moment:
    """Begin a game as a worker does."""
    text, info = world.reset(seed=task.seed, options={"task": task})
    return text, 0.0, False, False, info


def recite(
    factory: Callable[[], TextEnv],
    lines: Sequence[Sequence[str]],
    games: Sequence[Task],
    *,
    workers: int,
) -> list[Episode]:
    """Say these lines in these games, one after the other; return the episodes."""
    # worlds know nothing of what stands after them; to be tried, they are used as there
    from toolkit.episodes.record import StopReason
    from toolkit.episodes.rollout import collect
    from toolkit.policies.base import Action, Observation, Policy

    class Reciter(Policy):
        def start(self, *, greedy: bool = False) -> None:
            self.rest = [iter(said) for said in lines]

        def act(self, observations: Sequence[Observation]) -> list[Action]:
            return [self.next(self.rest[o.episode]) for o in observations]

        def next(self, rest: Iterator[str]) -> Action:
            text = next(rest, None)
            stop = StopReason.INTERRUPTED if text is None else None
            return Action(text=text or "", stop=stop)

    world = factory()
    try:
        return collect(Reciter(), world, games, live=1, workers=workers, progress=False)
    finally:
        world.close()
