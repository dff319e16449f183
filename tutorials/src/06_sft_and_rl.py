# %% [markdown]
# # Teach it, or let it try?
#
# A demonstration shows an agent what to do; an episode of reinforcement learning tells
# it how well it did. Both cost money. When you are through, you can
#
# 1. **say** what imitation cannot teach and what reinforcement learning cannot find,
#    and compute how long you would wait for the first win;
# 2. **read** a table of success rates, and tell which of its differences are real;
# 3. **spend** a budget on demonstrations and episodes, in an order that teaches
#    something at every step, and see what was forgotten meanwhile.
#
# You need lesson 00, or to know what an episode, a group and an action mask are. You
# need no GPU, no account and no download.
#
# ![The chance to cross a bridge over a thousand episodes of trying: from scratch it
# stays at nothing, after 5 and after 20 demonstrations it rises to almost
# one](end-state)
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

lesson = start("06_sft_and_rl", seed=0)

# %% [markdown]
# ## 2. What imitation is
#
# You stand at a fork and know three commands. You would say `go north` half of the
# time. The expert says `go east`. Imitation (*supervised fine-tuning*, SFT) makes the
# expert's command more likely: its loss is minus the logarithm of the probability that
# you give to it.
#
# The three probabilities come from three scores. The gradient of the loss at a score is
# its probability, minus 1 for the expert's command: that one goes up, all others down.
#
# **Predict:** what is the loss here? After one step of gradient descent, which of the
# other two commands has lost more?

# %% tags=["nbval-check-output"]
import numpy as np

said = ["go north", "go east", "look"]
chances = np.array([0.5, 0.3, 0.2])
shown = np.array([0.0, 1.0, 0.0])  # the expert says go east

print(f"loss: -log 0.3 = {-np.log(chances @ shown):.2f}")
stepped = np.exp(np.log(chances) + (shown - chances))  # one step down the gradient
stepped /= stepped.sum()
for command, old, new in zip(said, chances, stepped, strict=True):
    print(f"{command}: {old:.2f} -> {new:.2f}")
print(f"loss now: {-np.log(stepped @ shown):.2f}")

# %% [markdown]
# `go north` lost more, because it was believed more. Two things are worth noticing. The
# expert's command rises even if you would never have said it: nothing has to be found.
# And nothing tells whether `look` was just as good: the loss knows one right answer.
#
# On an episode it is the same at every token that the *agent* says. The world's tokens
# are masked, as in lesson 00: the agent shall learn to act, not to tell rooms. Here is
# an expert who has the map, in a maze.

# %%
from toolkit import collect, load_policy, make_env, tasks
from toolkit.lessons.show import show_tokens
from toolkit.policies.scripted import ExpertPolicy
from toolkit.training.imitation import encode_episode

MAZE, RULES = "textworld/coin_collector-105-basic", {"goal": "brief"}
QUIET = {"workers": 0, "progress": False}
world = make_env(MAZE, **RULES)
practice = tasks(MAZE, split="train", n=200, **RULES)  # these ship with the package

policy = load_policy("pocket")
demonstration = collect(ExpertPolicy(), world, practice[:1], **QUIET)[0]
show_tokens(encode_episode(policy, demonstration), policy.tokenizer)

# %% [markdown]
# Only the marked tokens have a loss. We give them to a model with the same tokenizer
# and random weights, which has read nothing yet.
#
# **Predict:** the vocabulary has 2,048 tokens. What does a model that knows nothing
# lose per token? What is left after one step, and after twenty?

# %%
from toolkit.training.budget import start_policy
from toolkit.training.imitation import ImitationConfig, imitate

fresh = start_policy("untrained", lesson.seed)
size = len(fresh.tokenizer)
print(f"{size} tokens, log {size} = {np.log(size):.2f}")
once = ImitationConfig(steps=21, batch_size=1, learning_rate=3e-3)
losses = imitate(fresh, [demonstration], once)
for steps in (0, 1, 5, 20):
    print(f"loss per token, steps done {steps:2}: {losses[steps]:.2f}")

