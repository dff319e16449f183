# %% [markdown]
# # What should an agent be paid for?
#
# An agent learns what it is paid for, which is not always what was meant. When you are
# through, you can
#
# 1. **write** a reward as a weighted sum of terms, and pay recorded games by it again
#    without playing them again;
# 2. **predict** what density, normalising and shaping change about learning, and what
#    they leave alone;
# 3. **find out**, before you train, whether a reward can be had without winning, and
#    mend it.
#
# You need lesson 00, or to know what an episode, a turn and an advantage are. You need
# no GPU, no account and no download.
#
# ![Share of the points in houses that were not trained on, before and after training:
# paid for wins alone it stays where it was, paid along the way it moves up](end-state)
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

lesson = start("03_rewards", seed=0)

# %% [markdown]
# ## 2. Play once, pay later
#
# First by hand. Four turns in front of a locked door, with what was noted after each:
# the points of the game so far, out of 4, and whether the command was understood. Such
# notes are *facts*. They say what happened, and not yet what it is worth.

# %%
from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn


def write(*turns, won=True):
    record = tuple(
        Turn(
            observation="You are in a hall.",
            completion=said,
            action=said,
            reward=0.0,
            info={"score": points, "max_score": 4, "valid_action": understood},
        )
        for said, points, understood in turns
    )
    end = StopReason.WON if won else StopReason.TURN_LIMIT
    return Episode(task=Task(env="hall", seed=0), turns=record, stop_reason=end)


LINES = ("open drawer", 1, True), ("sing", 1, False), ("take key", 2, True)
hall = write(*LINES, ("open door with key", 4, True))

# %% [markdown]
# A *term* turns facts into one number per turn. `success` pays 1 for the win,
# `progress` the part of the points that a turn gained, `step_cost` charges 1 for each
# turn, `invalid_action` 1 for a command that was not understood. A *mix* gives each
# term a weight and adds them up.
#
# **Predict:** write down the four columns, and their sums. Which sums would be others
# if the agent had walked round the hall first?

# %%
from toolkit.lessons.show_credit import show_pay
from toolkit.rewards import Mix

mix = Mix({"success": 1, "progress": 1, "step_cost": 1, "invalid_action": 1})


def said(episode):
    return [turn.action for turn in episode.turns]


scored = mix.score([hall])
show_pay(said(hall), {t: scored.of(t) for t in mix.weights}, title="Four terms")

# %% [markdown]
# `success` and `progress` both pay a win 1 in all, at different times, and a detour
# changes neither. The two charges grow with every turn and with every slip. That is a
# pattern to keep: pay once for what is wanted once, and *charge* for what is unwanted
# each time. Section 5 shows what becomes of the opposite.

# %% [markdown]
# ### Real games
#
# Now houses from a text game: open a chest, take the key, unlock a door, carry a thing
# to its place, 8 to 12 commands, 24 turns at most. The game has a point for nearly each
# step of the way. It names the way at the start. The first run makes these houses,
# which takes some ten seconds.

# %%
from toolkit import collect, load_policy, make_env, tasks
from toolkit.environments.games import generate

HOUSE = "textworld/simple-dense"
houses = tasks(HOUSE, split="train", n=lesson.pick(smoke=6, t4=24, full=24))
exam = tasks(HOUSE, split="validation", n=lesson.pick(smoke=6, t4=24, full=24))
generate([*houses, *exam], progress=False)

world = make_env(HOUSE, progress=True)
HOW = {"workers": 0, "progress": False, "seed": lesson.seed}

# %% [markdown]
# Four players: an **expert** who does what the game says; a **clumsy** one who does so
# half of the time and anything else the other half; **pocket**, the model of lesson 00,
# who has never been in such a house; and a **random** one.

# %%
import numpy as np

from toolkit.policies.base import Policy
from toolkit.policies.scripted import ExpertPolicy, RandomPolicy


class Clumsy(Policy):
    needs = frozenset({"expert", "admissible"})

    def start(self, *, greedy=False):
        self.random, self.coins = RandomPolicy(), {}
        self.random.start()

    def act(self, observations):
        right, other = (p.act(observations) for p in (ExpertPolicy(), self.random))
        heads = [self.coin(o) for o in observations]
        return [a if h else b for h, a, b in zip(heads, right, other, strict=True)]

    def coin(self, o):
        fresh = np.random.default_rng([*o.key, 1])
        return self.coins.setdefault(o.episode, fresh).integers(2)


