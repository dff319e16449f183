# %% [markdown]
# # What makes a world hard?
#
# Two worlds, the same model, the same training: one ends with 88 games won of 100,
# the other with 51. The paper that this package follows says that the second world is
# harder. But what is it about a world that is hard, and for whom? When you are through,
# you can
#
# 1. **compute** how often a player of known skill wins within so many turns, and hold
#    games against it;
# 2. **tell** what is hard for everybody from what is hard for one reader, by letting
#    different players loose on the same worlds;
# 3. **judge** what a table of success rates says about worlds, and what it does not.
#
# You need lesson 00, or to know what an episode and a success rate are. You need no
# GPU, no account and no download.
#
# ![Share of games won by a player who does the right thing half of the time, by turns
# allowed: the three worlds with short quests lie together, longer quests lie far to the
# right](end-state)
#
# Budget: an hour of your time.

# %% [markdown]
# ## 1. Set up

# %%
# Setup, safe to run again
try:
    from toolkit.lessons.start import start
except ImportError:
    # %pip install -q "multiturn-rl-toolkit[colab]==0.1.0"
    from toolkit.lessons.start import start

lesson = start("02_worlds", seed=0)

# %% [markdown]
# ## 2. Three dials
#
# TextWorld makes houses to order: so many rooms, so many objects, and a *quest* of so
# many commands. `w2-o3-q4` is a house of 2 rooms and 3 objects with a quest of 4. The
# paper turns each of the dials; so do we. Making a game takes a third of a second, so
# the first run of the next cell takes a while.

# %%
from toolkit import make_env, tasks
from toolkit.environments.games import generate

WORLDS = ["w2-o3-q4", "w8-o3-q4", "w2-o12-q4", "w2-o3-q6", "w4-o6-q8"]
TURNS = 24
n = lesson.pick(smoke=12, t4=50, full=100)
games = {w: tasks(f"textworld/{w}", split="test", n=n) for w in WORLDS}
generate([game for some in games.values() for game in some], progress=False)
world = {w: make_env(f"textworld/{w}", max_turns=TURNS) for w in WORLDS}
print(f"{len(WORLDS)} worlds with {n} games each")

# %% [markdown]
# Play one in the first world. You may press the number of a command, and there is a
# map. Then put `"w2-o12-q4"` or `"w4-o6-q8"` in its place.
#
# **Before you start:** where will you lose turns?

# %%
from toolkit.widgets import EnvStepper

here = "w2-o3-q4"
EnvStepper(world[here], task=games[here][3])

# %% [markdown]
# Three things can be counted without playing: how much there is to read, how many
# commands are possible at the start, and how many an expert needs.
#
# **Predict:** which dial moves which number?

# %%
import numpy as np


def counted(w):
    env = make_env(f"textworld/{w}", admissible=True, expert=True)
    for game in games[w]:
        text, info = env.reset(options={"task": game})
        yield len(text.split()), len(info["admissible_actions"]), len(info["expert"])


print(f"{'':9}  words to read  possible commands  expert needs")
for w in WORLDS:
    words, possible, needs = np.mean([*counted(w)], axis=0)
    print(f"{w:9}  {words:13.0f}  {possible:17.1f}  {needs:12.1f}")

# %% [markdown]
# Objects triple the number of things that can be done; rooms hardly move it, since only
# the room where you stand counts. The last dial moves what an expert needs, and the
# words, because these games tell the whole way in their first text. Which of the three
# makes a world hard?

# %% [markdown]
# ## 3. Hard for dice
#
# Take the world away and keep the numbers. A quest of L commands is a staircase of L
# steps. In each turn the player does the right thing with a chance of p and goes up, or
# something useless, and stays. It has T turns.
#
# By hand: L = 2, T = 3 and p = 1/2. A good turn is +, a bad one -:
#
# ```text
# +++  ++-  +-+  +--  -++  -+-  --+  ---
# won  won  won       won
# ```
#
# So half of all games are won.
#
# **Predict:** L = 4 and p = 1/2. What share is won with 4 turns, with 8, with 12? And
# with L = 8, twice as long, and twice as many turns?

# %% tags=["expected"]
from toolkit.lessons.show import show_curves

