# %% [markdown]
# # Which word of which turn deserves the praise?
#
# An agent acts for many turns and is paid once. *Credit* is how the pay is handed back
# to the words that earned it. When you are through, you can
#
# 1. **predict** what GRPO, RLOO, REINFORCE++, ReMax, GiGPO and PPO say about each turn
#    of an episode, and what they cannot see;
# 2. **recognise** in a picture of tokens three mistakes that real code has made;
# 3. **tell** why a group of games teaches nothing, and which estimators still learn
#    from it.
#
# You need lesson 00, or to know what an episode, a turn and a sampled token are. You
# need no GPU, no account and no download.
#
# ![Eight estimators over the words of four games, praise in green, blame in red: only
# the rows with a critic praise the near miss for its first step](end-state)
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

lesson = start("04_credit", seed=0)

# %% [markdown]
# ## 2. Four episodes, written by hand
#
# A house of five rooms, and a coin in the garden:
#
# ```text
#  attic --- hall --- garden
#              |           you start in the kitchen,
# pantry -- kitchen        and have five turns
# ```

# %%
EXITS = {
    "kitchen": {"north": "hall", "west": "pantry"},
    "pantry": {"east": "kitchen"},
    "hall": {"east": "garden", "south": "kitchen", "west": "attic"},
    "attic": {"east": "hall"},
    "garden": {"west": "hall"},
}


def seen(room):
    exits = [f" There is an exit to the {way}." for way in EXITS[room]]
    coin = " You see a coin." if room == "garden" else ""
    return f"You are in the {room}.{''.join(exits)}{coin}"


# %% [markdown]
# An `Episode` is a record of turns. `encode_episode` cuts its texts into the tokens of
# `pocket`, the small model that ships with this package, as if pocket had played.

# %%
from toolkit import load_policy
from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.training.imitation import encode_episode

policy = load_policy("pocket")
HOUSE = Task(env="house", seed=0)


def write(*commands):
    room, turns = "kitchen", []
    for said in commands:
        pay = float(said == "take coin")
        turns.append(
            Turn(observation=seen(room), completion=said, action=said, reward=pay)
        )
        room = EXITS[room].get(said.removeprefix("go "), room)
    end = StopReason.WON if pay else StopReason.TURN_LIMIT
    episode = Episode(task=HOUSE, turns=tuple(turns), stop_reason=end)
    return encode_episode(policy, episode)


# %% [markdown]
# Four attempts at the same house are a *group*. A goes straight to the coin. B looks
# into the pantry first. C takes a wrong turn and stands before the coin when time is
# up. D never leaves the kitchen for good.
#
# **Predict:** only the coin pays. In how many turns of the eighteen is anything paid?

# %%
from toolkit.lessons.show_credit import show_advantages

house = {
    "A, quick win": write("go north", "go east", "take coin"),
    "B, slow win": write("go west", "go east", "go north", "go east", "take coin"),
    "C, near miss": write("go north", "go west", "go east", "go east", "look"),
    "D, wandered": write("go west", "go east", "look", "go west", "look"),
}


def draw(title, **advantages):
    return show_advantages(house, advantages, tokenizer=policy.tokenizer, title=title)


paid = [episode.turn_rewards for episode in house.values()]  # (B, K), ragged
draw("Paid", paid=paid)

# %% [markdown]
# Each narrow stripe is a token. Those of the world are hatched: nothing is learnt about
# them. Those that the agent said are boxes with their word, and ■ is the token that
# ends a command. Two turns are paid. What becomes of the other sixteen is the subject
# of this lesson.

# %% [markdown]
# ## 3. One number for a whole episode
#
# The plainest way: add up what an episode earned (its *return*), subtract the mean of
# its group, and give every word of it that number, the *advantage*. GRPO then divides
# by the standard deviation of the group.
#
# **Predict:** B's first step leads into the pantry, a dead end. Is it praised or
# blamed? And C's step into the garden?

# %%
from toolkit.training.credit import grpo

draw("Advantages", grpo=grpo(paid, group_size=4))

# %% [markdown]
# Whoever wins is praised for everything, dead ends included. Whoever loses is blamed
# for everything, and C's good steps as much as D's idle ones: both earned 0. Over many
# episodes that still works, since good steps are found in won games more often than in
# lost ones. It is only slow, and the slower the longer the games are.