# %% tags=["expected"]
G = 4
expert = collect(ExpertPolicy(), world, houses, **HOW)
clumsy = collect(Clumsy(), world, houses, group_size=G, **HOW)
pocket = collect(load_policy("pocket"), world, houses, group_size=2, **HOW)
random = collect(RandomPolicy(), world, houses, **HOW)
players = {"expert": expert, "clumsy": clumsy, "pocket": pocket, "random": random}

for name, episodes in players.items():
    turns = np.mean([len(e.turns) for e in episodes])
    won = sum(e.won for e in episodes)
    print(f"{name}: {won} of {len(episodes)} games won, {turns:.0f} turns on average")

# %% [markdown]
# Here is the shortest one, with the points that the game itself pays, and the facts
# that were noted after its first turn.

# %%
from toolkit.lessons.show import show_episodes

short = min(expert, key=lambda e: len(e.turns))
print(dict(short.turns[0].info))
show_episodes({"The expert": short})

# %% [markdown]
# **Predict:** four ways to weigh the same four terms. In which can you not tell pocket
# from the random player? In which is it worth less, and why? Nothing is played again
# for this, and no term is asked again.

# %%
WEIGHTS = {
    "only winning": {"progress": 0, "step_cost": 0, "invalid_action": 0},
    "progress": {"success": 0, "step_cost": 0, "invalid_action": 0},
    "and be quick": {"success": 0, "step_cost": 0.02, "invalid_action": 0},
    "and be careful": {"success": 0, "step_cost": 0.02, "invalid_action": 0.02},
}
facts_of = {name: mix.score(episodes) for name, episodes in players.items()}

show_pay(
    list(players),
    {
        way: [scored.reweighted(weights).returns.mean() for scored in facts_of.values()]
        for way, weights in WEIGHTS.items()
    },
    title="What an episode is worth on average",
    total=False,
)

# %% [markdown]
# Paid for winning alone, pocket and the random player are the same: nothing either of
# them does makes a difference to its pay. That is the trouble with *sparse* rewards.
# In the other three pocket is worth less. The last column shows why: it is not
# understood most of the time, while the random player picks from what is possible. Keep
# the facts of your games, and you can ask such questions of old runs.

# %% [markdown]
# ### A term of your own
#
# Three lines. A function of a `Turn` becomes a term by `turn_term`, one of a whole
# `Episode` by `term`, each under its own name.

# %%
from toolkit.rewards import term, turn_term


@turn_term
def understood(turn):
    return turn.info["valid_action"]


@turn_term
def opened(turn):
    return turn.action.startswith("open ") and turn.info["valid_action"]


show_pay(
    said(hall),
    {t: Mix({t: 1}).score([hall]).per_turn for t in ("understood", "opened")},
    title="Two terms of our own",
)

# %% [markdown]
# Both look harmless. Keep them in mind until section 5.

# %% [markdown]
# ## 3. How often is it paid?
#
# A *dense* reward pays along the way, a sparse one at the end. To change only that,
# leave the sum alone and hold pay back. A turn that gains points is a milestone:
# `density` 1 pays at each of them, 0.4 at the third, fifth, eighth and so on, with what
# was held back meanwhile. The last turn pays the rest, and with 0 it pays all.
#
# **Predict:** for the expert's shortest game, the column of density 0.4 and all sums.

# %%
paid = Mix({"progress": 1}).score([short])

show_pay(
    said(short),
    {f"density {d}": paid.at_density(d).per_turn for d in (0, 0.4, 1)},
    title="The same progress, paid at three densities",
)

# %% [markdown]
# "A Practitioner's Guide to Multi-turn Agentic RL" (arXiv 2510.01132, table 11) counts
# turns per reward in three versions of this game: 10.22, 2.89 and 1.17. Ours are
# presets, all on the same games: `success`, and `progress` at density 0.4 and 1.

# %%
from toolkit.rewards import PRESETS