rng = np.random.default_rng(lesson.seed)
limits = range(1, TURNS + 1)


def dice(p, length, games=4000):
    """Share of games won within 1, 2, ... TURNS turns."""
    good = (rng.random((games, TURNS)) < p).cumsum(axis=1)
    return (good >= length).mean(axis=0)


LENGTHS = (4, 6, 8)
show_curves(
    {
        f"right {p:.0%} of the time": {f"quest of {k}": dice(p, k) for k in LENGTHS}
        for p in (0.2, 0.5, 0.8)
    },
    x=limits,
    x_name="turns allowed",
    title="Games won by dice",
    unit="%",
)

# %% [markdown]
# Three things to take along:
#
# - With exactly as many turns as the quest is long, nobody may slip: p to the power of
#   L, 6 % for four commands and 0.4 % for eight.
# - Spare turns forgive. Someone who is right half of the time needs about twice the
#   length to win every other game, and three times to be nearly sure.
# - Someone who is right one time in five needs far more than is usually given: with
#   three turns for each command, one game in five is won at best.
#
# So the length of a quest means nothing without the number of turns, and neither
# without the player.

# %% [markdown]
# ## 4. Hard for somebody who half knows the way
#
# Now real houses, and a player whose skill we know because we made it: half of the time
# it is told the right command, half of the time it does anything that is possible.
# Whatever else makes a house hard than its length must show as a difference to the
# dice: a slip may cost more than its turn, as you have to walk back.

# %%
from toolkit.policies.base import Policy
from toolkit.policies.scripted import ExpertPolicy, RandomPolicy


class HalfTold(Policy):
    needs = frozenset({"expert", "admissible"})

    def start(self, *, greedy=False):
        self.anything, self.coins = RandomPolicy(), {}
        self.anything.start()

    def act(self, observations):
        right, other = (p.act(observations) for p in (ExpertPolicy(), self.anything))
        told = [self.toss(o) for o in observations]
        return [a if t else b for t, a, b in zip(told, right, other, strict=True)]

    def toss(self, o):
        coin = self.coins.setdefault(o.episode, np.random.default_rng([*o.key, 1]))
        return coin.random() < 0.5


# %% [markdown]
# Nothing has to be played several times to see several limits. A game that was won in
# its ninth turn is won within 9 turns, within 10 and so on, and was lost within 8. One
# long game tells about all shorter ones, as long as the player does not look at the
# clock.
#
# **Predict:** five curves, one for each world. Which will lie together, which apart?

# %%
from toolkit import evaluate

HOW = {"seed": 1, "workers": 0, "progress": False}


def within(result):
    """Share of games won within 1, 2, ... TURNS turns."""
    took = np.array([len(e.turns) if e.won else np.inf for e in result.episodes])
    return [(took <= limit).mean() for limit in limits]


half = {w: evaluate(HalfTold(), world[w], games[w], samples=4, **HOW) for w in WORLDS}

# %% tags=["end-state", "expected"]
LENGTH = {w: int(w.split("-q")[1]) for w in WORLDS}
show_curves(
    {
        "by dice": {w: dice(0.5, LENGTH[w]) for w in WORLDS},
        "in the houses": {w: within(half[w]) for w in WORLDS},
    },
    x=limits,
    x_name="turns allowed",
    title="Games won by a player who is told half of the time",
    unit="%",
)

# %% [markdown]
# The three worlds with quests of four lie together, rooms and objects or not, and about
# where dice put them: early a little above, since "anything" is the right thing now
# and then. Quests of six and of eight lie to the right, again as the dice say, only a
# little lower: here a slip does cost something, such as a door that has to be opened
# again.
#
# So the *length* of the quest is in the world, and hard for everybody. Eight rooms and
# twelve objects are not hard in themselves. Whoever is told the right command does not
# care what else lies around.

# %% [markdown]
# ## 5. Hard for a reader
#
# Two players who are told nothing. The **random** one picks from what is possible.
# **Pocket** is a language model of less than a million parameters that has read 2,600
# walkthroughs of other games, *all of the first world* (and some mazes). It gets the
# text, and has to find the words itself.
#
# **Predict:** success within 24 turns, for both in each of five worlds. (Pocket won 65
# of 100 such games in the first world.)