# %% [markdown]
# Two relatives change what the return is compared with. RLOO takes the mean of the
# *other* three. ReMax plays the game once more, always taking the likeliest word, and
# compares with what that earned.
#
# **Predict:** suppose that greedy play wins this house. What does ReMax say about A and
# B?

# %%
from toolkit.training.credit import remax, rloo

draw(
    "One number per episode",
    grpo=grpo(paid, group_size=4),
    rloo=rloo(paid, group_size=4),
    remax_lost=remax(paid, greedy_returns=[0.0] * 4),
    remax_won=remax(paid, greedy_returns=[1.0] * 4),
)

# %% [markdown]
# RLOO is GRPO but for a factor: a mean without oneself differs from one with oneself by
# 4/3, and the division is gone. Its baseline does not contain the episode it is used
# on, which makes the expected gradient exact.
#
# ReMax is lopsided. Where greedy play loses, it only praises; where greedy play wins,
# it only blames, and A and B get 0: winning was expected. It needs no group, only that
# one more game.

# %% [markdown]
# ## 4. Dividing, and who gets heard
#
# Why does GRPO divide? So that all groups count alike, whatever they were paid. Here
# are three groups of four: in the first one of four wins; in the second one of four
# earns a crumb; in the third all win.
#
# **Predict:** with `scale="none"`, as Dr. GRPO has it, how much of the learning goes to
# the crumb? With `scale="group"`?

# %%
from toolkit.lessons.show_credit import show_group_shares

groups = [1, 0, 0, 0], [0.1, 0, 0, 0], [1, 1, 1, 1]
one_turn = [[float(value)] for group in groups for value in group]

show_group_shares(
    {
        scale: grpo(one_turn, group_size=4, scale=scale)
        for scale in ("group", "batch", "none")
    },
    group_size=4,
)

# %% [markdown]
# Divided by the group's own deviation, a crumb is shouted as loudly as a win: good if
# it is a step towards the goal, bad if it is noise. Divided by the deviation of the
# whole batch, or not at all, each group speaks as loudly as it has something to say;
# these two differ by one factor for all.
#
# The third group is *silent* in all three. All won, so there is nothing to compare, and
# four games were played for no gain. Four losses would be as silent. When nothing is
# learnt, count these first.

# %% [markdown]
# ## 5. From here on
#
# What was paid before a turn cannot be its merit. So give each turn its *return to go*,
# what was paid from there on. With one coin at the end that is the same number for all
# turns, so let searching pay too: 0.1 for each room not seen before, and the coin pays
# what is missing to 1.

# %%
from toolkit.lessons.show_credit import show_credit

searched = [
    [0.1, 0.1, 0.8],
    [0.1, 0.0, 0.1, 0.1, 0.7],
    [0.1, 0.1, 0.0, 0.1, 0.0],
    [0.1, 0.0, 0.0, 0.0, 0.0],
]
said = [[turn.action for turn in episode.turns] for episode in house.values()]

show_credit(said, searched, title="Paid for rooms and for the coin")

# %% [markdown]
# REINFORCE++ takes the return to go and whitens it over the *batch*: subtract the mean
# of all turns, divide by their deviation. It needs no group. `turn_return` compares
# with the group *at the same turn*: first turns with first turns, and so on. It may
# also *discount*: pay counts 0.7 as much for each turn that it lies ahead.
#
# Three rows will be drawn: `reinforce_pp`, `turn_return`, and `turn_return` with that
# discount.
#
# **Predict:** C's second turn leads into the attic, its fourth into the garden. In
# which of these rows does the garden come off better than the attic? And which turn
# of C will be blamed most?

# %%
from toolkit.training.credit import reinforce_pp, turn_return

draw(
    "Return to go",
    reinforce_pp=reinforce_pp(searched),
    turn_return=turn_return(searched, group_size=4),
    discounted=turn_return(searched, group_size=4, discount=0.7),
)

# %% [markdown]
# Look along A and B. The first row praises a step *less* the nearer it is to the coin,
# because less is left to be paid; with the discount it is the other way about. Then
# look at C. For the batch the step into the garden is worse than the attic; compared at
# the same turn, it is better.
#
# But the turn of C that is blamed most, in the lower rows, is its third, out of the
# attic again, and that was right. At its third turn A took the coin. A turn is compared
# with the others of the same *number*, wherever these stood. No row has seen a room.