# %% [markdown]
# All tokens are about equally unlikely in the beginning, so it starts near the
# logarithm of their number. Each step moves it towards these five commands, and after
# twenty it knows them by heart. That is fast. What has it learned?

# %% [markdown]
# ## 3. What each cannot do
#
# A world small enough to see everything: a bridge of eight planks. `on` goes to the
# next plank; any other word on a plank ends in the water. In the water only `back`
# helps, and puts you on the plank from which you fell. You have twelve turns.
#
# The agent is a table: for each state, a probability for each of three words.

# %%
WORDS = ("on", "back", "wait")
PLANKS, TURNS = 8, 12
WATER = PLANKS  # states 0 to 7 are planks, state 8 is the water


def table(scores):
    chances = np.exp(scores)
    return chances / chances.sum(axis=1, keepdims=True)


def cross(chances, rng):
    plank, state, steps = 0, 0, []
    while len(steps) < TURNS and plank < PLANKS:
        word = rng.choice(3, p=chances[state])
        steps.append((state, word))
        if state == WATER:
            state = plank if word == 1 else WATER
        else:
            plank += word == 0
            state = plank if word == 0 else WATER
    return steps, plank == PLANKS


# %% [markdown]
# Imitation in a table is counting. In each state, count what the expert said, add one
# to every word, and divide. With ten demonstrations, `on` has 11 of 13 on each plank.
#
# **Predict:** the expert never errs. What does the table say in the water, after a
# hundred demonstrations?


# %% tags=["nbval-check-output"]
def imitated(demonstrations):
    scores = np.zeros((PLANKS + 1, 3))  # log of 1: every word is counted once
    scores[:PLANKS, 0] = np.log(1 + demonstrations)
    return scores


for n in (0, 10, 100):
    plank, water = table(imitated(n))[[0, WATER]]
    print(f"{n} demonstrations: plank {plank.round(2)}, water {water.round(2)}")

# %% [markdown]
# In the water it guesses, however many demonstrations it has seen: whoever never falls
# cannot show how to get out. And falling it will. If it errs with a chance of e at each
# turn, all of T turns go well with a chance of only (1 - e)ᵀ. Small errors *compound*.
#
# The other way is to try. Let p be the chance to hit on the right word. All T are right
# with a chance of pᵀ, and without a win there is nothing to learn from.
#
# **Predict:** an agent errs once in 20 turns. How often does it get through 40? An
# agent picks one of three words at random. For how many turns does a thousand episodes
# suffice to win once?

# %%
from toolkit.lessons.show import show_curves

length = np.arange(1, 41)


def meets_a_win(p):
    return 1 - (1 - p**length) ** 1000


show_curves(
    {
        "errs 1 time in 100": 0.99**length,
        "errs 1 time in 20": 0.95**length,
        "tries 1 of 2 words": meets_a_win(1 / 2),
        "tries 1 of 3 words": meets_a_win(1 / 3),
    },
    x=length,
    x_name="turns that must all be right",
    title="No error at all, and at least one win in 1,000 episodes",
    unit="%",
)

# %% [markdown]
# They fail in different ways. The imitator gets worse little by little. Trying goes
# well up to some length, and a few turns later it finds nothing: it falls off a cliff.
# The first win takes 1 / pᵀ episodes on average, for one word of three 729 at six turns
# and 6,561 at eight. A language model does not choose among three
# words but among thousands of tokens, so from scratch it begins beyond the cliff.

# %% [markdown]
# ### Both on the bridge
#
# A table is small enough that its chance to cross can be computed exactly. And it can
# be trained: eight attempts are a group, each is compared with the mean of the group
# and divided by its deviation, and what was said becomes more or less likely.