# %%
from toolkit import load_policy


def exam(player):
    return {w: evaluate(player, world[w], games[w], samples=2, **HOW) for w in WORLDS}


model = load_policy("pocket")
pocket, random = exam(model), exam(RandomPolicy())

# %% tags=["expected"]
from toolkit.lessons.show import show_before_after

show_before_after(
    {
        "told half of the time": {w: (random[w], half[w]) for w in WORLDS},
        "pocket, who reads": {w: (random[w], pocket[w]) for w in WORLDS},
    },
    sides=("random", "this player"),
    title="Games won within 24 turns, with 95 % intervals",
)

# %% [markdown]
# For pocket the order is another one. With the same quests of four, more rooms or more
# objects take most of it away, or all. It is not that these houses are longer; they
# *read* otherwise than what it has read.
#
# The random player feels the other two numbers of section 2: it wins some games where
# few commands are possible, and none where there are sixteen, or where eight in a row
# are needed. A floor like this one keeps you from being proud of 20 %.

# %% [markdown]
# ### What goes wrong
#
# A rate does not say why. So look at turns: how many of pocket's commands did the house
# not understand, and how many repeat the command before?
#
# **Predict:** in the worlds where it loses, does pocket wander about?


# %%
def misread(result):
    """Share of turns in lost games not understood, and repeated."""
    lost = [e.turns for e in result.episodes if not e.won]
    refused = [not turn.info["valid_action"] for turns in lost for turn in turns]
    again = [a.action == b.action for t in lost for a, b in zip(t[1:], t, strict=False)]
    return np.mean(refused), np.mean(again)


for w in WORLDS:
    refused, again = misread(pocket[w])
    print(f"{w:9}: {refused:4.0%} not understood, {again:4.0%} as the turn before")

# %%
from toolkit.widgets import EpisodeView

lost = next(e for e in pocket["w2-o12-q4"].episodes if not e.won)
EpisodeView(lost, tokenizer=model.tokenizer)

# %% [markdown]
# It does not wander, it does not get a word in. Names are its trouble: where there are
# many, it copies the wrong one, or makes one of two. And it has read experts only, who
# are never refused; so it does not know what to do after a refusal, and often says the
# same again.
#
# These are two cures that have nothing to do with exploring: a model that reads better,
# and episodes in which somebody recovers.

# %% [markdown]
# ## 6. More turns?
#
# The paper gives its model 6, 8, 12 or 16 turns for quests of four (its table 4), and
# concludes that about twice the length is enough.
#
# **Predict:** whom do more turns help: the half-told player, the random one, pocket?

# %%
first = "w2-o3-q4"
who = {"told half": half, "pocket": pocket, "random": random}
show_curves(
    {name: within(result[first]) for name, result in who.items()},
    x=limits,
    x_name="turns allowed",
    title="Games won in w2-o3-q4",
    unit="%",
)

# %% [markdown]
# They forgive slips, and so they help whoever slips and recovers. Pocket wins in four
# or five turns, or hardly ever: its curve is nearly flat from there on, and no number
# of turns will lift it by much.
#
# That is a picture of players before training. Perhaps training makes use of turns? Our
# experiment trains pocket with each limit and examines it with the same, three seeds
# each. Its results lie in the repository.
#
# **Predict:** will more turns help pocket's training? They helped the paper's model.

# %%
from toolkit.lessons.show_runs import show_against_paper

show_against_paper("experiments/results/horizon.json")

# %% [markdown]
# The paper's model rises from .55 with 6 turns to .88 with 16, and pocket does not rise
# at all. The worlds are the same. What differs is the player: theirs is a chat model of
# 1.5 billion weights that had never seen such a game, ours has read experts, who need
# four or five turns and never look around. A number of turns "that is enough" belongs
# to a player, and to a time in its training.

# %% [markdown]
# ## 7. After training
#
# Last the question from the beginning. Here is the paper's table 1, with our experiment
# beside it: the same training in worlds with more rooms, more objects, and both. (Ours
# are half as large: 4 rooms and 6 objects, where the paper has 8 and 12.)
#
# **Predict:** the paper finds objects harder than rooms. Does pocket?