# %% [markdown]
# ### A mistake that was published
#
# Token by token, a return to go is a sum that runs backwards. Somewhere it meets tokens
# of the world, which must get nothing. A released code for REINFORCE++ multiplied the
# *running sum* by the mask. Here is that line in plain Python.

# %%
from toolkit.episodes.tokens import tokenize_episode


def backwards(rewards, mask, is_right):
    running, found = 0.0, []
    for reward, sampled in zip(reversed(rewards), reversed(mask), strict=True):
        running += reward
        if not is_right:
            running *= sampled  # the sum is lost at the world's tokens
        found.append(running * sampled)
    return found[::-1]


def token_returns(episode, is_right):
    tokens = tokenize_episode(episode)
    rewards = [0.0] * len(tokens.completion_ids)
    for turn, (_, end) in zip(episode.turns, tokens.spans, strict=True):
        rewards[end - 1] = turn.reward
    return backwards(rewards, tokens.action_mask, is_right)


# %% [markdown]
# **Predict:** A wins in its third turn. With the mistake, what are its three returns?

# %%
draw(
    "Return to go, token by token",
    right=[token_returns(e, True) for e in house.values()],
    released=[token_returns(e, False) for e in house.values()],
)

# %% [markdown]
# 0, 0, 1 instead of 1, 1, 1. At each text of the world the sum begins anew, and only
# the command that takes the coin is ever paid. The walking that led there learns
# nothing. No error is raised, the loss looks as it always does, and the agent even
# improves a little: at taking coins. You will write the right line in exercise 2.

# %% [markdown]
# ### A mistake that hides in a mean
#
# It seems natural to normalise the *rewards* turn by turn and add them up afterwards.
# Four games of 1 to 4 turns; whoever plays gets 1 in the last turn, so length is worth
# nothing, neither way.
#
# **Predict:** which game should be praised? Which one will be?

# %%
import numpy as np

SAME = [[1.0], [0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]]


def leaky(rows):
    columns = [[row[k] for row in rows if k < len(row)] for k in range(4)]
    base = [np.mean(column) for column in columns]
    return [
        [sum(row[j] - base[j] for j in range(k, len(row))) for k in range(len(row))]
        for row in rows
    ]


steps = [["stop"], ["on", "stop"], ["on", "on", "stop"], ["on", "on", "on", "stop"]]
show_credit(
    steps, leaky(SAME), title="Baselines subtracted turn by turn, then added up"
)

# %% [markdown]
# All of them earned 1, and yet stopping at once is praised and going on is blamed. Each
# further turn brought its own baseline along, a fine for taking one more turn. Agents
# trained so grow short-spoken, or long-winded if rewards are negative.
#
# The remedy is one baseline for the *whole* return to go:

# %%
show_credit(
    steps, turn_return(SAME, group_size=4), title="One baseline for each return to go"
)

# %% [markdown]
# ## 6. Who stood in the same place?
#
# The four stood in the kitchen seven times and did different things there. That is a
# fairer comparison than by the number of the turn. GiGPO makes it: turns that began in
# the same *anchor state* are compared by their discounted return to go, and this is
# added to GRPO's number. Here the state is the text that the agent read.
#
# **Predict:** only the coin pays again. B leaves the kitchen twice, to the west and
# later to the north. Will the two differ? C leaves the hall twice, to the attic and
# later to the garden. Will these two?

# %%
from collections import Counter

from toolkit.training.credit import gigpo

anchors = [[turn.observation for turn in e.turns] for e in house.values()]
places = [[text.split()[4].strip(".") for text in row] for row in anchors]
print(Counter(place for row in places for place in row))
by_state = gigpo(paid, anchors=anchors, group_size=4, discount=0.7)
by_episode = grpo(paid, group_size=4)
state_only = [
    [a - b for a, b in zip(*rows, strict=True)]
    for rows in zip(by_state, by_episode, strict=True)
]
draw("Same room", grpo=by_episode, same_room=state_only, gigpo=by_state)

# %% [markdown]
# The middle row is what the comparison in the same room adds. In the kitchen, B's step
# to the west is worth less than its later step to the north: both belong to a won game,
# but one is further from its end. GRPO could not tell them apart. In the garden, taking
# the coin beats looking. Nobody but C saw the attic, so there is nothing to compare,
# and it adds 0.
#
# C's two steps out of the hall are blamed alike, the good one and the bad one. For
# both, nothing was paid afterwards: the second came too late. The text on the screen
# does not show the clock, and equal screens are not equal states.

