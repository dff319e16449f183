# %% [markdown]
# # How do I bring an environment of my own?
#
# A world is a text game: it shows text, takes a line of text, and says when it is won.
# Here you
#
# 1. **write** one in thirty lines, and play it;
# 2. **check** it, so that it will not spoil a training run;
# 3. **train** the small model that ships with the package in it, and see on games it
#    has not practised on whether it has learned your rules.
#
# Budget: a quarter of an hour of your time.

# %%
# Setup, safe to run again
try:
    from toolkit.lessons.start import start
except ImportError:
    # %pip install -q "multiturn-rl-toolkit[colab]==0.1.0"
    from toolkit.lessons.start import start

lesson = start("bring_your_own_environment", seed=0)

# %% [markdown]
# ## The rules
#
# A field of five by five rooms. A coin lies in the south-eastern corner, always, but
# nothing says so: it is for the player to find out, and for a learner to remember.
# Where one starts and how rooms are called differs from game to game. First the plain
# rules, without any toolkit.

# %%
SIDES = {"east": 1, "north": -1j, "south": 1j, "west": -1}
ROOMS = [x + y * 1j for x in range(5) for y in range(5)]  # the coin is in the last


def possible(room):
    ways = [f"go {side}" for side, step in SIDES.items() if room + step in ROOMS]
    return ways + ["take coin"] * (room == ROOMS[-1])


# %% [markdown]
# ## The world
#
# A `TextEnv` has two methods of its own. `_start` sets up the game of a *task* and
# returns the first text; `_advance` takes one command and returns text, reward, whether
# the game is over, and *facts*. A third, `tasks`, lists the games: each split has seeds
# of its own, so that nothing that was practised on is in the exam.
#
# All chance comes from `task.seed`. That is what makes undo, branches and comparisons
# of several plays of one game possible.

# %%
import random

from toolkit.environments import SPLITS, Task, TextEnv, register


class Field(TextEnv):
    def __init__(self, env="field", *, max_turns=12, **wanted):
        super().__init__(max_turns=max_turns, **wanted)

    @classmethod
    def tasks(cls, env, split, n, params):
        first = 1000 * SPLITS.index(split)
        return [Task(env=env, seed=first + k, split=split) for k in range(n or 500)]

    def _start(self, task):
        self.seed, self.room = task.seed, random.Random(task.seed).choice(ROOMS[:15])
        return f"Find the coin and take it.\n{self.look()}", self.facts()

    def _advance(self, command):
        if command not in possible(self.room):
            return "You cannot do that.", 0.0, False, self.facts(valid_action=False)
        won = command == "take coin"
        self.room += 0 if won else SIDES[command.removeprefix("go ")]
        return self.look(), float(won), won, self.facts(won=won, score=float(won))


# %% [markdown]
# Two helpers that both of them use, and a name for the world. Without imports and the
# name, rules and world are thirty lines. The list of what is possible is for people and
# for the random player; a model never sees it.


# %%
def look(self):
    number = (self.seed + 37 * ROOMS.index(self.room)) % 100
    ways = [f"an exit to the {c[3:]}" for c in possible(self.room) if c[:2] == "go"]
    seen = ways + ["a coin on the floor"] * (self.room == ROOMS[-1])
    there = "".join(f" There is {thing}." for thing in seen)
    return f"Room{number}. You are in the room{number}.{there}"


def facts(self, **known):
    return {"admissible_actions": possible(self.room)} | known


Field.look, Field.facts = look, facts
register("field", Field)

# %% [markdown]
# ## Play it
#
# `make_env` makes your world like any other, and the stepper plays it at once: type, or
# press the number of a command. Three commands have been typed for you; *Restart*
# begins again. There is no map, because nobody has told what can be seen around (that
# would be a method `surroundings`).

# %%
from toolkit import make_env, tasks
from toolkit.widgets import EnvStepper

world = make_env("field")
game = EnvStepper(world)
for command in ("go south", "dig", "go east"):
    game.type(command)
game