PAPER = {"sparse": 10.22, "dense_1": 2.89, "dense_2": 1.17}

for name, in_paper in PAPER.items():
    turns = PRESETS[name].score(expert).steps_per_reward
    print(f"{name}: {turns:.2f} turns per reward, {in_paper} in the paper")

# %% [markdown]
# ### Who notices?
#
# Take four clumsy attempts at one house, some won and some lost. GRPO compares sums of
# whole episodes; `turn_return` compares, turn by turn, what is paid from there on, one
# turn later counting 0.7 as much.
#
# **Predict:** four columns of advantages, for one of the lost attempts. Which of them
# are equal? Will any turn of the loser be praised?

# %%
from toolkit.training.credit import grpo, turn_return


def mixed_group(played):
    """Return the first group that has both, the losers first."""
    groups = [played[i : i + G] for i in range(0, len(played), G)]
    group = next(g for g in groups if 0 < sum(e.won for e in g) < G)
    return sorted(group, key=lambda e: e.won)


group = mixed_group(clumsy)
progress = Mix({"progress": 1}).score(group)
advantages = {}
for credit, settings in ((grpo, {}), (turn_return, {"discount": 0.7})):
    for density in (0, 1):
        pay = progress.at_density(density).turn_rewards
        rows = credit(pay, group_size=G, **settings)
        advantages[f"{credit.__name__}, {density}"] = rows[0]

show_pay(said(group[0]), advantages, title="Advantages of a loser", total=False)

# %% [markdown]
# Both columns of GRPO are one and the same number: it adds everything up before it
# compares, and the sum has not changed. If your credit looks at whole episodes, do not
# expect anything of density. (With a discount it would notice: then early pay counts
# more.) By turn, density is everything. Paid at the end, the loser is blamed, and the
# later the more. Paid on the way, steps that soon meet a milestone are praised although
# the game was lost, and the straying in the middle is blamed. (In the last two turns
# only losers are left to compare with.)
#
# Two cautions. A useless step that happens to stand just before good ones is praised
# with them; lesson 04 takes this apart. And density is not the same as paying more
# things: where `sparse` pays `success`, a loser gets 0, while `progress` gives it a
# part, and that part every kind of credit can see.

# %% [markdown]
# ## 4. When losing pays more
#
# The paper's released code pays a point for each milestone and, if the game was won,
# divides by their number, so that a win is worth 1. If the game was lost, it divides by
# a constant, and the constant is 1. In three lines:


# %%
@term
def released(episode):
    points = [0.0, *(turn.info["score"] for turn in episode.turns)]
    gained = np.diff(points)
    return gained / (gained > 0).sum() if episode.won else gained


# %% [markdown]
# **Predict:** for the four attempts of before: what is each worth, and which of them
# does GRPO praise?

# %% tags=["expected"]
table = {}
for name in ("released", "progress"):
    scored = Mix({name: 1}).score(group)
    table[f"{name}: return"] = scored.returns
    rows = grpo(scored.turn_rewards, group_size=G)
    table[f"{name}: advantage"] = [row[0] for row in rows]

ends = [f"{e.stop_reason.value}, {len(e.turns)} turns" for e in group]
show_pay(ends, table, title="Four attempts at one house", total=False)

# %% [markdown]
# A loser who stops one step short of the end earns nine times what the winner earns,
# and GRPO praises the losing and blames the winning. Nothing crashes, and the mean
# reward would rise nicely while the agent learns to stay away from the last step.
# `progress` divides both by what the game has to give, so every win is worth 1 and each
# loss less. Its advantages have the right signs.
#
# In the paper's table 11 PPO gains nothing from "Dense 1": .29 of the games won, as
# before training. This line of code may be the reason. Nobody has shown that it is.

# %% [markdown]
# ## 5. Find it before you train
#
# You need not wait for an agent to find such holes. `check_reward` takes recorded
# games, those of a random player among them, and asks what could *always* have been
# done instead: stop one turn earlier, or wait, with a command that changes nothing,
# until time is up. It also looks whether a term drowns the others, and whether terms
# cancel.
#
# Five rewards that somebody had a reason for. `consolation` is meant to keep losers
# from giving up.
#
# **Predict:** one of them is found to be sound. Which? And what is wrong with the
# others?


