# %% [markdown]
# # Can a small model learn to search a maze it cannot see?
#
# When you are through, you can
#
# 1. **play** a text world as an agent does, and say what an episode is made of;
# 2. **point at** the tokens that reinforcement learning trains, and compute by hand
#    which turn is praised and which is blamed;
# 3. **train** a language model over many turns, and tell by a fair comparison whether
#    it has learned anything.
#
# You need some Python, and to have heard of language models and gradient descent. You
# need no GPU, no account and no download.
#
# ![Success in training, dot by dot, between the success on held-out mazes before and
# after it](end-state)
#
# Budget: half an hour of your time.

# %% [markdown]
# ## 1. Set up
#
# The line that this cell prints names all that your numbers depend on. The *profile*
# sets the sizes: `smoke` is for a quick look, `t4` for a GPU on Colab. To choose, set
# the environment variable `TOOLKIT_PROFILE` before you start.

# %%
# Setup, safe to run again
try:
    from toolkit.lessons.start import start
except ImportError:
    # %pip install -q "multiturn-rl-toolkit[colab]==0.1.0"
    from toolkit.lessons.start import start

lesson = start("00_quickstart", seed=0)

# %% [markdown]
# ## 2. Play a game yourself
#
# The world is a maze of ten rooms. Five of them are a chain that leads to a coin, and
# each of these has a dead end beside it. There is no map: a room has a number, which
# says nothing about where it lies. The
# first run makes a dozen of them, which takes some seconds.

# %%
from toolkit import make_env, tasks
from toolkit.environments.games import generate

MAZE = "textworld/coin_collector-105-basic"
RULES = {"goal": "brief"}

world = make_env(MAZE, **RULES)
practice = tasks(
    MAZE, split="train", n=lesson.pick(smoke=40, t4=200, full=200), **RULES
)
exam = tasks(
    MAZE, split="validation", n=lesson.pick(smoke=12, t4=100, full=100), **RULES
)
generate([*practice, *exam], progress=False)
print(f"{len(practice)} games to practise on, {len(exam)} others for the exam")

# %% [markdown]
# Type into the field below: `go north`, `go east`, … and `take coin` once you see it.
# You have 15 turns.
#
# **Before you start:** how many turns will you need? What do you have to remember that
# the screen does not show?

# %%
from toolkit.widgets import EnvStepper

game = EnvStepper(world, task=practice[0], plain=True)
game

# %% [markdown]
# Every game leaves a record, the *episode*: what you read, what you typed, and what it
# earned, turn by turn. If you have not played, this cell types for you. It also tries
# a word that the world does not know.

# %%
from toolkit.lessons.show import show_episodes

if not game.turns:
    for word in ("north", "south", "south", "east", "south", "south"):
        game.type(f"go {word}")
        if word == "north":
            game.type("sing")
    game.type("take coin")

show_episodes({"One episode": game.episode})

# %% [markdown]
# A language model plays in just the same way. It reads the text, answers with text, and
# the reward comes at the end, once, for the coin. That is what makes it hard: all other
# commands earn nothing, and some of them were still right.

# %% [markdown]
# ## 3. How good is good?
#
# A success rate says little without something to hold it against. So four players sit
# the same exam:
#
# - a **random walker**, who picks any command that is possible;
# - a **depth-first** searcher: the plain program in the next cell, which remembers what
#   it has tried and walks back from dead ends;
# - an **expert** who has the map;
# - **pocket**, a language model of a million parameters that ships with this package.
#   It has read other people's games. Some of these people knew the map, some searched,
#   most of them wandered. It has never played.

# %%
import re

from toolkit.policies.base import Action, Policy

BACK = {"north": "south", "south": "north", "east": "west", "west": "east"}


class DepthFirst(Policy):
    def start(self, *, greedy=False):
        self.memory = {}  # episode -> exits tried, way from the first room to here

    def act(self, observations):
        return [Action(text=self.choose(o)) for o in observations]

    def choose(self, o):
        tried, path = self.memory.setdefault(o.episode, (set(), []))
        if "a coin" in o.text:
            return "take coin"
        room = re.findall(r"in the (\w+)\.", o.text)[0]
        for way in re.findall(r"exit to the (\w+)", o.text):
            if (room, way) not in tried and path[-1:] != [BACK[way]]:
                tried.add((room, way))
                path.append(way)
                return f"go {way}"
        return f"go {BACK[path.pop()]}"