# %% [markdown]
# ## Check it
#
# A world with a slip does not crash. It trains badly, and you look for the reason in
# the optimiser. So let it be tried: `check_env` plays some games at random, plays them
# again elsewhere, types nonsense and NUL bytes, and looks at every fact. (Once a file
# `meadow.py` holds the class and calls `register`, the command line does the same:
# `toolkit check meadow:field`.)

# %%
from toolkit import check_env

check_env("field")

# %% [markdown]
# One piece of advice: training plays in worker processes, and these can import a class
# from a file but not from a notebook. Here `workers=0` will do.
#
# And this is what a slip looks like. The next world forgets to be the same each time:
# it draws from a generator that nobody seeds. **Predict:** what will be found?


# %%
class Moody(Field):
    def _advance(self, command):
        if random.random() < 0.2:
            return "You do not feel like it.", 0.0, False, self.facts()
        return super()._advance(command)


register("moody", Moody)
check_env("moody")

# %% [markdown]
# ## Who is good at it?
#
# Before any training, two players to hold a learner against: one who does anything that
# is possible, and an expert who knows the rule. The expert is one more method, and
# gives the stepper its hints as well.


# %%
def expert(self):
    east, south = (ROOMS[-1] - self.room).real, (ROOMS[-1] - self.room).imag
    return ["go east"] * int(east) + ["go south"] * int(south) + ["take coin"]


Field.expert = expert

# %% [markdown]
# The third player is `pocket`, a language model that has read other people's mazes. It
# is no accident that our rooms are described as those mazes are: pocket knows no other
# words. A world in words of its own needs a model that knows language, such as
# `load_policy("smollm2-135m")`, and more time.

# %%
from toolkit import evaluate, load_policy
from toolkit.lessons.show import show_success
from toolkit.policies.scripted import ExpertPolicy, RandomPolicy

pocket = load_policy("pocket")
exam = tasks("field", split="test", n=lesson.pick(smoke=40, t4=100, full=100))
EXAM = {"seed": 1, "workers": 0, "progress": False}
before = evaluate(pocket, world, exam, **EXAM)
results = {
    "anything possible": evaluate(RandomPolicy(), world, exam, **EXAM),
    "pocket, before": before,
    "expert": evaluate(ExpertPolicy(), world, exam, **EXAM),
}
show_success(results)

# %% [markdown]
# ## Train
#
# Each step plays four games eight times over and makes what went better than the rest
# of its group more likely. Only the coin is paid. Where all eight attempts fail, there
# is nothing to compare: the group is *silent*.
#
# **Predict:** will pocket find out where the coin lies?

# %%
from toolkit import train

run = train(
    pocket,
    world,
    tasks=tasks("field", split="train", n=200),
    credit="turn_return",
    reward="sparse",
    discount=0.8,
    learning_rate=7e-4,
    num_generations=8,
    per_device_train_batch_size=32,
    live=32,
    workers=0,
    max_steps=lesson.pick(smoke=12, t4=40, full=40),
    seed=lesson.seed,
    output_dir=f"runs/{lesson.name}",
    save_strategy="no",
)

# %% [markdown]
# ## Has it learned the rule?
#
# The same exam again, in games it has not practised on.

# %%
after = evaluate(run.policy, world, exam, **EXAM)
show_success({**results, "pocket, after": after})

# %% [markdown]
# One game of the exam, played twice. Before, it wanders as people in mazes do; after,
# it heads for the corner in rooms it has never seen, by names it has never read.

# %%
from toolkit.lessons.show import show_episodes

show_episodes({"Before": before.episodes[0], "After": after.episodes[0]})

# %% [markdown]
# ## Try this
#
# - Move the coin into the middle of the field. The rule is then hard to see from the
#   exits. Does it still learn, and what does it do instead?
# - Let it lie in another corner in the exam games alone. What does the evaluation say
#   about a policy that has learned a wrong rule well?
# - Write "You stand on a meadow" in place of "You are in the room". Evaluate pocket
#   before you train it.
# - Return the part of the way that is done as `progress` in the facts, and train with
#   `reward={"progress": 1}`.
# - Move the class into a file `field.py` next to this notebook, import it, and drop
#   `workers=0`.