# %%
show_against_paper("experiments/results/complexity.json")

# %% [markdown]
# For the paper's model after training, objects are harder: .54 against .68. For pocket,
# rooms are, before and after. (In section 5, with 8 and with 12, it looked the other
# way about; a dozen games do not decide.) The paper's 14 points on 100 games each are
# just beyond chance, and each of its numbers is one training run. But even if both
# orders are real, they do not contradict each other. They tell about two readers, and
# one of them had read about one kind of house only.
#
# And longer quests, the paper's table 3? (Ours are of six commands, the paper's of
# eight, in four rooms with six objects.)

# %%
show_against_paper("experiments/results/size.json")

# %% [markdown]
# Here both agree, and so do the half-told player and the dice. If you want to make a
# world harder for everybody, make the way longer and leave the turns as they are. If
# you want to find out what a model cannot read, change what there is to read, and keep
# the way.

# %% [markdown]
# ## 8. Now you
#
# Three exercises: the dice as a formula, one long game for all horizons, and the tables
# once more.

# %% [markdown]
# **Exercise.** The dice of section 3 without dice. In come the chance `p` that a turn
# is right, the length of the quest and the number of turns; out goes the chance to win.
# `comb(T, k)` is the number of ways to choose k of T turns.

# %% exercise="win_chance"
from math import comb


def win_chance(p, length, turns):
    return comb(turns, length) * p**length  # mend this line


exercise = lesson.exercise("win_chance")
exercise.check(win_chance)

# %% [markdown]
# **Exercise.** One long game for all limits. `played` has a pair for each game: how
# many turns it took, and whether it was won. Return the share of games that would have
# been won with only `turns` turns.


# %% exercise="won_within"
def won_within(played, turns):
    in_time = [won for needed, won in played if needed <= turns]
    return sum(in_time) / len(in_time)  # mend this line


exercise = lesson.exercise("won_within")
exercise.check(won_within)

# %% [markdown]
# **Exercise.** Which of these do the paper's numbers of sections 6 and 7 support? All
# are shares of 100 games. Put their letters into the text.
#
# - **A.** In `w4-o6-q8`, the model that was trained there (.59) is better than the one
#   before training (.01).
# - **B.** Twelve objects make a world harder than eight rooms.
# - **C.** 16 turns are better than 12 for training in `w2-o3-q4`.
# - **D.** Training helped more in the largest world (.03 to .51, seventeen times as
#   much) than in the smallest (.17 to .88, five times as much).
# - **E.** The model trained and tested with 16 turns wins more often than the one
#   trained and tested with 6.
# - **F.** A house of eight rooms is hard.

# %% exercise="supported"
supported = "ABCDEF"  # mend: strike out what is not supported

exercise = lesson.exercise("supported")
exercise.check(supported)

# %% [markdown]
# ## What you can do now
#
# You can foresee with dice what length and turns do to a player of given skill, and
# hold real games against it. You let a player who is told, one who is blind and one who
# reads loose on the same worlds, and see which of a world's dials moves whom. And when
# a table says that a world is hard, you ask: for whom, with how many turns, and how
# many runs?
#
# **An open question.** If what is hard depends on the reader, easy to hard is another
# order for each model, and changes while it learns. Which order would you train in, and
# would you know it beforehand? Lesson 06 has a sampler that finds out by itself. What
# does it cost?
#
# **Open ends.** Let the half-told player be told four times of five. Turn one dial
# further, `w16-o3-q4`. Take the games of section 5 with `goal="brief"`, where the way
# is not told. Write down first what you expect.
#
# **Next:** [lesson 03](03_rewards.ipynb), what should an agent be paid for?