# %% [markdown]
# **Predict:** put the four in order, and write down a percentage for each. How well can
# *anybody* do who has no map and 15 turns?

# %% tags=["expected"]
from toolkit import evaluate, load_policy
from toolkit.lessons.show import show_success
from toolkit.policies.scripted import ExpertPolicy, RandomPolicy

policy = load_policy("pocket")
players = {
    "random walker": RandomPolicy(),
    "depth-first": DepthFirst(),
    "expert with the map": ExpertPolicy(),
    "pocket, before": policy,
}
EXAM = {"samples": 4, "seed": 1, "workers": 0, "progress": False}
results = {name: evaluate(who, world, exam, **EXAM) for name, who in players.items()}
before = results["pocket, before"]
show_success(results)

# %% [markdown]
# Look at the thin lines before you look at the bars. They are 95 % intervals: with so
# few games a rate is uncertain by many points, and two bars whose lines overlap widely
# are not known to differ.
#
# The depth-first searcher has no map either, only a memory and a plan, and does about
# as well as the expert who has one. So there is room to learn in: what pocket lacks
# can be read off the words it is shown.

# %% [markdown]
# ## 4. Which tokens are trained?
#
# To the model an episode is one long line of tokens. Some were written by the world,
# some were *sampled by the model*. Reinforcement learning makes sampled tokens more or
# less likely; the world's words are not the model's doing. The *action mask* says which
# is which.
#
# Below is one game of pocket's, with its numbers of tokens.

# %% [markdown]
# **Exercise.** Predict before you look: how many of these tokens get a gradient? Put
# your guess in place of `len(episode.ids)`, or let Python count.

# %% exercise="guess"
episode = next(e for e in before.episodes if not e.won)
print(f"{len(episode.turns)} turns, {len(episode.ids)} tokens")

guess = len(episode.ids)  # mend this line
exercise = lesson.exercise("guess")
exercise.check(guess, episode)

# %%
from toolkit.lessons.show import show_tokens

show_tokens(episode, policy.tokenizer)

# %% [markdown]
# `<eos>` ends each command. The model samples it as well, and has to learn when to stop
# talking. Had the mask covered the world's words, the model would be trained to *tell*
# rooms instead of leaving them, and its chances of a coin would not enter into it.

# %% [markdown]
# ## 5. Which turn earned it?
#
# First with numbers that fit on a line. Four attempts at one maze, A to D, a *group*.
# A room that the attempt had not seen before pays 0.1, so that searching is worth
# something even when the coin is not found. The coin pays what is missing to 1, so that
# no loser can earn more than a winner.
#
# A finds the coin. B and C stand before it when time is up. D gives up looking.

# %%
from toolkit.lessons.show_credit import show_credit

said = [
    ["go north", "go west", "take coin"],
    ["go north", "go east", "go west", "go west"],
    ["go south", "go north", "go north", "go west"],
    ["go south", "look", "look", "look"],
]
paid = [  # (B, K): 4 episodes, up to 4 turns
    [0.1, 0.1, 0.8],
    [0.1, 0.1, 0.0, 0.1],
    [0.1, 0.0, 0.1, 0.1],
    [0.1, 0.0, 0.0, 0.0],
]
show_credit(said, paid, title="What each turn was paid")

# %% [markdown]
# The plain way, GRPO, compares whole episodes: add up what each was paid, subtract the
# mean of the group, divide by its standard deviation, and give every turn of an episode
# the same *advantage*. Above zero,
# the turn becomes more likely; below, less.
#
# **Predict:** B and C lost, but their last step led to the coin. Is it praised or
# blamed?

# %%
from toolkit.training.credit import grpo, turn_return

show_credit(said, grpo(paid, group_size=4), title="Advantages by GRPO")

# %% [markdown]
# It is blamed, like everything else that losers do. A finer way asks of each turn: what
# was paid *from here on*, compared with the others *at the same turn*? One turn later
# counts 0.7 as much. By hand, for the first turn of all four:

# %% tags=["nbval-check-output"]
to_go = [
    0.1 + 0.7 * (0.1 + 0.7 * 0.8),  # A
    0.1 + 0.7 * (0.1 + 0.7 * (0.0 + 0.7 * 0.1)),  # B
    0.1 + 0.7 * (0.0 + 0.7 * (0.1 + 0.7 * 0.1)),  # C
    0.1,  # D: nothing came after
]
mean = sum(to_go) / 4
for name, value in zip("ABCD", to_go, strict=True):
    print(f"{name}: {value:.2f} to go, {value - mean:+.2f} against the mean")

