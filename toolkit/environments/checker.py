"""Is a world fit to be played and trained in? `check_env("my-world")` tries it.

It plays some games, alone and in a worker process, as a random player, as the expert
and as somebody who types nonsense, and says what is off, why that matters and what to
do. After the checkers of Gymnasium and Stable-Baselines3, with what episodes of many
turns need besides: games that are the same every time and everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toolkit.environments.base import TextEnv, make_env
from toolkit.environments.trials import Numbers, Trials
from toolkit.page import escape, escaped, folded, table


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """Something that a world is asked."""

    asks: str
    """What should hold."""
    why: str
    """What goes wrong where it does not."""
    fix: str
    """What to do about it."""
    severity: Literal["problem", "advice"] = "problem"
    """An `advice` does not stand in the way of playing and training."""


CHECKS = {
    "registered": Check(
        asks="It can be made by its id.",
        why="Tasks, copies for many episodes and worker processes go by the id.",
        fix='Call register("name", YourEnv), then check "name".',
    ),
    "tasks": Check(
        asks="It names its games, the same ones every time.",
        why="Held-out games must be the same for everybody who evaluates.",
        fix="Let tasks(env, split, n, params) return the first n of a fixed list of "
        "Task(env=env, seed=…, split=split).",
    ),
    "splits": Check(
        asks="No game is in two splits.",
        why="Success on games that were trained on says nothing.",
        fix="Give each split seeds of its own, such as test 1 to 100, train from 1000.",
    ),
    "arguments": Check(
        asks="It takes admissible=True and expert=True.",
        why="collect passes them for players that need these facts.",
        fix="Let __init__ take **wanted and call super().__init__(…, **wanted).",
    ),
    "play": Check(
        asks="It can be played to the end without an exception.",
        why="An episode whose world breaks is not learnt from.",
        fix="Play the game named here by hand and mend what raises.",
    ),
    "observation": Check(
        asks="It answers with text.",
        why="Models read text and nothing else.",
        fix="Return a str that can be encoded as UTF-8 and is not empty.",
    ),
    "info": Check(
        asks="The facts in info are complete and of the right type.",
        why="Rewards, evaluation and widgets read them.",
        fix="won, lost, valid_action are bool; score, max_score, progress finite "
        "numbers, progress from 0 to 1; lists of commands are lists of str.",
    ),
    "json": Check(
        asks="The facts in info can be stored.",
        why="Episodes are kept as JSON lines.",
        fix="Use str, int, float, bool, None, and lists and dicts of them; call "
        ".item() on what numpy gives.",
    ),
    "reward": Check(
        asks="Every reward is a finite number.",
        why="One NaN spoils the advantages of its whole group.",
        fix="Guard divisions and logarithms in _advance.",
    ),
    "score": Check(
        asks="The score stays at or below a positive max_score that never changes.",
        why="Rewards by progress divide by it.",
        fix="Return the score so far and one fixed max_score in info.",
    ),
    "end": Check(
        asks="Games end once, won or lost or at the turn limit.",
        why="Returns and success are wrong if an ending is missed or told twice.",
        fix="Return terminated=True when info has won or lost, and leave counting "
        "turns to TextEnv.step.",
    ),
    "repeat": Check(
        asks="The same commands in the same game give the same answers.",
        why="Groups compare plays of one game; undo and crash recovery play again.",
        fix="Set up all state in _start from task.seed alone, sort sets, and keep a "
        "random generator per game: random.Random(task.seed).",
    ),
    "snapshot": Check(
        asks="A game that is restored goes on as it did.",
        why="Undo, branch and recovery after a crash restore by playing again.",
        fix="Draw chance from task.seed in _start, not from self.np_random: restore "
        "does not seed that.",
    ),
    "process": Check(
        asks="A worker process plays the same game.",
        why="Training plays in worker processes.",
        fix="Sort sets before you show them; let no game read what another process "
        "has set up.",
    ),
    "module": Check(
        asks="Worker processes can import it.",
        why="A class that a notebook defines is known to its own process alone.",
        fix="Move the class into a .py file, or give workers=0 to collect, evaluate "
        "and train.",
        severity="advice",
    ),
    "hostile": Check(
        asks="No text can break it.",
        why="Models write anything, and a world that dies or hangs costs its episode.",
        fix="Treat the command as text that fits nothing unless it fits something.",
    ),
    "choices": Check(
        asks="It tells what can be done.",
        why="Without it there is no random player to compare with, and no list to "
        "choose from.",
        fix='If self.wants_admissible, put "admissible_actions" into info.',
        severity="advice",
    ),
    "admissible": Check(
        asks="Every command it lists can be given and is understood.",
        why="A list that is wrong misleads people, and random play measures nothing.",
        fix="List whole commands, word for word, that the rules of cleaning leave as "
        "they are, and return valid_action=True for them.",
    ),
    "nonsense": Check(
        asks="It says when it did not understand.",
        why="Charging invalid commands needs it, and so does seeing that a model "
        "babbles.",
        fix="Return valid_action=False in info for commands that mean nothing.",
        severity="advice",
    ),
    "expert": Check(
        asks="Its expert wins.",
        why="Demonstrations and hints come from it.",
        fix="Let expert() return all commands from here to the win, or None.",
    ),
    "winning": Check(
        asks="A win is worth the full score.",
        why="Rewards by progress would pay a win no more than a loss.",
        fix="Return score == max_score with won=True; reward 1 for the win will do.",
        severity="advice",
    ),
    "speed": Check(
        asks="A turn takes less than a tenth of a second.",
        why="Training plays tens of thousands of turns.",
        fix="Profile _start and _advance; load in _start what turns need again.",
        severity="advice",
    ),
}
"""What is asked, in this order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something that is off."""

    code: str
    """One of `CHECKS`."""
    what: str
    """What was seen, and in which game."""

    @property
    def check(self) -> Check:
        """What was asked."""
        return CHECKS[self.code]

    def __str__(self) -> str:
        check = self.check
        return (
            f"{check.severity}: {self.code}\n  Should be: {check.asks}\n"
            f"  Seen: {self.what}\n  Why it matters: {check.why}\n  Do: {check.fix}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvVerdict:
    """What came of checking a world."""

    env: str
    """Its id, or the name of its class."""
    findings: tuple[Finding, ...]
    """What is off, problems first."""
    asked: frozenset[str]
    """Those of `CHECKS` that could be asked, and have an answer."""
    numbers: Numbers
    """How much was played, and how fast."""

    @property
    def passed(self) -> bool:
        """Whether it can be played and trained in: there is no problem."""
        return all(f.check.severity != "problem" for f in self.findings)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the findings."""
        return tuple(finding.code for finding in self.findings)

    def __str__(self) -> str:
        return "\n\n".join([self._head(), *map(str, self.findings)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{_as_html(finding)}</li>" for finding in self.findings)
        rows = [(check.asks, self._answer(code)) for code, check in CHECKS.items()]
        asked = table("All that was asked", ("", "answer"), escaped(rows))
        return (
            f"<p><strong>{escape(self._head())}</strong></p>"
            f"{f'<ul>{items}</ul>' if items else ''}"
            f"{folded(f'All {len(CHECKS)} questions', asked)}"
        )

    def _answer(self, code: str) -> str:
        if code in self.codes:
            return "no" if CHECKS[code].severity == "problem" else "could be better"
        return "yes" if code in self.asked else "not asked"

    def _head(self) -> str:
        problems = sum(f.check.severity == "problem" for f in self.findings)
        advice = len(self.findings) - problems
        counts = [
            f"{n} {words[n > 1]}"
            for n, words in (
                (problems, ("problem", "problems")),
                (advice, ("piece of advice", "pieces of advice")),
            )
            if n
        ]
        verdict = " and ".join(counts) or "fit to be played and trained in"
        return f"{self.env}: {verdict}. {self.numbers}"


def check_env(env: str | TextEnv) -> EnvVerdict:
    """Try a world and say what is off.

    Takes some seconds, two of them for a worker process. Nothing that the world does
    is raised: a crash or a hang becomes a finding.

    Args:
        env: Its id, or what `make_env` returned.

    Raises:
        UnknownEnvironmentError: If nothing is registered under the id.

    >>> print(check_env("textworld/coin_collector-105-basic").passed)
    True
    """
    made = make_env(env) if isinstance(env, str) else env
    if made.spec is None or made.factory is None:
        name = type(made).__name__
        off = Finding(code="registered", what=f"{name} was not made by make_env.")
        return EnvVerdict(
            env=name, findings=(off,), asked=frozenset(), numbers=Numbers()
        )
    trials = Trials(made)
    trials.run()
    order = sorted(CHECKS, key=lambda code: CHECKS[code].severity != "problem")
    return EnvVerdict(
        env=made.spec.id,
        findings=tuple(
            Finding(code=code, what=trials.found[code])
            for code in order
            if code in trials.found
        ),
        asked=frozenset({"registered", *trials.asked}),
        numbers=trials.numbers,
    )


def _as_html(finding: Finding) -> str:
    check = finding.check
    lines = (
        f"Should be: {check.asks}",
        f"Seen: {finding.what}",
        f"Why it matters: {check.why}",
        f"Do: {check.fix}",
    )
    head = f"<strong>{check.severity}: {escape(finding.code)}</strong>"
    return "<br>".join([head, *map(escape, lines)])