# %% [markdown] tags=["guide"]
# ## Plan for 50 minutes
#
# - **0–6 min** Section 2: somebody plays in `w2-o3-q4`, somebody else in `w4-o6-q8`.
#   Everybody writes down which dial is the worst one.
# - **6–16 min** Section 3, by hand with L = 2 first, then the three panels.
# - **16–28 min** Section 4: predict five curves, run, compare with the dice.
# - **28–40 min** Section 5: pocket and its lost game.
# - **40–50 min** Section 7, the first picture, and exercise `supported` in pairs.
#   Section 6 and the other exercises are for home.
#
# ## Plan for 90 minutes
#
# - **0–12 min** Section 2, with time to lose a game in each of two worlds.
# - **12–30 min** Section 3, then exercise `win_chance` at once.
# - **30–45 min** Section 4. Let half of the class defend "rooms" and half "objects"
#   before the cell is run.
# - **45–62 min** Section 5 with the lost game, turn by turn.
# - **62–74 min** Section 6 and exercise `won_within`.
# - **74–90 min** Section 7, exercise `supported`, and the discussion below.
#
# ## What to show live
#
# - `EnvStepper(world["w4-o6-q8"], task=games["w4-o6-q8"][0])`: the map and the list of
#   commands grow while you play. Its hints are what the half-told player is told.
# - `EpisodeView(lost, tokenizer=model.tokenizer)`: the chance of each token in a name
#   that is copied wrongly.
# - `experiments/results/index.html`: all runs behind the pictures of sections 6 and 7.
#
# ## Common errors
#
# In `win_chance` most people forget what the other turns do; ask for L = 1 and T = 2,
# where p and 2p can be told apart. In `supported`, B is the one to discuss with all: 14
# points on 100 games are beyond chance (by half a point), and the claim is still not
# carried, since it speaks of worlds and rests on one run of one model each. In talk,
# listen for "the world is hard" without "for whom".
#
# ## Discussion
#
# **The random player wins more often in the house of eight rooms than with twelve
# objects. Is it easier?** For somebody who presses any button, yes: there are fewer
# buttons (6 against 16 at the start). With these few games it is not even certain.
#
# **Why do the houses lie below the dice for long quests only?** A slip costs its turn
# in both. In a house it may cost another: going back, opening again, picking up. Longer
# quests have more that can be undone.
#
# **Is the half-told player a fair measure of a world?** It measures the way and nothing
# else, because it is handed the words. It would find a world in a foreign language just
# as easy. That is its use: the difference to a reader is what reading costs.
#
# **The paper's gain in the largest world is seventeenfold. Is that more?** In points it
# is less, 48 against 71. Which of them matters depends on what is to be compared; a
# share cannot rise above 1, and a ratio to almost nothing can be anything.
#
# ## Expected numbers
#
# Everything but the players' luck is fixed. Three samples of 12 to 20 games each, with
# other seeds of play: told half, 94 to 100 % in the short quests and 90 to 94 % in
# `w4-o6-q8`; pocket 55 to 67 % in `w2-o3-q4`, 12 to 25 % with eight rooms, 0 to 15 %
# with twelve objects, 4 to 17 % with quests of six, and 0 % with eight; random 5 to 25
# % in the first two worlds and 0 to 4 % in the others. The pictures of sections 6 and 7
# come from three training runs and 100 games for each mark.
#
# ## Without a GPU or the internet
#
# The lesson needs neither. The games of the first world ship with the package; the
# other 48 are made in the first run, which takes about 20 s of computing and needs no
# network. Sections 3 and 7 can be taught from the printed notebook.
#
# ## Exam questions
#
# **1.** A quest of 2 commands, 3 turns, and a player who is right with a chance of 0.8.
# How often does it win? How often without a spare turn?
#
# *Solution:* 3 · 0.64 · 0.2 + 0.512 = 0.896; without, 0.64.
#
# **2.** Of ten games, three were won after 4, 6 and 9 turns, and the others ran out of
# time after 12. Give success for limits of 6 and of 8 turns. What must be assumed?
#
# *Solution:* 0.2 and 0.2. That the player would have played the same with another
# limit, so that it neither sees the clock nor was trained with one.
#
# **3.** A model wins .54 of the games in a world with many objects and .68 in one with
# many rooms, 100 games and one training run each. A colleague concludes that objects
# are harder than rooms. Give two objections.
#
# *Solution:* the 95 % interval of the difference is about .14 ± .13, and knows nothing
# of the luck of training, for which more runs are needed. And "harder" is said of
# worlds, but was measured on one reader; what it had read before may turn the order.
