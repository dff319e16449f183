"""A game in play: a world, perhaps a model, and what has happened so far.

`Game` does what is asked for and tells `reduce` what came of it. It needs no notebook.
The world is brought to where the player stands only when it is needed, by playing the
commands again; so going back or to another branch can never fail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from toolkit.environments.base import Snapshot, Task, TextEnv, digest, tasks
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.episodes.rollout import HIDDEN
from toolkit.episodes.store import EpisodeWriter
from toolkit.errors import ConfigError, TaskError, ToolkitError
from toolkit.policies.base import Action, Observation, Policy, TokenView
from toolkit.widgets.game_state import (
    Began,
    Branched,
    Event,
    GameState,
    Line,
    Note,
    Played,
    Point,
    Step,
    Switched,
    Told,
    Undone,
    reduce,
)

ME = 0
"""Number of the episode under which a policy knows this game."""


class Game:
    """A game that a person, a policy, or both in turn play.

    Args:
        env: The world; a copy of it is played if it was made by `make_env`.
        policy: Whom the game can be handed over to.
        task: Which game (`None`: the first of the training games).
        plain: Work out nothing beyond the text: no commands, no map, no hints.
        path: Where `save` writes to.

    Raises:
        TaskError: If no game is given and the world has none of its own.
    """

    def __init__(
        self,
        env: TextEnv,
        policy: Policy | None = None,
        task: Task | None = None,
        *,
        plain: bool = False,
        path: str | Path = "played.jsonl",
    ) -> None:
        self.env, self.policy = env, policy
        self.plain, self.path = plain, Path(path)
        self.state = GameState(task=task or _first_task(env))
        self._world: TextEnv | None = None
        self._stands: Line | None = None
        """The line whose end the world stands at."""
        self._asked = 0
        self.handle({"do": "restart"})

    @property
    def episode(self) -> Episode:
        """What was played so far, as a record like any other."""
        return self.state.episode

    # ---- what can be asked for -----------------------------------------------------

    def handle(self, request: Mapping[str, Any]) -> None:
        """Do what is asked for; if that fails, a note says why."""
        self._tell(Told())
        try:
            self._do(request)
        # a world or a policy may fail in any way, even end the process; we live on
        except (Exception, SystemExit) as error:
            self._leave()
            self._tell(Told(Note(kind="problem", text=_reason(error))))

    def _do(self, request: Mapping[str, Any]) -> None:
        match request:
            case {"do": "type", "text": str(text)}:
                self.type(text)
            case {"do": "what-if", "text": str(text)}:
                self.what_if(text)
            case {"do": "undo"}:
                self._tell(Undone())
            case {"do": "restart"}:
                self.restart()
            case {"do": "branch", "turns": int(turns)}:
                self._tell(Branched(turns))
            case {"do": "switch", "line": int(line)}:
                self._tell(Switched(line))
            case {"do": "hint"}:
                self.hint()
            case {"do": "model"}:
                self.hand_over()
            case {"do": "save"}:
                self.save()

    def restart(self) -> None:
        """Begin the current line again."""
        self._world = self._world or self._new_world()
        self._stands = None
        observation, info = self._world.reset(options={"task": self.state.task})
        start = self._point(observation, info)
        self._tell(Began(start, self._world.max_turns))
        self._stands = self.state.line

    def type(self, text: str) -> None:
        """Play a command; nothing happens if it is empty or the game is over."""
        if text.strip() and not self.state.stop:
            self._play(Action(text=text), who="human")

    def what_if(self, text: str) -> None:
        """Tell what the world would answer to a command, without playing it."""
        if not text.strip() or self.state.stop:
            return
        step = self._step(Action(text=text), who="human")
        self._stands = None
        said = step.then.observation
        reward = step.turn.reward
        note = Note(kind="what-if", text=said, command=text.strip(), reward=reward)
        self._tell(Told(note))

    def hint(self) -> None:
        """Tell what the expert, who sees the whole game, would do now."""
        if self.state.stop:
            return
        plan = self._here().expert()
        if not plan:
            text = "The expert knows no way to win from here."
            self._tell(Told(Note(kind="hint", text=text)))
            return
        rest = f"{len(plan)} command{'' if len(plan) == 1 else 's'} from the win"
        self._tell(Told(Note(kind="hint", text=rest, command=plan[0])))

    def hand_over(self) -> None:
        """Let the policy play one turn.

        It is told the whole line from the start each time, since its weights may have
        changed and a person may have played in between.

        Raises:
            ConfigError: If there is no policy, or it does not answer as one.
        """
        policy, state = self.policy, self.state
        if policy is None:
            raise ConfigError(
                "There is nobody to hand over to.",
                "The game was made without a policy.",
                "Give one: EnvStepper(env, policy=load_policy('pocket')).",
            )
        if state.stop:
            return
        self._asked += 1
        policy.start()
        for step in state.line:
            policy.follow(self._shown(step.turn.observation), step.turn.completion)
        facts = dict(state.line[-1].turn.info) if state.line else {}
        facts["admissible_actions"] = list(state.point.choices)
        if "expert" in policy.needs:
            facts["expert"] = self._here().expert()
        seen = self._shown(state.point.observation, facts)
        action = _only(policy, policy.act([seen]))
        if action.stop:
            text = f"{policy.name} cannot go on: {action.stop.value.replace('_', ' ')}."
            self._tell(Told(Note(kind="problem", text=text)))
            return
        self._play(action, who=policy.name, tokens=tuple(policy.explain(ME)))

    def save(self) -> None:
        """Append the current line to the file `path`, as an episode.

        Raises:
            EpisodeError: If the file cannot be written.
        """
        with EpisodeWriter(self.path) as writer:
            writer.write(self.episode)
        use = "a demonstration" if self.episode.won else "an episode that was not won"
        self._tell(Told(Note(kind="saved", text=f"Saved to {self.path} as {use}.")))

    # ---- the world -----------------------------------------------------------------

    def _play(
        self, action: Action, *, who: str, tokens: tuple[TokenView, ...] = ()
    ) -> None:
        step = self._step(action, who=who, tokens=tokens)
        self._tell(Played(step))
        self._stands = self.state.line

    def _step(
        self, action: Action, *, who: str, tokens: tuple[TokenView, ...] = ()
    ) -> Step:
        """Give the world a command; return the turn."""
        world, seen = self._here(), self.state.point.observation
        observation, reward, terminated, truncated, info = world.step(action.text)
        turn = Turn(
            observation=seen,
            completion=action.text,
            action=str(info["command"]),
            reward=reward,
            info={k: v for k, v in info.items() if k not in HIDDEN},
            observation_ids=action.observation_ids,
            hidden_ids=action.hidden_ids,
            action_ids=action.ids,
            logprobs=action.logprobs,
        )
        stop = StopReason.TURN_LIMIT if truncated else None
        if terminated:
            stop = StopReason.WON if info["won"] else StopReason.LOST
        point = self._point(observation, info)
        return Step(turn=turn, then=point, who=who, stop=stop, tokens=tokens)

    def _here(self) -> TextEnv:
        """Return the world, standing where the player stands."""
        state, line = self.state, self.state.line
        if self._world is None:
            self._world, self._stands = self._new_world(), None
        if self._stands is not line:
            seen = [state.start.observation, *(s.then.observation for s in line)]
            point = Snapshot(
                task=state.task,
                actions=tuple(step.turn.completion for step in line),
                digests=tuple(map(digest, seen)),
            )
            self._world.wants_admissible = False  # not on the way: that takes time
            self._world.restore(point)
            self._world.wants_admissible = not self.plain
            self._stands = line
        return self._world

    def _new_world(self) -> TextEnv:
        world = self.env.factory() if self.env.factory else self.env
        world.wants_admissible = not self.plain
        return world

    def _leave(self) -> None:
        """Forget a world that may be broken; the next one is made when needed."""
        if self._world is not None and self._world is not self.env:
            with suppress(Exception):
                self._world.close()
        self._world = self._stands = None

    def _point(self, observation: str, info: Mapping[str, Any]) -> Point:
        """Return what is seen where the world stands."""
        world = self._world
        return Point(
            observation=observation,
            choices=tuple(map(str, info.get("admissible_actions", ()))),
            around=None if self.plain or world is None else world.surroundings(),
            score=float(info["score"]),
            max_score=float(info["max_score"]),
        )

    def _shown(self, text: str, facts: Mapping[str, Any] | None = None) -> Observation:
        """Return what the policy is shown; each time it is asked it draws anew."""
        key = (self.state.task.seed, self._asked)
        return Observation(episode=ME, key=key, text=text, info=facts or {})

    def _tell(self, event: Event) -> None:
        self.state = reduce(self.state, event)


def _first_task(env: TextEnv) -> Task:
    """Return the first training game of a world made by `make_env`."""
    if env.spec is None:
        raise TaskError(
            "It is not said which game to play.",
            "This environment was not made by make_env, so it has no list of games.",
            "Give one: EnvStepper(env, task=task).",
        )
    params = {k: v for k, v in env.spec.kwargs.items() if k != "env"}
    return tasks(env.spec.id, n=1, **params)[0]


def _only(policy: Policy, answer: Any) -> Action:
    """Return the one action in what a policy has answered."""
    if isinstance(answer, Sequence) and len(answer) == 1:
        action = answer[0]
        if isinstance(action, Action) and isinstance(action.text, str):
            return action
    raise ConfigError(
        f"The policy {policy.name!r} gave no answer.",
        f"act() must return one Action for each observation, not {answer!r:.80}.",
        "Return [Action(text=...)] with as many entries as there are observations.",
    )


def _reason(error: BaseException) -> str:
    """Return what went wrong: our own messages as they are, others with their type."""
    if isinstance(error, ToolkitError):
        return str(error)
    return f"{type(error).__name__}: {error}\nNothing was played."