# %% [markdown]
# ## 7. A critic
#
# PPO compares with what a second network, the *critic*, expected at that point. Let us
# write three critics by hand. The good one knows the house. One always says 0. The
# wrong one has it upside down.

# %%
from toolkit.training.gae import gae_turn

WORTH = {"garden": 0.9, "hall": 0.6, "kitchen": 0.4, "attic": 0.3, "pantry": 0.2}
good = [[WORTH[place] for place in row] for row in places]
zero = [[0.0 for _ in row] for row in places]
wrong = [[1 - value for value in row] for row in good]


def gae(values, trust):
    return gae_turn(paid, values=values, gae_lambda=trust, whitened=False).advantages


draw("What the good critic expects before each turn", good=good)

# %% [markdown]
# Each turn brings a *surprise*: what was paid, plus what is expected now, minus what
# was expected before. The advantage is the sum of surprises from here on, each later
# one counting λ as much. λ = 1 trusts what happened in the end. λ = 0 trusts the critic
# and looks one turn ahead.
#
# **Predict:** with the good critic and λ = 0, what is B's first step worth, and C's
# first?

# %%
draw(
    "GAE with the good critic",
    **{"λ = 1": gae(good, 1.0), "λ = 0.8": gae(good, 0.8), "λ = 0": gae(good, 0.0)},
)

# %% [markdown]
# This is the first row that praises C for going north and blames B for the pantry: by
# λ = 0 a turn answers for itself alone, and luck later on does not reach it. C's last
# turn, looking instead of taking, gets nearly all of the blame.
#
# **Predict:** now the critic that says 0, and the wrong one. Which λ saves you?

# %%
draw(
    "GAE with worse critics",
    **{
        "zero, λ = 1": gae(zero, 1.0),
        "zero, λ = 0": gae(zero, 0.0),
        "wrong, λ = 1": gae(wrong, 1.0),
        "wrong, λ = 0": gae(wrong, 0.0),
    },
)

# %% [markdown]
# With λ = 0 you learn what the critic believes. The zero critic brings back the
# mistake of section 5, only the last turn is paid; the wrong one praises the pantry.
# With λ = 1 the end of the game always has its say.

# %% [markdown]
# ### Bias and variance, counted
#
# Then why not always λ = 1? Because one ending is mostly luck. Take a game in which the
# truth can be computed: five turns, each goes well half of the time, and three must go
# well to win. How much more is a good first turn worth than a bad one?

# %%
from math import comb


def chance(turns, needed):
    """Chance that at least `needed` of `turns` go well."""
    return sum(comb(turns, n) for n in range(max(needed, 0), turns + 1)) / 2**turns


truth = chance(4, 2) - chance(4, 3)


def sample(rng, first, critic, trust):
    """Advantage of the first turn in one game."""
    luck = [first, *rng.integers(0, 2, size=4)]
    needed = 3 - np.cumsum([0, *luck])
    win = float(needed[-1] <= 0)
    values = [[critic(5 - k, needed[k]) for k in range(5)]]
    rewards = [[0.0] * 4 + [win]]
    return gae_turn(rewards, values=values, gae_lambda=trust, whitened=False)[0][0][0]


# %% [markdown]
# **Predict:** for each critic, as λ goes from 1 to 0: does the dot, the mean of 400
# games, stay on the truth? Does the line, one standard deviation to each side, shrink?

# %% tags=["expected"]
from toolkit.lessons.show_credit import show_estimates

CRITICS = {
    "perfect critic": chance,
    "says 0": lambda turns, needed: 0.0,
    "upside down": lambda turns, needed: 1 - chance(turns, needed),
}


def differences(critic, trust):
    rng = np.random.default_rng(lesson.seed)
    pairs = range(lesson.pick(smoke=400, t4=4000, full=4000))
    return [
        sample(rng, 1, critic, trust) - sample(rng, 0, critic, trust) for _ in pairs
    ]


estimates = {
    name: {f"λ = {trust}": differences(critic, trust) for trust in (1, 0.8, 0.4, 0)}
    for name, critic in CRITICS.items()
}
show_estimates(estimates, truth=truth, title="Good first turn minus bad first turn")

# %% [markdown]
# With a perfect critic, a smaller λ takes the luck away and leaves the truth: less
# *variance*, no *bias*. With one that says 0, the line shrinks around the wrong number.
# With one that is upside down, the sign turns: you would learn to play badly, and be
# very sure of it. With λ = 1 all three are right in the mean, but for the chance that
# is left in 400 games. That is why PPO stays near 1 (0.95 is usual), and why its critic
# is trained for a while before it is believed.