# %%
@term
def consolation(episode):
    return [0.0] * (len(episode.turns) - 1) + [float(not episode.won)]


FORM = {"pattern": r"(go|take|open|put|unlock) .+"}
REWARDS = {
    "points as released": Mix({"released": 1}),
    "speak clearly": Mix({"success": 1, "understood": 0.05}),
    "keep to the form": Mix({"success": 1, "format": {"weight": 1, **FORM}}),
    "console the loser": Mix({"success": 1, "consolation": 1}),
    "open things": Mix({"success": 1, "opened": 0.1}),
}

# %%
from toolkit.rewards import check_reward

played = [*expert, *clumsy, *pocket]


def examine(rewards, others):
    for name, reward in rewards.items():
        print(f"{name}:")
        found = check_reward(reward, played, others)
        for finding in found:
            print(f"  {finding.code}: {finding.sentence}")
        if not found:
            print("  nothing found")


examine(REWARDS, random)

# %% [markdown]
# - *Points as released* is section 4 again.
# - *Speak clearly* pays each turn that is understood, and `look` is always understood.
#   An agent paid so will not hurry.
# - *Keep to the form* charges 1 for each reply in another form. A game has up to 24
#   turns and only one win, so the form moves returns far more than winning does.
# - *Console the loser* gives all who lose what winners get. Each term has its reason;
#   together they say nothing.
# - *Open things* seems to be sound.
#
# **Predict:** is it? Think of a player who wants nothing but the pay for opening.

# %%
from toolkit.policies.base import Action


class Opener(Policy):
    needs = frozenset({"admissible"})

    def act(self, observations):
        return [Action(text=self.pick(o)) for o in observations]

    def pick(self, o):
        can = o.info["admissible_actions"]
        opens = [command for command in can if command.startswith("open ")]
        closes = [command for command in can if command.startswith("close ")]
        return [*opens, *closes, "look"][0]


opener = collect(Opener(), world, houses, **HOW)
examine({"open things": REWARDS["open things"]}, [*random, *opener])

# %% [markdown]
# It opens what is there, then closes and opens the same chest until time is up, and
# earns as much as the winners or more. The check could not know: nobody had played so.
# It sees what was played, and two things that can always be done. *Silence is no
# proof.* So play against your reward yourself, and pay for a thing once: `subgoal`
# does, `discovery` does, and so does `progress`.

# %% [markdown]
# ## 6. Shaping that cannot be cheated
#
# Suppose you know roughly how good a place is, a number called its *potential*: here
# the fact `progress`, which is the part of the way that lies behind (the *term* of that
# name counts points). How can you pay for it? Not directly. Paid 0.1 of it each turn:

# %%
from toolkit.rewards.terms import facts


@term
def near(episode):
    return facts(episode, "progress")


examine({"stay near": Mix({"success": 1, "near": 0.1})}, random)

# %% [markdown]
# Pay *changes* instead: the potential after the turn, times the discount, minus that
# before it. And after the end the potential counts as 0, however the game ended. A walk
# through potentials 0.2, 0.5, 0.9 with discount 1:
#
# ```text
# (0.5 - 0.2) + (0.9 - 0.5) + (0 - 0.9) = -0.2
# ```
#
# Everything in between falls out. The sum is minus the first potential, whatever was
# done.
#
# **Predict:** below are a win of the expert and a lost game. What does the last turn of
# each pay? What are the sums?

# %%
shaping = Mix({"potential": {"weight": 1, "discount": 1.0}})
lost = group[0]
pair = shaping.score([short, lost])
win_paid, loss_paid = pair.turn_rewards

show_pay(
    said(short),
    {"potential after": facts(short, "progress"), "shaping": win_paid},
    title="A win",
)

# %%
show_pay(
    said(lost),
    {"potential after": facts(lost, "progress"), "shaping": loss_paid},
    title="A loss",
)

