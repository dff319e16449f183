# %% [markdown]
# # What is it like to be the agent?
#
# Before you train an agent, sit in its place. Here you
#
# 1. **play** a maze and a house by keyboard, take moves back, branch, and ask what a
#    command would do;
# 2. **hand over** to a language model in the middle of a game, and see how sure it was;
# 3. **keep** what you played: as a record that a reward can pay, and as a demonstration
#    that a model can learn from.
#
# Budget: a quarter of an hour of your time.

# %%
# Setup, safe to run again
try:
    from toolkit.lessons.start import start
except ImportError:
    # %pip install -q "multiturn-rl-toolkit[colab]==0.1.0"
    from toolkit.lessons.start import start

lesson = start("play", seed=0)

# %% [markdown]
# ## A maze
#
# Ten rooms, and a coin in one of them. Type a command or press its number; the map
# shows where you have been. 15 turns. *Esc* gives the keyboard back to the notebook.

# %%
from toolkit import load_policy, make_env, tasks
from toolkit.widgets import EnvStepper

MAZE = "textworld/coin_collector-105-basic"
pocket = load_policy("pocket")
mazes = tasks(MAZE, split="train", n=8, goal="brief")
maze = make_env(MAZE, goal="brief")

game = EnvStepper(maze, policy=pocket, task=mazes[0])
game

# %% [markdown]
# All that the buttons do can be said in Python as well. This cell plays two turns, if
# you have played none, and shows the same game again. (What you see on a page without
# a kernel is the transcript.)

# %%
if not game.turns:
    game.type("go north")
    game.type("go south")
game

# %% [markdown]
# ## Take it back, branch, ask what if
#
# *Undo* takes a turn back. *Branch* keeps what was played and goes on beside it; the
# branches stand above the transcript. *What if?* (Shift+Enter) tells what a command
# would do, and plays nothing. Nothing of this is a trick of the world: its games are
# the same every time, so any point of a game can be reached again by playing to it.

# %%
game.branch(1)
game.type("sing")
game.ask({"do": "what-if", "text": "go south"})
game

# %% [markdown]
# ## Hand over
#
# *One turn* and *to the end* let `pocket` go on from where you stand: a model of less
# than a million parameters that ships with the package. It reads the whole game so far,
# yours and its own. Open *tokens* under one of its turns: how likely was the word it
# chose, and what else did it think of?
#
# **Predict:** would it have gone your way?

# %%
game.undo()
game.play_out()
game

# %% [markdown]
# ## A house
#
# Other worlds have things: doors, keys, drawers. The text tells what is to be done.
# *Hint* asks an expert who sees the whole game; that is why it is marked as privileged,
# and why no model is ever shown it.

# %%
HOUSE = "textworld/w2-o3-q4"
house = EnvStepper(make_env(HOUSE), policy=pocket, path="runs/played.jsonl")
house.ask({"do": "hint"})
house

# %% [markdown]
# If you have not played it, the expert's moves are typed for you here.

# %%
from toolkit import collect
from toolkit.policies.scripted import ExpertPolicy

HOW = {"workers": 0, "progress": False, "seed": lesson.seed}
(shown,) = collect(ExpertPolicy(), HOUSE, [house.episode.task], **HOW)
for turn in () if house.turns else shown.turns:
    house.type(turn.completion)
house

# %% [markdown]
# ## What is left of a game
#
# An *episode*: turn by turn what was read, what was said, what it earned, and facts for
# rewards to look at. The button *Save* appends it to a file. People, experts and models
# all leave the same record.

# %%
from toolkit import load_episodes
from toolkit.lessons.show import show_episodes

house.ask({"do": "save"})
kept = load_episodes("runs/played.jsonl")[-1]
show_episodes({"From the file": kept})

# %% [markdown]
# ## What would it have been paid?
#
# A reward is a sum of terms over such records, so a game that is over can be paid
# again, by any reward. **Predict:** what does each turn earn below, and what would a
# detour of two turns cost?

# %%
from toolkit.lessons.show_credit import show_pay
from toolkit.rewards import Mix

mix = Mix({"success": 1, "progress": 0.5, "step_cost": 0.02})
paid = mix.score([kept])
said = [turn.action for turn in kept.turns]
show_pay(said, {t: paid.of(t) for t in mix.weights}, title="What each turn earns")

# %% [markdown]
# ## Teach by example
#
# A won game is also a *demonstration*. Here a fresh copy of pocket reads yours twenty
# times. Its surprise at your commands falls to almost nothing.
#
# **Predict:** is it better at *other* houses now?

# %%
from toolkit import evaluate
from toolkit.lessons.show import show_success
from toolkit.training.imitation import ImitationConfig, imitate

pupil = load_policy("pocket")
surprise = imitate(pupil, [kept], ImitationConfig(steps=20, batch_size=1))
print(f"nats per token: {surprise[0]:.3f} at first, {surprise[-1]:.3f} in the end")

others = tasks(HOUSE, split="validation", n=lesson.pick(smoke=12, t4=50, full=100))
show_success(
    {
        "pocket": evaluate(pocket, HOUSE, others, **HOW),
        "pocket, after one demonstration": evaluate(pupil, HOUSE, others, **HOW),
    }
)

# %% [markdown]
# Look at the intervals before you believe a difference. One game learned by heart is
# one game; lesson 06 asks how many it takes, and what trying adds to being shown.
#
# ## Try this
#
# - Play a maze without the list and the map, as the model does:
#   `EnvStepper(maze, task=mazes[1], plain=True)`. How many turns more do you need?
# - Win a maze, *Branch* before your third turn, and let pocket finish it ten times.
#   How often does it win from there, and how often from the start?
# - Play another world: `textworld/cooking`, `textworld/treasure_hunter-5`, or your own
#   (the notebook `bring_your_own_environment`).
# - Save three games of yours, and imitate all three.
