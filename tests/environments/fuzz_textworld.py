"""Throw hostile commands at a real game; run by `test_textworld.py` in a subprocess.

Usage: python fuzz_textworld.py COUNT SEED. Ends with an assertion error if the
interpreter makes more than one move for one command.
"""

import random
import re
import sys

from toolkit import make_env, tasks

META = """save restore restart quit q script unscript transcript undo oops again g
notify verbose brief superbrief long short normal version verify score fullscore full
pronouns nouns goal enable print_state print restrict tw-trace-actions tw-extra-infos
tw-print transcription superbriefly restores ｓａｖｅ"""
VERBS = """take drop open close lock unlock put insert eat go look examine inventory
push help yes no sorry wait think wake ask tell give show throw say answer set turn"""
NOUNS = "chest key keycard mantle me it them all everything north south type J 2"
MOVES = ["look", "wait", "z", "inventory", "go north", "go south", "jump", "sing"]
GLUE = [
    ". ",
    ".",
    ", ",
    ",",
    ";",
    " then ",
    ", then ",
    " and then ",
    "\n",
    "\r",
    " and ",
]
WRAP = ["{}", "> {}", '"{}"', "'{}", "person, {}", "({})", "me, {}", ">>{}", "\\{}"]
JUNK = [
    "\x00",
    "\x1b[2J",
    "\\x",
    "\\",
    "%s%n%d",
    "{0}",
    "$(ls)",
    "`",
    "🗝️",
    "é",
    "\ud800",
]
JUNK += [
    "\u2028",
    "\u200b",
    "\x85",
    "'",
    '"',
    "..",
    "\t",
    "&amp;",
    "-= X =-0/99",
    "*** The End ***",
]


def phrase(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return rng.choice(MOVES)
    words = rng.choice([VERBS, META]).split()
    return " ".join(
        [rng.choice(words), *rng.choices(NOUNS.split(), k=rng.randrange(4))]
    )


def hostile(rng: random.Random) -> str:
    """Return one hostile command."""
    kind = rng.randrange(6)
    if kind == 0:
        return "".join(chr(rng.randrange(0x250)) for _ in range(rng.randrange(60)))
    if kind == 1:
        return phrase(rng) * rng.randrange(1, 4000)
    text = phrase(rng)
    if kind in (2, 3):
        text = rng.choice(GLUE).join(phrase(rng) for _ in range(rng.randrange(2, 5)))
    for _ in range(rng.randrange(3) if kind > 2 else 0):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(JUNK) * rng.choice([1, 1, 1, 500]) + text[at:]
    return rng.choice(WRAP).replace("{}", text)


class Watched:
    """The interpreter, with its last answer kept."""

    def __init__(self, inner):
        self.inner, self.raw = inner, ""

    def step(self, command):
        answer = self.inner.step(command)
        self.raw = answer[0]
        return answer

    def __getattr__(self, name):
        return getattr(self.inner, name)

    @property
    def moves(self) -> int:
        """Moves so far, from the status line."""
        return int(re.search(r"-= .* =-0/(\d+)\s*$", self.raw)[1])


def main(count: int, seed: int) -> None:
    rng = random.Random(seed)
    env = make_env("textworld/w2-o3-q4", max_turns=count + 1)
    choices = tasks("textworld/w2-o3-q4", split="test", n=3)
    made, over = 0, True
    for _ in range(count):
        if over or rng.random() < 0.01:
            env.reset(options={"task": rng.choice(choices)})
            if not isinstance(env._interpreter, Watched):
                env._interpreter = Watched(env._interpreter)
            env.step("look")
            moves = env._interpreter.moves
        _, _, over, _, info = env.step(hostile(rng))
        now = moves if over else env._interpreter.moves
        assert now - moves in (0, 1), (now, moves, info["command"])
        made, moves = made + now - moves, now
    print(f"{made} moves for {count} commands")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