# %% [markdown]
# The sums of the first column are what the potential itself would pay: more for the
# loss, which had more turns to collect it in. Shaping sums to 0 in both, since both
# began at 0. Going round in circles pays for the way there and charges for the way
# back, and the end takes back what was paid in advance. So the best
# thing to do remains the best thing to do (Ng, Harada and Russell 1999), and there is
# nothing to hack.
#
# There is nothing to learn from the sum, either: GRPO does not see shaping at all.
# Credit by turn does.
#
# **Predict:** with `success`, alone and with shaping, and all discounts 1: how do the
# two columns of each credit differ?

# %%
shaped = Mix({"success": 1, "potential": {"weight": 1, "discount": 1.0}})
columns = {}
for credit in (grpo, turn_return):
    for name, reward in (("plain", Mix({"success": 1})), ("shaped", shaped)):
        rows = credit(reward.score(group).turn_rewards, group_size=G)
        columns[f"{credit.__name__}, {name}"] = rows[0]
show_pay(said(lost), columns, title="Advantages of the loss", total=False)

# %% [markdown]
# From a turn on, shaping adds up to minus the potential *there*. So a turn is now
# compared with others after taking off how far each had come already, much like a
# critic (lesson 10) would. The potential was computed from the solution of the game,
# which you will not have where you need it most; a rough guess works too, only less.

# %% [markdown]
# ## 7. A judge in place of a fact
#
# Often nobody can tell whether a game was won. Then a language model may read the
# record and grade it: a *judge*. `judged` asks one, here or behind an address, and
# keeps its answers. Before you pay by it, measure it where the truth is known.
#
# Two judges: pocket, who reads the transcript and a rubric, and a rule of thumb, that
# those who got many different things done have surely done well.
#
# **Predict:** how often does each rank a won game above a lost one (the *AUC*)? 0.5 is
# chance.

# %% tags=["expected"]
from toolkit.rewards import agreement, judged

reader = judged(load_policy("pocket"), "The agent finishes the task it was given.")


@term
def effort(episode):
    done = {turn.action for turn in episode.turns if turn.info["valid_action"]}
    return [0.0] * (len(episode.turns) - 1) + [len(done) / 24]


some = [*expert, *pocket]
for name, judge in {"pocket": reader, "effort": effort}.items():
    print(f"{name}: AUC {agreement(judge, 'success', some, threshold=0.3).auc}")

# %% [markdown]
# Pocket is no judge: a million parameters that know no language do not read a rubric.
# You would not have noticed from its grades, which look like any others. *Effort* ranks
# without a mistake. Would you train on it?
#
# **Predict:** the same rule on the clumsy player's games. (`threshold`: from this grade
# on a game is taken for won. The AUC does not need it.)

# %%
agreement(effort, "success", clumsy, threshold=0.3)

# %% [markdown]
# No better than chance, and rather worse: see the interval of the AUC. The rule knew
# experts from beginners, but among players who all get things done, those who do *more*
# things are the ones who stray. An agreement holds for the games it was measured on,
# and training moves the agent to other games, namely to where the judge pays best.
# Measure again after training.
#
# The paper's table 12 compares, on repairing software, with the share of tests passed
# as the measure:
#
# | paid for | share of tests passed after training |
# |---|---|
# | before training | 4 % |
# | all tests pass, verified | 4.2 % |
# | share of tests that pass, verified | 22 % |
# | judged by tests of CodeRM-8B | 7.2 % |
# | judged by tests of GPT-4.1 | 9.3 % |
#
# One run each, on 25 problems, so 22 % has a standard error of about 8 points. And the
# second reward *is* the measure. What it supports: make a verified reward dense before
# you replace it.

# %% [markdown]
# ## 8. Does it matter for learning?
#
# Train pocket in these houses twice from the same start, a few steps with 12 turns a
# game: once paid for winning, with GRPO, and once for progress, by turn. Pocket does
# not win there.
#
# **Predict:** how many groups are silent, that is, all eight attempts paid alike, in
# the first training? By how much will its weights have changed at the end?

# %%
from toolkit import train

small = make_env(HOUSE, max_turns=12)


def learn(**choice):
    return train(
        load_policy("pocket"),
        small,
        tasks=houses,
        learning_rate=7e-4,
        num_generations=8,
        per_device_train_batch_size=24,
        live=24,
        max_steps=lesson.pick(smoke=5, t4=40, full=40),
        seed=lesson.seed,
        output_dir=f"runs/{lesson.name}",
        save_strategy="no",
        **choice,
    ).policy