# %% [markdown]
# **Predict:** which single turn of the fifteen will be blamed the most? And what
# becomes of the last step of B and C?

# %%
turns = turn_return(paid, group_size=4, discount=0.7)
show_credit(said, turns, title="Advantages by turn, against the group at that turn")

# %% [markdown]
# D is blamed most, and where it stopped moving rather than where it started. The last
# steps of B and C are now praised: among those who had come that far, they did better
# than D. (The numbers differ from yours by one common factor, which brings all groups
# to the same size.)

# %% [markdown]
# ## 6. Train
#
# Now the real thing, with exactly this rule. Each step plays some mazes eight times
# over, pays the turns, computes their advantages and takes one gradient step on the
# sampled tokens.
#
# **Predict:** will a handful of steps show? Will success rise smoothly?

# %%
from toolkit import train

run = train(
    policy,
    world,
    tasks=practice,
    credit="turn_return",
    reward="discovery",
    discount=0.7,
    learning_rate=7e-4,
    num_generations=8,
    per_device_train_batch_size=32,
    live=32,
    max_steps=lesson.pick(smoke=20, t4=100, full=100),
    seed=lesson.seed,
    output_dir=f"runs/{lesson.name}",
    save_strategy="no",
)

# %% [markdown]
# *Silent groups* are mazes in which all eight attempts were paid alike. There is
# nothing to compare in them, so they teach nothing. If most groups are silent, nothing
# is learned, whatever the loss says.

# %% [markdown]
# ## 7. Did it learn?
#
# The curve shows success on the games it *practised* on. That is no proof: they may
# have been easy ones, and each dot is only a few games. Proof is the exam, taken again:
# the same held-out mazes, the same seed, none of them trained on.

# %% tags=["end-state", "expected"]
from toolkit.lessons.show import show_learning

after = evaluate(run.policy, world, exam, **EXAM)
show_learning(run, before, after)

# %% [markdown]
# **Predict:** pair the games, each before and after. (Each is played four times, and is
# *better* if it is won more often.) Is the change beyond chance?

# %% tags=["expected"]
from toolkit import compare

change = compare(before, after)
change

# %% [markdown]
# Read the interval of the change. If zero lies inside it, then this minute has taught
# nothing that so few games can show, and that is the usual outcome: a handful of steps
# teaches little. What you have seen is the machinery at work.
#
# The same thing at its proper size, 100 steps and an exam of 100 games, takes two to
# five minutes:
#
# ```bash
# toolkit quickstart
# ```
#
# Once you have run it, this cell shows its result.

# %%
from toolkit.lessons.show import show_report

show_report("runs/quickstart/report.json")

# %% [markdown]
# Rates hide what happens. So look at one maze that was lost and then won, if there is
# one. Where do the two part?

# %%
from toolkit.lessons.show import show_lost_and_won

show_lost_and_won(change)

# %% [markdown]
# ## 8. Now you
#
# You can play a world and read an episode, say which tokens are trained, give credit to
# turns by hand, train, and compare fairly. Two exercises make it yours. The checks say
# what is off, and never mind how often you ask.
#
# **Exercise.** Write the action mask. For each turn you get two
# numbers: how many tokens the world wrote, and how many the model sampled.


# %% exercise="action_mask"
def action_mask(turns):
    mask = []
    for seen, sampled in turns:
        mask += [1] * (seen + sampled)  # mend this line
    return mask


exercise = lesson.exercise("action_mask")
exercise.check(action_mask)

# %% [markdown]
# **Exercise.** Write the number that section 5 compares: what
# each turn is paid from there on, one turn later counting `discount` as much.


# %% exercise="returns_to_go"
def returns_to_go(rewards, discount):
    return [sum(rewards) for _ in rewards]  # mend this line


exercise = lesson.exercise("returns_to_go")
exercise.check(returns_to_go)

# %% [markdown]
# **Open ends.** Train with `reward="sparse"`, where only the coin pays, and count the
# silent groups. Train with `credit="grpo"`. Let the depth-first searcher forget what it
# has tried. In each case write down first what you expect.
#
# **Next:** [lesson 01](01_turns_and_tokens.ipynb), what does the trainer actually see?
# Or `toolkit quickstart` for the full run, and `toolkit play` for other worlds, such as
# `toolkit play textworld/w2-o3-q4`. If something does not work, `toolkit doctor` says
# what is missing.