# %% [markdown]
# ### Words within a turn
#
# So far all words of a turn had the same number. A critic may also be asked at every
# token; then GAE runs over the tokens of all turns, stepping over the world's.
#
# **Predict:** with 0.8 per *turn*, A's first turn was praised by 0.50. Now λ is 0.8 per
# *token*, and `go north` with its end has three. Will it be praised more or less?

# %%
from toolkit.episodes.tokens import spread_turns
from toolkit.training.gae import gae_token

laid = [tokenize_episode(e) for e in house.values()]
spans = [tokens.spans for tokens in laid]
width = max(len(tokens.completion_ids) for tokens in laid)


def gae_words(values, trust):
    on_tokens = spread_turns(values, spans, width)  # (B, T)
    return gae_token(
        paid, values=on_tokens, spans=spans, gae_lambda=trust, whitened=False
    ).advantages


draw(
    "A chain of turns, or of tokens",
    **{"turns, λ = 0.8": gae(good, 0.8), "tokens, λ = 0.8": gae_words(good, 0.8)},
)

# %% [markdown]
# A turn's surprise comes after its last word, so the last word gets all of it, and the
# words before it less. And three words are three steps: 0.8 per token is about 0.5 per
# turn. Long commands push the pay further away. If you move from one kind to the other,
# λ has to move, too.

# %% [markdown]
# ## 8. All under one another
#
# **Predict:** look for one turn only, C's first step to the north. Which of eight rows
# will praise it?

# %% tags=["end-state"]
everything = {
    "grpo": grpo(paid, group_size=4),
    "rloo": rloo(paid, group_size=4),
    "remax": remax(paid, greedy_returns=[0.0] * 4),
    "reinforce_pp": reinforce_pp(paid),
    "turn_return": turn_return(paid, group_size=4, discount=0.7),
    "gigpo": by_state,
    "gae_turn": gae(good, 0.5),
    "gae_token": gae_words(good, 0.8),
}
draw("Only the coin pays", **everything)

# %% [markdown]
# C's first step was the best one there is, and only the rows with a critic say so.
# It costs a second network, which has to learn that rooms near the coin are good before
# it can be of any help.

# %% [markdown]
# ## 9. Real episodes
#
# Now the same on games that pocket plays: the maze of lesson 00, each game eight times.

# %% tags=["expected"]
from toolkit import collect, make_env, tasks

MAZE = "textworld/coin_collector-105-basic"
G = 8
games = tasks(MAZE, split="train", n=lesson.pick(smoke=8, t4=32, full=32), goal="brief")
env = make_env(MAZE, goal="brief")
how = {"workers": 0, "progress": False, "seed": lesson.seed}
played = collect(policy, env, games, group_size=G, **how)
greedy = collect(policy, env, games, greedy=True, **how)
print(f"{sum(e.won for e in played)} of {len(played)} games won")

# %% [markdown]
# Every reward below is computed from the records; nothing has to be played again.
# `sparse` pays the coin, `discovery` is the rule of section 5.

# %%
from toolkit.rewards import get_reward


def credit_all(reward):
    paid = get_reward(reward).score(played).turn_rewards
    by_greedy = get_reward(reward).score(greedy).turn_rewards
    base = [sum(row) for row in by_greedy for _ in range(G)]
    texts = [[turn.observation for turn in e.turns] for e in played]
    return {
        "grpo": grpo(paid, group_size=G),
        "rloo": rloo(paid, group_size=G),
        "remax": remax(paid, greedy_returns=base),
        "reinforce_pp": reinforce_pp(paid),
        "turn_return": turn_return(paid, group_size=G, discount=0.7),
        "gigpo": gigpo(paid, anchors=texts, group_size=G, discount=0.95),
    }


sparse, discovery = credit_all("sparse"), credit_all("discovery")

# %% [markdown]
# One group, four of its eight episodes. There are too many tokens for words, but the
# stripes are the same: hatched for the world, colours for the agent.
#
# **Predict:** in which rows do colours change *within* an episode?