# %%
from toolkit.rewards import get_reward


def points(policy):
    """Return the share of points in each held-out house."""
    games = collect(policy, small, exam, group_size=G, **HOW)
    return get_reward("progress").score(games).returns.reshape(-1, G).mean(axis=1)


start_points = points(load_policy("pocket"))
sparse = points(learn(reward="sparse", credit="grpo"))

# %%
dense = points(learn(reward="progress", credit="turn_return", discount=0.7))

# %% tags=["expected"]
from toolkit.statistics import paired_bootstrap

print(f"before: {start_points.mean():.1%} of the points in {len(exam)} other houses")
for name, after in {"sparse": sparse, "dense by turn": dense}.items():
    change = after - start_points
    low, high = (100 * end for end in paired_bootstrap(change))
    print(f"{name}: {after.mean():.1%}, a change of {100 * change.mean():+.1f} points,")
    print(f"  95 % interval {low:+.1f} to {high:+.1f}")

# %% tags=["end-state"]
from toolkit.lessons.show import show_before_after


def with_interval(shares):
    return shares.mean(), *paired_bootstrap(shares)


start_mean = with_interval(start_points)
trained = {"sparse": sparse, "dense by turn": dense}
show_before_after(
    {"": {name: (start_mean, with_interval(v)) for name, v in trained.items()}},
    title="Share of the points in other houses, with 95 % intervals over houses",
)

# %% [markdown]
# The sparse run has taught exactly nothing. Where all groups are silent, all advantages
# are 0 and all weights stay as they were, so the same games are played word for word.
# That needs no statistics.
#
# The dense run had something to compare from the first step. Whether it helped in
# houses that it has not seen, read off the interval: if zero lies inside, these few
# steps and games do not tell. What you can say is that learning *could* begin. A reward
# that is never met teaches nobody, and a smaller reward for the way is one cure; some
# demonstrations to begin with, or easier houses first, are others.

# %% [markdown]
# ## 9. Now you
#
# **Exercise.** A term: charge 1 for each turn whose command is the
# same as that of the turn before.


# %% exercise="repeats"
@term
def repeats(episode):
    commands = [turn.action for turn in episode.turns]
    return [0.0 for _ in commands]  # mend this line


exercise = lesson.exercise("repeats")
exercise.check(repeats)

# %% [markdown]
# **Exercise.** Mend *speak clearly*: the check is to be silent,
# wins are to earn more than losses, and a command that is not understood is still to
# cost something. The games are those of section 5. Mind how large the charge may be.

# %% exercise="mended"
mended = Mix({"success": 1, "understood": 0.05})  # mend this line

exercise = lesson.exercise("mended")
exercise.check(mended, played)

# %% [markdown]
# **Exercise.** Shaping, as in section 6. In come the potentials
# before each turn, and the discount; out goes what each turn is paid. After the last
# turn the potential counts as 0.


# %% exercise="shape"
def shape(potentials, discount):
    return list(potentials)  # mend this line


exercise = lesson.exercise("shape")
exercise.check(shape)

# %% [markdown]
# ## What you can do now
#
# You can write what an agent is paid as terms over facts, and weigh them again without
# playing again. You know that density is for credit by turn, that a loss must be
# measured by the same yardstick as a win, and that changes of a potential cannot be
# farmed. You check a reward before you train on it, you play against it, and you
# measure a judge where the truth is known.
#
# **An open question.** `check_reward` tries two things that can always be done. The
# opener was found only because somebody thought of it. Could an agent be trained to
# *look* for holes in a reward, and how would you know that it has found them all?
#
# **Open ends.** Give `opened` a memory, so that each thing is paid once, and let the
# opener play. Take `discount=0.9` in section 6. Measure `effort` on the games of
# the expert and the random player. Write down first what you expect.
#
# **Next:** [lesson 04](04_credit.ipynb), which word of which turn deserves the praise?