# %% [markdown] tags=["guide"]
# ## Plan for 50 minutes
#
# - **0–10 min** Sections 1 and 2. Everybody plays one maze and says what they had to
#   remember that the screen did not show.
# - **10–20 min** Section 3: predict four percentages, run, then read the thin lines
#   before the bars.
# - **20–27 min** Section 4 with `guess`. Let somebody say aloud why the world's words
#   are left out.
# - **27–37 min** Section 5 by hand, on the board, before the cells are run.
# - **37–47 min** Start section 6, and talk about silent groups while it trains; then
#   section 7.
# - **47–50 min** `toolkit quickstart` is for home, with `action_mask` and
#   `returns_to_go`.
#
# ## Plan for 90 minutes
#
# - **0–15 min** Sections 1 and 2; two people play the same maze, one of them with
#   paper.
# - **15–30 min** Section 3. Let them change the memory of the depth-first player.
# - **30–45 min** Section 4, `guess` and `action_mask`.
# - **45–60 min** Section 5 and `returns_to_go`.
# - **60–75 min** Sections 6 and 7. Start `toolkit quickstart` in a terminal at minute
#   60: its 100 steps are through in two to five minutes, and its report is shown by the
#   cell of section 7.
# - **75–90 min** Where lost and won games part, and the discussion below.
#
# ## What to show live
#
# - `EnvStepper(world, task=practice[0])`, without `plain=True`: undo, branch and the
#   hint that is marked as privileged. The workbench `notebooks/play.ipynb` lets pocket
#   take over and shows how sure it was of each word.
# - `TrainingMonitor.replay("learns")` while the class's own training runs: it is a
#   whole run, with its diagnosis, in seconds.
# - `EpisodeCompare.before_after(before, after)` in section 7 in place of the last cell.
#
# ## Common errors
#
# Most people train the world's tokens in `action_mask` at first, which is the stub; ask
# what the model would then learn to say. In `returns_to_go` the usual slip is to forget
# the discount on what lies further ahead. In talk, listen for "the loss goes down, so
# it learns": section 7 is there for that.
#
# ## Discussion
#
# **The interval of the change contains zero. Did nothing happen?** That is not known.
# With twelve games an effect must be very large to be seen; the full run uses a
# hundred.
#
# **Why the same mazes, the same seed and the same number of samples on both sides?** So
# that luck of the draw is shared and cancels in the paired difference.
#
# **A random walker wins a few games in a hundred. Could one train from there?** Yes,
# but slowly: most groups are silent, and a silent group costs as much as another.
# Lesson 06 computes how long one waits.
#
# **The depth-first player wins everything. Why train a model at all?** Because somebody
# had to know what a maze is to write it. The model reads text, and the same training
# works in worlds for which nobody has a program.
#
# ## Expected numbers
#
# In the smoke profile pocket wins .62 of 48 games on 12 mazes before training (interval
# .46 to .77). Twenty steps with the seeds 0, 1 and 2 moved it by 10, 4 and 10 points,
# each with an interval that holds 0: such a run may end on either side of it, and that
# is what section 7 wants to show. The full run (`toolkit quickstart`, 100 steps, 100
# other mazes, three seeds) goes from .41 to .88, .95 and .90;
# `benchmarks/quickstart.md` has the intervals. Section 5 is arithmetic and the same
# everywhere.
#
# ## Without a GPU or the internet
#
# The lesson needs neither: pocket and its mazes ship with the package. If the room's
# machines are slow, replay a recorded run (see above) in place of section 6; the cell
# of section 7 that reads the report shows the one that ships.
#
# ## Exam questions
#
# **1.** An episode has two turns. The world wrote 4 and 3 tokens, the model sampled 2
# and 2. Write its action mask. How many tokens get a gradient?
#
# *Solution:* 0 0 0 0 1 1 0 0 0 1 1. Four.
#
# **2.** Three turns are paid 0, 0.5 and 1. Give the returns to go with the discount
# 0.5.
#
# *Solution:* 1; 0.5 + 0.5 · 1 = 1; 0 + 0.5 · 1 = 0.5. So 0.5, 1, 1.
#
# **3.** A paper trains on 20 games and reports that success on these rose from 40 % to
# 90 %. Name two things that you want to know before you believe that the agent has
# become better.
#
# *Solution:* Success on other games, drawn before the training; and an interval, or
# several seeds. (Also good: the same number of turns and samples on both sides.)