# %%
def chance(chances):
    on, out = chances[:PLANKS, 0], chances[WATER, 1]
    dry, wet, won = np.eye(PLANKS)[0], np.zeros(PLANKS), 0.0
    for _ in range(TURNS):
        moved = dry * on
        won += moved[-1]
        left, back = dry - moved, wet * out
        dry, wet = np.append(0, moved[:-1]) + back, wet - back + left
    return won


def reinforce(scores, episodes, rng):
    scores, curve = scores.copy(), [chance(table(scores))]
    for _ in range(episodes // 8):
        chances = table(scores)
        group = [cross(chances, rng) for _ in range(8)]
        won = np.array([end for _, end in group], float)
        advantages = (won - won.mean()) / (won.std() + 1e-9)
        for (steps, _), advantage in zip(group, advantages, strict=True):
            for state, word in steps:
                step = np.eye(3)[word] - chances[state]  # as in section 2
                scores[state] += 0.5 * advantage / 8 * step
        curve.append(chance(table(scores)))
    return scores, curve


# %% [markdown]
# **Predict:** three agents play 1,000 episodes: one from scratch, one after 5
# demonstrations, one after 20. Who ends where? What will they say in the water?

# %% tags=["end-state"]
learnt = {
    f"{n} demonstrations": reinforce(imitated(n), 1000, np.random.default_rng(0))
    for n in (0, 5, 20)
}
for name, (scores, _) in learnt.items():
    print(f"{name}: `back` in the water {table(scores)[WATER, 1]:.2f}")
show_curves(
    {name: curve for name, (_, curve) in learnt.items()},
    x=8 * np.arange(126),
    x_name="episodes of reinforcement learning",
    title="Chance to cross the bridge",
    unit="%",
)

# %% [markdown]
# From scratch next to nothing happens in a thousand episodes. Five demonstrations win a
# quarter of the time, which is all that reinforcement learning needs: it meets wins
# *and* losses, falls into the water, and finds the word that no expert ever said.

# %% [markdown]
# ## 4. A budget
#
# Say a demonstration costs 10 units, since a person or a large model has to make it,
# and an episode costs 1. You have 1,000.

# %%
from toolkit.training.budget import SHARES, Budget

budget = Budget(total=1000, demo_cost=10, episode_cost=1)
for share in SHARES:
    print(f"{float(share):.0%} for demonstrations: {budget.split(share)}")

# %% [markdown]
# **Predict:** on the bridge, which of the six splits is best? And if you did it all
# again with another seed?

# %% tags=["expected"]
SEEDS = range(lesson.pick(smoke=4, t4=10, full=10))


def spend(split, seed):
    rng = np.random.default_rng(seed)
    scores, _ = reinforce(imitated(split.demonstrations), split.episodes, rng)
    return chance(table(scores))


truth = {}
for share in SHARES:
    split = budget.split(share)
    truth[str(split)] = [spend(split, seed) for seed in SEEDS]
    print(f"{split}: " + " ".join(f"{c:.2f}" for c in truth[str(split)]))

# %% [markdown]
# A row is a split, a column a seed, and each number the exact chance to cross. Without
# demonstrations it depends on luck: a seed that meets a win early goes on from there,
# the others stay at nothing. With all money in demonstrations every seed ends below
# the best mixtures, for want of the water. In between it hardly matters.
#
# That is clear because it is exact and there are several seeds. Now look with the eyes
# of a paper: one seed, and an exam of 100 games.
#
# **Predict:** will the best split still look the best?

# %%
rng = np.random.default_rng(lesson.seed)
for exam in range(1, 4):
    won = [int(rng.binomial(100, found[0])) for found in truth.values()]
    best = [n.split()[0] for n, w in zip(truth, won, strict=True) if w == max(won)]
    print(f"exam {exam}: won {won}; best: {' and '.join(best)} demonstrations")

# %% [markdown]
# Three exams of the same six models do not agree which one is best. One of them even
# has the model of 100 demonstrations among the best, which is lost in the water. The
# true differences are smaller than what a hundred games can show.

# %% [markdown]
# ### The paper's table
#
# This is table 9 of *A Practitioner's Guide to Multi-turn Agentic RL*
# ([arXiv 2510.01132](https://arxiv.org/abs/2510.01132)): a model of 1.5 billion
# parameters imitates, then learns by PPO, in small houses (`w2-o3-q4`, two rooms). It
# is tested there, and in larger houses that it has not met (`w4-o6-q8`). Each number is
# one seed and 100 games. A game of theirs is paid once and then replayed for many
# epochs, so "400 games" are many more than 400 episodes; in this toolkit every episode
# is paid.
#
# The paper concludes that 60 demonstrations and 400 games are the best trade. It gives
# no intervals. We can: 100 games and a rate are all that Wilson's interval needs.
#
# **Predict:** .59 against .55, on 100 games each. Real?

# %%
from toolkit.lessons.show import show_before_after
from toolkit.statistics import wilson

TABLE_9 = {  # demonstrations + games: small houses, larger houses; imitated, then RL
    "0 + 1000": ((0.17, 0.54), (0.01, 0.11)),  # imitated nothing: the base model
    "20 + 800": ((0.59, 0.62), (0.15, 0.15)),
    "40 + 600": ((0.75, 0.72), (0.51, 0.44)),
    "60 + 400": ((0.71, 0.85), (0.53, 0.59)),
    "80 + 200": ((0.94, 0.95), (0.29, 0.35)),
    "100 + 0": ((0.95, None), (0.55, None)),
}


def of_100(rate):
    return None if rate is None else (rate, *wilson(100 * rate, 100))


panels = {
    name: {split: tuple(map(of_100, found[i])) for split, found in TABLE_9.items()}
    for i, name in enumerate(["small houses", "larger houses, never met"])
}
show_before_after(panels, sides=("imitated", "and then RL"), title="Games won")

# %% [markdown]
# Two intervals that lie apart tell that two models differ. Two that overlap a little
# may still differ, so take the interval of the difference itself: its half-width is
# 1.96 times the root of the sum of p(1-p)/n over both.
#
# **Predict:** eight times a model was tested before and after RL. How many of these
# changes go beyond chance?

# %%
for split, found in TABLE_9.items():
    for where, (a, b) in zip(("small", "larger"), found, strict=True):
        if b is not None and split != "0 + 1000":
            half = 1.96 * np.sqrt((a * (1 - a) + b * (1 - b)) / 100)
            beyond = "beyond chance" if abs(b - a) > half else "within chance"
            print(f"{split}, {where}: {b - a:+.2f} ± {half:.2f}, {beyond}")

# %% [markdown]
# One of eight. If RL did nothing at all, a table of eight tries would show such a one
# in a third of all cases.
#
# Then look at the right panel from top to bottom, squares only: .01, .15, .51, .53,
# .29, .55. Do demonstrations help, then hurt, then help again? Or was the run with 80
# an unlucky one? An interval over games knows nothing of luck in *training*; only more
# seeds do. So 60 + 400 may be the best split, but this table cannot tell. In exercise 2
# you sort out what it can.

# %% [markdown]
# ## 5. On the real thing
#
# `sweep_budget` does this with any world. We take its parts, to see each. The agent is
# `pocket`, which has read other people's games; the world is the maze of lesson 00; the
# expert has the map. There are two exams, before and after: other mazes than those of
# the training, and the paper's small houses, which nobody trains here at all.

# %%
from toolkit import evaluate, train

HOUSE = "textworld/w2-o3-q4"
n_exam = lesson.pick(smoke=50, t4=100, full=100)
EXAMS = {
    "mazes": (world, tasks(MAZE, split="test", n=n_exam, **RULES)),
    "houses, not trained": (make_env(HOUSE), tasks(HOUSE, split="test", n=n_exam // 2)),
}


def sit(policy):
    return {
        name: evaluate(policy, env, games, seed=1, **QUIET)
        for name, (env, games) in EXAMS.items()
    }


before = sit(load_policy("pocket"))
for name, found in before.items():
    print(f"{name}: {found.headline}")

# %% [markdown]
# Now one split: demonstrations first, each shown ten times, then as many episodes as
# are left, with the settings of lesson 00 and 24 episodes a step.

# %%
HOW = {
    "tasks": practice[100:],
    "credit": "turn_return",
    "reward": "discovery",
    "discount": 0.7,
    "learning_rate": 7e-4,
    "per_device_train_batch_size": 24,
    "live": 24,
    "seed": lesson.seed,
    "output_dir": f"runs/{lesson.name}",
    "save_strategy": "no",
}


def spend_on_pocket(split):
    policy = load_policy("pocket")
    if n := split.demonstrations:
        shown = collect(ExpertPolicy(), world, practice[:n], **QUIET)
        effort = ImitationConfig(steps=10 * n // 8, batch_size=8, learning_rate=3e-4)
        imitate(policy, shown, effort)
    if split.episodes:
        train(policy, world, max_steps=split.episodes // 24, **HOW)
    return sit(policy)


# %% [markdown]
# **Predict:** the expert wins every maze, but knows the map, which the agent will never
# see. What can 24 such demonstrations teach, and what 240 episodes?

# %% tags=["expected"]
small = Budget(total=lesson.pick(smoke=240, t4=1920, full=1920))
after = {split: spend_on_pocket(split) for split in map(small.split, (0, 0.5, 1))}
show_before_after(
    {
        exam: {
            f"{split.demonstrations} + {split.episodes}": (before[exam], found[exam])
            for split, found in after.items()
        }
        for exam in EXAMS
    }
)

# %% [markdown]
# Look at the lines before you look at the marks. In the smallest profile all of them
# overlap: 240 units and 50 games show that the machinery works and nothing else. If you
# see a winner, ask yourself whether you would bet on it with another seed.
#
# To know takes a larger budget and several seeds, longer than a lesson. Here are 1,000
# units and three seeds, a row for each, trained in houses of four rooms (left; the
# longer quests on the right are not trained). *Before* is what the demonstrations left,
# *after* is when the episodes are spent, too.
#
# **Predict:** will a split stand out?

# %%
from toolkit.lessons.show import show_experiment

show_experiment("experiments/results/budget.json")

# %% [markdown]
# On the left none: the means over seeds end between 37 and 41 of 100, where the
# untaught model wins 33. On the right 100 demonstrations cost something: 12 games are
# won instead of 18.
#
# All of section 5 is one call, which also goes on where it was stopped:
#
# ```python
# from toolkit.training.budget import Budget, sweep_budget
#
# sweep_budget(world, budget=Budget(total=1000), start="pocket", seed=0,
#              per_device_train_batch_size=40)
# ```

# %% [markdown]
# ## 6. The order
#
# Demonstrations are one way over the cliff. Another is to begin where wins are met. A
# group of eight teaches only if it is *mixed*, neither all won nor all lost. If p is
# the chance to win a game, a group is mixed with a chance of 1 - p⁸ - (1-p)⁸.
#
# **Predict:** for which games is it large? And with groups of two?

# %%
p = np.linspace(0, 1, 101)
show_curves(
    {f"groups of {g}": 1 - p**g - (1 - p) ** g for g in (16, 8, 4, 2)},
    x=100 * p,
    x_name="chance to win the game, in percent",
    title="Chance that a group is mixed",
    unit="%",
)

# %% [markdown]
# Games that are always lost and games that are always won teach nothing, and cost the
# same. A *curriculum* chooses games by what became of those before. The toolkit has
#
# - `Stages`: easy games first, harder ones once enough are won;
# - `Mixture`: all kinds at any time, with fixed weights;
# - `Prioritised`: a game is drawn the more often, the likelier its next group is mixed;
# - `horizon`: the same games with more and more turns, as stages.
#
# For a learner we take a toy again. It has one number, its *skill*, and wins a game of
# difficulty d with a chance of 1 / (1 + exp(d - skill)). Each mixed group raises its
# skill a little, whatever the game: that is the assumption here.

# %%
from toolkit.environments.base import Task
from toolkit.training.curriculum import Group


def toy_games(difficulty):
    params = (("difficulty", difficulty),)
    return [Task(env="toy", seed=i, params=params) for i in range(10)]


def wins(skill, game):
    return 1 / (1 + np.exp(dict(game.params)["difficulty"] - skill))


def learn(curriculum, batches=100, rng=None):
    rng, skill, past, curve = np.random.default_rng(lesson.seed), 0.0, [], []
    for _ in range(batches):
        games = curriculum.choose(past, 8, rng)
        won = [int(rng.binomial(8, wins(skill, game))) for game in games]
        groups = zip(games, won, strict=True)
        past.append([Group(task=g, won=w, played=8) for g, w in groups])
        skill += 0.02 * sum(0 < w < 8 for w in won)
        curve.append(wins(skill, hard[0]))
    silent = np.mean([g.won in (0, 8) for batch in past for g in batch])
    return curve, silent


# %% [markdown]
# **Predict:** the exam is the hard games. Who comes first: hard games only, a mixture,
# stages, or prioritised sampling? (A stage ends when 70 % of the games in its last
# eight groups are won.)

# %% tags=["expected"]
from toolkit.training.curriculum import Mixture, Prioritised, Shuffled, Stages

easy, middle, hard = toy_games(0), toy_games(4), toy_games(8)
plans = {
    "hard only": Shuffled(tasks=hard),
    "mixture": Mixture(parts=(easy, middle, hard)),
    "stages": Stages(stages=(easy, middle, hard), success=0.7, window=8),
    "prioritised": Prioritised(tasks=[*easy, *middle, *hard]),
}
learned = {name: learn(plan) for name, plan in plans.items()}
for name, (_, silent) in learned.items():
    print(f"{name}: {silent:.0%} of the groups were silent")
show_curves(
    {name: curve for name, (curve, _) in learned.items()},
    x=np.arange(1, 101),
    x_name="batches of eight groups",
    title="Success on the hard games",
    unit="%",
)

# %% [markdown]
# Hard games alone are all lost, group after group. The mixture learns from its easy
# third at first, and later has that third for nothing. Stages and prioritised sampling
# move on with the learner. Stages need you to know what is easy; prioritised sampling
# finds out by itself, and pays for it with groups that it has to try.
#
# To train so, hand it over: `train(policy, env, curriculum=Stages(…))`. And `horizon`
# makes stages of one list of games:

# %%
from toolkit.training.curriculum import horizon

growing = horizon(practice, limits=(8, 12, 15), success=0.7)
for stage in growing.stages:
    game = stage.tasks[0]
    print(f"{len(stage.tasks)} games, {dict(game.params)['max_turns']} turns each")

# %% [markdown]
# ## 7. What is forgotten
#
# Nobody trains the houses in section 5, and the same weights have to do both. Did the
# houses suffer? So few games could not show it. The full run of lesson 00, 3,200
# episodes in mazes, was examined on 100 houses, and its result ships with the package.
#
# **Predict:** mazes go from .45 to .93. And the houses?

# %%
import json

from toolkit.paths import assets_dir

report = json.loads((assets_dir() / "quickstart.json").read_text())["all"]


def sides(exam):
    found = (report[exam][side] for side in ("before", "after"))
    return tuple((e["success"], e["low"], e["high"]) for e in found)


houses = report["paper's games, greedy"]["comparison"]
print("houses: {points:+.0f} points, from {low:+.0f} to {high:+.0f}".format(**houses))
names = {
    "mazes": "unseen mazes, greedy",
    "houses, not trained": "paper's games, greedy",
}
show_before_after({"seed 0": {row: sides(exam) for row, exam in names.items()}})

# %% [markdown]
# The two marks of the houses overlap, and still the change is known better than that:
# the same 100 houses were played before and after, and the interval of the *paired*
# difference leaves zero out. One game was gained and eight were lost.
#
# Two more seeds lost 2 points and 1 point, and their intervals contain zero. So in this
# run something was forgotten, and how much one usually forgets is not known from three
# seeds. What helps: put some of the old games into the mixture, hold the policy close
# to where it began (`beta`, a penalty on the distance), or stop earlier. None of it is
# free, and without the second exam nobody would have noticed.

# %% [markdown]
# ## 8. Now you
#
# **Exercise.** How long do you wait for the first group that
# teaches something? Each of `turns` turns must be right, each is with chance `p`, and
# `size` attempts make a group. Return the expected number of *episodes* that are
# played until the first mixed group is complete.


# %% exercise="episodes_until_signal"
def episodes_until_signal(p, turns, size):
    return 1 / p**turns  # mend this line


exercise = lesson.exercise("episodes_until_signal")
exercise.check(episodes_until_signal)

# %% [markdown]
# **Exercise.** Which of these does table 9 carry? Put their
# letters into the string.
#
# - **A.** On small houses, the model that imitated 100 demonstrations is better than
#   the one that imitated 20 (no RL in either).
# - **B.** On larger houses, the model of 60 + 400 is better than that of 100 + 0.
# - **C.** RL made the model with 40 demonstrations worse.
# - **D.** Who cares for larger houses should not buy 80 demonstrations instead of 60.
# - **E.** On small houses, 1,000 games of RL made the base model better.
# - **F.** Of the splits with RL, 80 + 200 is the one to choose for other houses, too.

# %% exercise="carried"
carried = "ABCDEF"  # mend: strike out what is not carried
exercise = lesson.exercise("carried")
exercise.check(carried)

# %% [markdown]
# **Exercise.** Write the weight by which a game is to be drawn: in
# proportion to the chance that two attempts at it end *differently*. `p` is the chance
# to win it.


# %% exercise="sampling_weight"
def sampling_weight(p):
    return 1 - p  # mend this line


exercise = lesson.exercise("sampling_weight")
exercise.check(sampling_weight)

# %% [markdown]
# ## What you can do now
#
# You can say what the loss of imitation looks at, why a perfect expert leaves a learner
# helpless beside the path, and from what length on trying finds nothing. You put
# intervals to a table that has none, and keep apart what is known of a model, of a
# number of demonstrations, and of another world. You choose games that teach, and
# examine what was not trained.
#
# **An open question.** The expert never falls into the water. Let the *agent* play and
# the expert say what it would have said in each state (this is called DAgger): then
# every state behind an error has a demonstration. What does such a word cost, compared
# with a whole demonstration and with an episode? Put it into the budget of section 4.
#
# **Open ends.** Give the bridge twelve planks and sixteen turns. Give the expert a
# chance of one in ten to fall, and let it walk on. Let the skill of section 6 fall a
# little with each batch that has no easy game in it. Write down first what you expect.
#
# **Next:** [lesson 07](07_alfworld.ipynb), can a small model learn to do chores in a
# house it has never seen? The question of section 4 at its proper size is an experiment
# of its own, `toolkit experiment budget`. To train with a curriculum, name it:
# `train(policy, env, curriculum="prioritised")`.

# %% [markdown] tags=["guide"]
# ## Plan for 50 minutes
#
# - **0–8 min** Section 2: one step of imitation by hand, then the loss per token.
# - **8–22 min** Section 3: the bridge. Ask what the expert would say in the water
#   before the table is shown.
# - **22–32 min** Section 4 to the three exams: the same six models, three winners.
# - **32–42 min** The paper's table, and exercise `carried` in pairs.
# - **42–50 min** Section 6, the chance that a group is mixed, and the toy curricula.
#   Sections 5 and 7 and the other exercises are for home.
#
# ## Plan for 90 minutes
#
# - **0–12 min** Section 2.
# - **12–32 min** Section 3, both ways to fail, then both together.
# - **32–55 min** Section 4 with `carried`; start section 5 before the discussion of it.
# - **55–65 min** Section 5: read the result of the whole experiment, a row for each
#   seed.
# - **65–80 min** Section 6 with `episodes_until_signal` and `sampling_weight`.
# - **80–90 min** Section 7, and the discussion below.
#
# ## What to show live
#
# - `EpisodeView(demonstration)` in section 2: which tokens have a loss.
# - `TrainingMonitor.replay("fails")`, a recorded run that learns nothing: the diagnosis
#   says why. The workbench is `notebooks/train_and_watch.ipynb`.
# - The workbench `notebooks/compare_runs.ipynb`, for what demonstrations did before
#   reinforcement learning began.
#
# ## Common errors
#
# In `carried`, most strike out too little at first: they compare numbers and forget the
# intervals (B, C), or take one seed for a rule about numbers of demonstrations (D). In
# `episodes_until_signal` the usual slip is to wait for the first *win*; a group that
# wins every time is silent, too. In talk, listen for "RL made it worse": ask for the
# interval.
#
# ## Discussion
#
# **The imitator is perfect on the planks. Why does it fail?** It never fell, so nobody
# showed it the water; a small error leads where it has learnt nothing, and errors
# compound over turns.
#
# **Where would you spend the first tenth of a budget?** On demonstrations, until some
# groups are mixed: from then on every episode may teach. How many that is depends on
# the world; measure it, do not copy it.
#
# **Why is a table without intervals not worthless?** Large differences speak for
# themselves: .95 against .59 on 100 games. It is the small ones that need the interval,
# and the claims about *numbers* of demonstrations that need seeds.
#
# **A curriculum by hand, or prioritised sampling?** By hand needs to know what is easy,
# and wins in the toy. Sampling finds out, and pays with silent groups.
#
# ## Expected numbers
#
# The bridge is exact but for the episodes that are drawn: with 0 demonstrations one
# seed of four found a way, all others ended at nothing. Which of the six splits looks
# best in three exams of 100 games differs from exam to exam. Section 5 has 50 mazes and
# 25 houses; with the seeds 0, 1 and 2 the mazes went from 32 % to 36 to 50 %, whatever
# the split, the houses from 44 % to 40 to 52 %, and all intervals overlap. Section 6,
# the same seeds: hard games alone 0 %, the mixture 17 to 26 %, stages 95 or 96 %,
# prioritised 73 to 76 % at the end. With 1,000 units and three seeds
# (`experiments/results`), the interval of a single run is about ±8 points, wider than
# the differences between the splits.
#
# ## Without a GPU or the internet
#
# The lesson needs neither. Section 5 takes most of the time; leave its training out and
# show the table of the experiment, which ships with the repository.
#
# ## Exam questions
#
# **1.** An agent takes each of 5 turns right with chance 0.5, and all must be right.
# How many episodes does one wait for the first win on average? Why is that not the
# number that matters to GRPO?
#
# *Solution:* 1 / 0.5⁵ = 32. GRPO needs a *mixed* group: with groups of 8 a group is
# mixed with chance 1 - (31/32)⁸ - (1/32)⁸, about 0.22, so about 36 episodes.
#
# **2.** Two models win .70 and .60 on 100 games each. Is the difference beyond chance?
#
# *Solution:* The half-width is 1.96 · √(0.7 · 0.3/100 + 0.6 · 0.4/100) = 0.13. The
# difference of 0.10 lies within it: not shown.
#
# **3.** A game is won with chance p. Which p makes it most useful for groups of two,
# and how useful is a game with p = 0.9 compared with that?
#
# *Solution:* p = 0.5, where two attempts differ with chance 0.5. At 0.9 it is 2 · 0.9 ·
# 0.1 = 0.18, about a third of it.