# %%
starts = range(0, len(played), G)
start_at = min(starts, key=lambda i: abs(sum(e.won for e in played[i : i + G]) - G / 2))
best_first = sorted(range(start_at, start_at + G), key=lambda i: not played[i].won)
chosen = [*best_first[:2], *best_first[-2:]]
some = {f"episode {i}, {played[i].stop_reason.value}": i for i in chosen}
show_advantages(
    {name: played[i] for name, i in some.items()},
    {name: [rows[i] for i in some.values()] for name, rows in discovery.items()},
    tokenizer=policy.tokenizer,
    title="Half a group of real episodes, paid by discovery",
)

# %% [markdown]
# The upper three rows have one colour per episode. In the others it changes from turn
# to turn; `turn_return` finds good turns in lost games and bad ones in won games.
#
# **Predict:** now only the coin pays. How many of the groups are silent, and for which
# estimator is none?

# %% tags=["expected"]
show_group_shares(sparse, group_size=G, title="Only the coin pays: shares of groups")

# %% [markdown]
# A group that lost eight times is silent for all who compare within the group. One that
# won eight times is silent only for those that see no difference between a quick and a
# slow win: with a discount, `turn_return` and `gigpo` do see one. `reinforce_pp` is
# never silent, but in a lost group it blames every turn alike, which tells nobody what
# to do instead.
#
# **Predict:** what will paying for rooms change?

# %% tags=["expected"]
show_group_shares(discovery, group_size=G, title="Discovery pays: shares of groups")

# %% [markdown]
# Losers have now seen more rooms or fewer, and lost groups speak. A group that won
# every game stays silent for `grpo`, since every win earns 1. Whether it is worth the
# risk of paying for what is not the goal is a question of reward, not of credit.

# %% [markdown]
# ## 10. Now you
#
# A check says what is off, as often as you ask.

# %% [markdown]
# **Exercise.** RLOO's advantages: the returns of a group come in, one number per
# episode goes out.


# %% exercise="leave_one_out"
def leave_one_out(returns):
    mean = sum(returns) / len(returns)
    return [value - mean for value in returns]  # mend these lines


exercise = lesson.exercise("leave_one_out")
exercise.check(leave_one_out)

# %% [markdown]
# **Exercise.** The line that was wrong in the released code. In come the reward and the
# action mask of each token; out goes the return to go, without a discount, and 0 on
# what the world wrote.


# %% exercise="returns_over_tokens"
def returns_over_tokens(rewards, mask):
    running, found = 0.0, []
    for reward, sampled in zip(reversed(rewards), reversed(mask), strict=True):
        running = (running + reward) * sampled  # mend these lines
        found.append(running)
    return found[::-1]


exercise = lesson.exercise("returns_over_tokens")
exercise.check(returns_over_tokens)

# %% [markdown]
# **Exercise.** The step part of GiGPO, without its division. All turns of a group come
# in, as the room in which each began and its return to go. Out goes, for each, the
# difference to the mean of all turns that began in its room.


# %% exercise="same_room"
def same_room(rooms, to_go):
    mean = sum(to_go) / len(to_go)
    return [value - mean for value in to_go]  # mend these lines


exercise = lesson.exercise("same_room")
exercise.check(same_room)

# %% [markdown]
# ## What you can do now
#
# You can say what an estimator compares with what: an episode with its group, a turn
# with turns of the same number, of the same room, or with a critic. You have seen
# credit lost at the world's tokens, a fine on the number of turns, and a critic that is
# sure and wrong. And you count silent groups before you look at a loss.
#
# **An open question.** GiGPO takes equal screens for equal states, and C's step into
# the garden was blamed for it. Put the turns that are left into the anchor, and the
# state is right, but nobody meets anybody any more. What would you compare?
#
# **Open ends.** Let C take the coin in a sixth turn. Give `gae` a critic that is right
# in three rooms and wrong in one. Take a group of four, or of sixteen, in section 9.
# Write down first what you expect. To train with any of these, name it:
# `train(policy, env, credit="gigpo")`.
#
# **Next:** [lesson 05](05_policy_gradients.ipynb), how does one number change every
# weight of a model?