# %% [markdown] tags=["guide"]
# ## Plan for 50 minutes
#
# - **0–12 min** Section 2: four terms by hand on the board, then the players. Ask which
#   column tells pocket from the random player.
# - **12–20 min** Section 3: density, and who notices.
# - **20–27 min** Section 4: the released line. Let the class find the mistake in the
#   code before the cell is run.
# - **27–40 min** Section 5: vote on the five rewards, run the check, then the opener.
# - **40–50 min** Exercise `mended` in pairs. Sections 6 to 8 and the other exercises
#   are for home.
#
# ## Plan for 90 minutes
#
# - **0–25 min** Sections 2 and 3, with `repeats` after *A term of your own*.
# - **25–45 min** Sections 4 and 5; each pair invents a reward and hands it to another
#   pair to be hacked.
# - **45–60 min** Section 6 and `shape`.
# - **60–72 min** Section 7: measure a judge before you pay by it.
# - **72–84 min** Section 8, training twice; talk about the interval.
# - **84–90 min** `mended`, or the discussion below.
#
# ## What to show live
#
# - `RewardDesigner(clumsy, Mix({"success": 1, "progress": 0.3, "invalid_action":
#   0.05}))` after section 3: every move of a slider shows which losses are paid like
#   wins and which groups fall silent. The workbench `notebooks/design_a_reward.ipynb`
#   has it ready.
# - `EnvStepper(world, task=houses[0])` to play the opener by hand, opening and closing
#   a chest.
#
# ## Common errors
#
# In `mended`, most first take the term away (safe, but the point is lost) or charge so
# much that silence pays best; the check plays both through on the recorded games. In
# talk, listen for "shaping makes it faster, so it changes what is best": with a
# potential it cannot, whatever the potential.
#
# ## Discussion
#
# **A win should earn more than any loss. Always?** In these houses, yes. Where a
# careful loss is worth more than a reckless win (a robot, a patient) the reward must
# say so, and then `losing_pays` is no error but a statement.
#
# **Why charge what is unwanted instead of paying what is wanted?** A bonus per turn is
# earned by playing on; a charge per turn is avoided by finishing. Both have a price:
# too large a charge makes silence safe.
#
# **`effort` ranked the first games without a mistake. Why is it no judge?** It was
# measured where effort and success went together. Training looks for games in which
# they do not.
#
# **Does density change what the best policy is?** Not if the sum over an episode stays
# the same and nothing is discounted. It changes how soon a learner hears of it.
#
# ## Expected numbers
#
# The first half (sections 2 to 6) plays fixed games with fixed seeds and hardly differs
# between machines. The rest is luck; with the seeds 0, 1 and 2, `pocket` as a judge had
# an AUC of .46, .26 and .29, the clumsy expert won 13, 13 and 16 of 24 games, and five
# steps paid for progress moved the points in six other houses by 4.8, 5.6 and 2.9, each
# with an interval that holds 0. With seeds 1 and 2 three of the four attempts of
# section 4 are lost, so the released rule gives the only win -1.5. The change of
# exactly 0 under the sparse reward in section 8 is no luck: a game that is never won
# teaches nothing.
#
# ## Without a GPU or the internet
#
# The lesson needs neither. The first run makes twelve houses, some ten seconds; run
# section 2 once before class. Sections 2 to 6 need no training and can be read from the
# stored outputs.
#
# ## Exam questions
#
# **1.** A reward pays 0.05 for each turn whose command is understood, and 1 for a win.
# A game has 24 turns and can be won in 8. What does the quickest win earn, and what
# does a player who says `look` until the end? What would you change?
#
# *Solution:* 1 + 8 · 0.05 = 1.4 against 24 · 0.05 = 1.2. But who wins in the last turn
# earns 1 + 24 · 0.05 = 2.2: it pays to dawdle, and waiting earns something without any
# win. Charge refused commands instead, by little.
#
# **2.** The potential before the turns is 0.2, 0.6 and 0.5, the discount 1. What does
# shaping pay each turn, and what in sum?
#
# *Solution:* 0.4, -0.1 and 0 - 0.5 = -0.5; in sum -0.2, minus the first potential.
#
# **3.** Winners' points are divided by the number of milestones, losers' by 1. Four
# episodes of a house with 10 milestones: two win, two lose after 9 of them. Which of
# them does GRPO praise?
#
# *Solution:* The winners earn 1, the losers 9. The mean is 5; the losers are praised.