# %% [markdown] tags=["guide"]
# ## Plan for 50 minutes
#
# - **0–5 min** Section 2 on the board: four episodes, two paid turns. Everybody writes
#   down which turn deserves the praise.
# - **5–15 min** Section 3: predict, then run GRPO. Dwell on B's pantry and C's garden.
# - **15–20 min** Section 4: who is heard, and the silent group.
# - **20–33 min** Section 5: return to go, the published mistake, the mistake in a mean.
# - **33–43 min** Section 7: a critic, λ = 1 and λ = 0 only.
# - **43–50 min** Exercise `returns_over_tokens` in pairs. Sections 6, 8 and 9 and the
#   other exercises are for home.
#
# ## Plan for 90 minutes
#
# - **0–25 min** Sections 2 to 4 as above, with `leave_one_out` at once after section 3.
# - **25–40 min** Section 5, then `returns_over_tokens`.
# - **40–50 min** Section 6 and `same_room`; who is done early answers the open
#   question.
# - **50–70 min** Section 7 whole. Let each group of students take one critic and defend
#   it.
# - **70–78 min** Section 8: one table, eight estimators, one turn.
# - **78–90 min** Section 9, real episodes, and the discussion below.
#
# ## What to show live
#
# - `RewardDesigner(played, Mix({"success": 1, "discovery": 0.3}))` after section 9:
#   move a weight and watch GRPO, RLOO, PPO and GiGPO change turn by turn and token by
#   token, and groups fall silent. The workbench `notebooks/design_a_reward.ipynb` has
#   it ready.
# - `EpisodeView(played[0])` for the tokens of one game, when somebody asks what ■ is.
# - `TrainingMonitor.replay("learns")`: the advantage of every token during a recorded
#   training. It needs neither a GPU nor time.
#
# ## Common errors
#
# The stubs make the commonest ones. `returns_over_tokens` is the one to discuss with
# all, because the wrong line has been published and raises no error. In talk, listen
# for "GRPO punishes the wrong turn": it punishes the *episode*, and all of its turns
# with it.
#
# ## Discussion
#
# **All four episodes of a group win. Is the group useless?** For estimators that
# compare whole returns it is: all advantages are 0. With a discount, `turn_return` and
# `gigpo` still tell quick wins from slow ones.
#
# **Why may a baseline contain the luck of others, but not one's own?** What the
# baseline does not share with the word that is pushed cancels in the mean, since scores
# average to 0. One's own return does not cancel; with GRPO's group mean a share of 1/G
# is lost.
#
# **GiGPO blames C's good step into the garden. Is the estimator wrong?** No: its state
# is. The text does not show the clock, and with one turn left the step was indeed worth
# nothing. It is an argument about what belongs into a state.
#
# **If a critic is so good, why do most people train without one?** It has to be learnt
# from the same few returns, costs a second network or head, and with λ < 1 its mistakes
# go into every advantage, as the upside-down critic shows.
#
# ## Expected numbers
#
# All numbers of sections 2 to 8 are computed from four fixed episodes and are the same
# everywhere, but for the sampled ones: in *Bias and variance*, 400 games leave a
# standard error of 0.03 where the deviation is 0.63. Section 9 plays with `pocket`: six
# seeds won 26 to 36 of the 64 games (mean 31). Paid for the coin alone, 0 to 2 of the 8
# groups were silent for `grpo` and 0 or 1 for `turn_return`; paid by `discovery`, 0 or
# 1 for `grpo` and none for `turn_return`.
#
# ## Without a GPU or the internet
#
# The lesson needs neither; the models and games ship with the package. Without any
# Python, print [its page](../04_credit.ipynb): the pictures stand in the notebook, and
# sections 2 to 8 can be done with pencil and paper.
#
# ## Exam questions
#
# **1.** A group of four has the returns 1, 0, 0 and 1. Give the advantages by RLOO, and
# by GRPO before its division.
#
# *Solution:* RLOO: 1 - 1/3 = 2/3 for the winners, 0 - 2/3 = -2/3 for the others. GRPO:
# ±1/2. They differ by the factor G/(G - 1) = 4/3.
#
# **2.** An agent says one word per turn, and the world answers with one token between.
# The rewards of the tokens are 0, 0, 0, 0, 1, the mask is 1, 0, 1, 0, 1. Give the
# returns to go, and what the published mistake makes of them.
#
# *Solution:* 1, 0, 1, 0, 1; with the mistake 0, 0, 0, 0, 1, since the sum is lost at
# the world's tokens.
#
# **3.** A critic expects 0.5 before each of two turns; the second is paid 1 and ends
# the game. Give the advantages for λ = 1 and for λ = 0 without a discount.
#
# *Solution:* the surprises are 0 + 0.5 - 0.5 = 0 and 1 - 0.5 = 0.5. λ = 1: 0.5 and 0.5.
# λ = 0: 0 and 0.5. The first turn owes its praise to the sum of what follows.
