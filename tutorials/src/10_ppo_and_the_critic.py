# %% [markdown]
# # Can a second network tell how a game will end?
#
# A coach who watches a game says, move by move, how it stands. PPO has such a coach,
# the *critic*: a network that learns what is still to be earned, so that a move can be
# praised at once for what it changed. When you are through, you can
#
# 1. **compute** GAE by hand, over turns and over tokens, and say what λ trades for
#    what;
# 2. **judge** a critic by its explained variance, and say how much could be explained
#    at all;
# 3. **read** in a critic's values where it sees a win coming, and decide whether you
#    need one.
#
# You need lesson 04, or to know what an advantage and a return to go are, and of lesson
# 05 what PPO does with them. You need no GPU, no account and no download.
#
# ![Two curves over the last eight turns: what the critic expects falls to nothing in
# games that will be lost, and in games that will be won it jumps to almost 1 before the
# last turn, not earlier](end-state)
#
# Budget: an hour and a half of your time.

# %% [markdown]
# ## 1. Set up

# %%
# Setup, safe to run again
try:
    from toolkit.lessons.start import start
except ImportError:
    # %pip install -q "multiturn-rl-toolkit[colab]==0.1.0"
    from toolkit.lessons.start import start

lesson = start("10_ppo_and_the_critic", seed=0)

# %% [markdown]
# ## 2. Six turns by hand
#
# An agent walks through a maze. Its third step leads into a dead end, the fourth out of
# it; in the end it takes the coin. Before each turn a critic said what it expected.
#
# | turn | 1 | 2 | 3 | 4 | 5 | 6 |
# |---|---|---|---|---|---|---|
# | command | north | north | west, a dead end | east, out of it | east | take coin |
# | value before it | 0.3 | 0.4 | 0.5 | 0.3 | 0.5 | 0.8 |
# | paid | 0 | 0 | 0 | 0 | 0 | 1 |
#
# Lesson 04 called *surprise* what a turn changes: pay, plus the value after it, minus
# the value before it. After the last turn there is nothing to expect. GAE adds
# surprises up from behind: an advantage is the turn's own surprise plus λ times the
# advantage of the next.
#
# **Predict:** take pencil and paper. What are the six surprises? What is their sum, and
# why? Then with λ = 1, λ = 0.5 and λ = 0: is the step into the dead end praised or
# blamed?

# %% tags=["expected", "nbval-check-output"]
from toolkit.training.gae import gae_turn

paid = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
expected = [0.3, 0.4, 0.5, 0.3, 0.5, 0.8]


def by_hand(trust):
    advantage, found = 0.0, []
    for k in reversed(range(6)):
        after = expected[k + 1] if k < 5 else 0.0
        advantage = paid[k] + after - expected[k] + trust * advantage
        found.append(advantage)
    return found[::-1]


def by_package(trust):
    return gae_turn([paid], values=[expected], gae_lambda=trust, whitened=False)


for trust in (1, 0.95, 0.5, 0):
    mine, theirs = by_hand(trust), by_package(trust).advantages[0]
    assert max(abs(a - b) for a, b in zip(mine, theirs, strict=True)) < 1e-9
    print(f"λ = {trust:4}: ", " ".join(f"{a + 1e-9:+.2f}" for a in mine))

# %% [markdown]
# The surprises, the last row, add up to 0.7: what came, 1, minus what was expected at
# the start. In between all values cancel. With λ = 1 that is what every turn gets, *the
# end minus my value*, and the dead end is praised with 0.5 because the game was won.
# With λ = 0 it is blamed with 0.2 and the way out praised with 0.2. At λ = 0.5 its own
# blame and half of the next advantage, 0.40, just cancel.
#
# ### What the critic is taught
#
# The critic learns, too. Its *target* at a turn is the advantage plus its own value,
# that is, what it should have said.
#
# **Predict:** what is the critic to say at turn 3, before the dead end, with λ = 1, and
# with λ = 0?

# %% tags=["nbval-check-output"]
for trust in (1, 0.95, 0.5, 0):
    targets = by_package(trust).targets[0]
    print(f"λ = {trust:4}: ", " ".join(f"{t:.2f}" for t in targets))

# %% [markdown]
# With λ = 1 it is told what happened: 1 at each turn. With λ = 0 it is told what it
# said itself one turn later: 0.3, at turn 3. Only the last turn is then taught by the
# world, and the news moves back by one turn with each game. That is called
# *bootstrapping*.
#
# **Exercise.** Surprises of a whole batch. In come the rewards and the values of turns,
# one episode after the other, and for each turn 1 if it was the last of its episode.
# Out goes one surprise per turn.


# %% exercise="surprises"
def surprises(rewards, values, last):
    after = [*values[1:], 0.0]
    rows = zip(rewards, after, values, strict=True)
    return [reward + then - now for reward, then, now in rows]  # mend these lines


exercise = lesson.exercise("surprises")
exercise.check(surprises)

# %% [markdown]
# ## 3. Six turns, how many tokens?
#
# The paper asks its critic before every *token* (https://arxiv.org/abs/2510.01132). The
# chain then runs over the tokens of the agent, from the last one of the game to the
# first, and passes over what the world says. Let each command have four tokens, and
# each answer of the world ten.
#
# **Predict:** a critic that knows nothing, all values 0. How much of the coin reaches
# the first turn with λ = 0.95 per turn? How much the first token, with λ = 0.95 per
# token?

# %% tags=["expected", "nbval-check-output"]
from toolkit.training.gae import gae_token

WORDS, WORLD = 4, 10
spans = [(k * (WORDS + WORLD), k * (WORDS + WORLD) + WORDS) for k in range(6)]
nothing = [[0.0] * spans[-1][1]]
print("λ      over turns  over tokens")
for trust in (1, 0.99, 0.95, 0.9, 0.5):
    how = {"gae_lambda": trust, "whitened": False}
    turns = gae_turn([paid], values=[[0.0] * 6], **how).advantages[0]
    tokens = gae_token([paid], values=nothing, spans=[spans], **how).advantages[0]
    print(f"{trust:<6} {turns[0]:10.3f} {tokens[0]:12.3f}")

# %% [markdown]
# 0.95 to the fifth power is 0.77, to the 23rd 0.31. The same λ is another thing over
# tokens: what is 0.95 per turn would be its fourth root, 0.987, per token. In a game of
# twenty turns 0.95 per token leaves less than a fiftieth for the first. So ask of every
# λ that you read in a paper: per what? The paper of this package does not say which it
# used; the code that came with it has λ = 1 (there is also a discount, which it leaves
# at 1, and which fared worse at 0.99 *per token*, the same trap).
#
# The tokens of the world cost nothing. They would, if the chain took them for steps:
# fifty factors of 0.95 more leave 2 % of the coin. And if the carried sum were wiped
# out at each of them, as in the mistake of lesson 04, only the last turn would be paid.
#
# **Exercise.** The chain over tokens. In come one surprise per token (0 where the world
# speaks), the mask (1 where the agent speaks) and the factor. Out goes one advantage
# per token, 0 where the world speaks.


# %% exercise="chain_over_tokens"
def chain_over_tokens(surprises, mask, factor):
    running, found = 0.0, []
    for surprise, sampled in zip(reversed(surprises), reversed(mask), strict=True):
        running = (surprise + factor * running) * sampled  # mend: who is passed over?
        found.append(running)
    return found[::-1]


exercise = lesson.exercise("chain_over_tokens")
exercise.check(chain_over_tokens)

# %% [markdown]
# ## 4. How much can be foreseen?
#
# To judge critics we need a world whose true values are known. A corridor of five
# rooms: to the left a trapdoor, to the right a coin. You start in the middle and walk
# back and forth by chance. In room *i* the chance to end with the coin is *i*/6; that
# is an old theorem about gamblers, and a critic that says so is *perfect*.
#
# ```text
# trapdoor | 1/6 | 2/6 | 3/6 | 4/6 | 5/6 | coin
# ```
#
# The usual mark for a critic is its *explained variance*: 1 minus the variance of what
# is left over, earned minus expected, as a share of the variance of what was earned.
#
# **Predict:** which mark does the perfect critic get? One that always says 1 too much?
# One that has it upside down?

# %% tags=["expected"]
import numpy as np

rng = np.random.default_rng(lesson.seed)
TRUE = np.arange(7) / 6


def walk():
    rooms = [3]
    while 0 < rooms[-1] < 6:
        rooms.append(rooms[-1] + int(rng.choice((-1, 1))))
    return rooms[:-1], [0.0] * (len(rooms) - 2) + [float(rooms[-1] == 6)]


walks = [walk() for _ in range(2000)]
at = np.concatenate([rooms for rooms, _ in walks])
earned = np.concatenate([[pay[-1]] * len(rooms) for rooms, pay in walks])
critics = {
    "perfect": TRUE[at],
    "1 too much": TRUE[at] + 1,
    "upside down": 1 - TRUE[at],
    "always 0.5": 0 * at + 0.5,
}
for name, says in critics.items():
    left = np.var(earned - says) / np.var(earned)
    print(f"{name:12} explained variance {1 - left:+.2f}")

# %% [markdown]
# The perfect critic gets 0.15. Nobody could do better: the rest is the luck of the
# steps that follow. So 0.15 may be poor or all there is, and one cannot know by looking
# at it. What one can know is the sign. Below 0 a critic does harm, and a constant would
# be better; the rule `useless-critic` of `diagnose` (lesson 09) looks for that.
#
# That everything is 1 too high costs nothing here. It costs little in training, too: λ
# = 1 subtracts the same from all, and whitening takes it out again. A *λ* of 0 cancels
# it by itself, everywhere but in the last turn.
#
# **Exercise.** The mark itself. In come the values and what was earned after each, as
# arrays. Out goes one number.


# %% exercise="explained"
def explained(values, earned):
    return np.corrcoef(values, earned)[0, 1] ** 2  # mend this line


exercise = lesson.exercise("explained")
exercise.check(explained)

# %% [markdown]
# ## 5. Bias and variance of what a critic is taught
#
# Let a table of seven values learn in the corridor. It begins with 0 everywhere, as the
# critics of this package do. First: what is it told about the middle room, where 0.5
# would be right? The dots are means over 400 games, the lines one standard deviation.
#
# **Predict:** three critics, one that knows nothing, one that is half way, one that is
# perfect. With which λ are the targets right on the mean, and with which are they calm?

# %% tags=["expected"]
from toolkit.lessons.show_credit import show_estimates


def taught(games, table, trust):
    values = [table[rooms].tolist() for rooms, _ in games]
    paid = [pay for _, pay in games]
    return gae_turn(paid, values=values, gae_lambda=trust, whitened=False).targets


games = [walk() for _ in range(400)]
tables = {"says 0": 0 * TRUE, "half way": TRUE / 2, "perfect": TRUE}
show_estimates(
    {
        name: {
            f"λ = {trust}": [row[0] for row in taught(games, table, trust)]
            for trust in (1, 0.8, 0.5, 0)
        }
        for name, table in tables.items()
    },
    truth=0.5,
    title="What the critic is taught about the middle room",
)

# %% [markdown]
# With λ = 1 it is told the truth on the mean (but for the luck of 400 games), in the
# loudest way possible: it is always 0 or 1. With a smaller λ it is told its own
# opinion, calmly. While it knows nothing, that is wrong; once it is perfect, it costs
# nothing. So the best λ is not the same at the start and at the end.
#
# **Predict:** 240 games, four at a time. Which λ learns fastest at first? Which comes
# closest in the end?

# %% tags=["expected"]
from toolkit.lessons.show import show_curves

BATCHES, TABLES = 60, 30
school = [[[walk() for _ in range(4)] for _ in range(BATCHES)] for _ in range(TABLES)]


def errors(trust, rate=0.1):
    """How far off the five values are, mean over 30 tables."""
    tables, found = np.zeros((TABLES, 7)), []
    for batch in range(BATCHES):
        found.append(np.sqrt(((tables - TRUE)[:, 1:6] ** 2).mean()))
        for table, lessons in zip(tables, school, strict=True):
            games = lessons[batch]
            rooms = np.concatenate([rooms for rooms, _ in games])
            goal = np.concatenate(taught(games, table, trust))
            np.add.at(table, rooms, rate * (goal - table[rooms]) / 4)
    return found


show_curves(
    {f"λ = {trust}": errors(trust) for trust in (1, 0.95, 0.8, 0)},
    x=range(0, 4 * BATCHES, 4),
    x_name="games",
    title="How far off the values are",
)

# %% [markdown]
# λ = 1 and 0.95 are fastest at first, and 1 then stays noisiest. λ = 0 waits until the
# news has crept through the corridor, room by room. 0.8 is a little slower than the
# first two and ends closest to the truth. That is the case for a λ between 0 and 1;
# where it lies depends on how long games are and how good the critic is already.

# %% [markdown]
# ## 6. A critic for pocket
#
# Now a real one. `pocket` plays mazes, and only the coin pays, so a perfect critic
# would say the chance to win. Its critic is a single layer: 128 numbers that the model
# makes of all text so far go in, one value comes out. Lesson 05 solved for it at a
# stroke; in training it has to learn by steps, and we watch it.

# %%
import torch

from toolkit import collect, load_policy, make_env, tasks
from toolkit.episodes.tokens import tokenize_episode
from toolkit.training.critic import Critic, explained_variance, trunk_of, value_losses

MAZE, GROUP = "textworld/coin_collector-105-basic", 6
mazes = tasks(
    MAZE, split="train", n=lesson.pick(smoke=40, t4=80, full=200), goal="brief"
)
env = make_env(MAZE, goal="brief")
policy = load_policy("pocket")
played = collect(
    policy, env, mazes, group_size=GROUP, workers=0, progress=False, seed=lesson.seed
)
print(f"{sum(e.won for e in played)} of {len(played)} games won")


# %%
def features(episode):
    """What the model makes of the text before each turn, (K, 128)."""
    tokens = tokenize_episode(episode)
    ids = torch.tensor([tokens.prompt_ids + tokens.completion_ids])
    with torch.no_grad():
        hidden = trunk_of(policy.model)(input_ids=ids).last_hidden_state[0]
    return hidden[[len(tokens.prompt_ids) + start - 1 for start, _ in tokens.spans]]


read = [features(episode) for episode in played]
ends = [torch.full((len(e.turns),), float(e.won)) for e in played]
cut = len(played) * 3 // 4 // GROUP * GROUP  # the last quarter of the mazes is kept
X, y = torch.cat(read[:cut]), torch.cat(ends[:cut])
X_new, y_new = torch.cat(read[cut:]), torch.cat(ends[cut:])

# %% [markdown]
# Its loss is half of the squared error; what the zeros are for, section 7 tells.
#
# **Predict:** the explained variance on the mazes it learns from, and on mazes it has
# never seen. How high will each come, and will they part?

# %% tags=["expected"]
critic = Critic(X.shape[1])
optimizer = torch.optim.Adam(critic.parameters(), lr=0.01)
foreseen = {"mazes it learns from": [], "unseen mazes": []}
for _ in range(161):
    with torch.no_grad():
        foreseen["mazes it learns from"].append(explained_variance(critic(X), y))
        foreseen["unseen mazes"].append(explained_variance(critic(X_new), y_new))
    loss = value_losses(critic(X), torch.zeros_like(y), y, None).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

show_curves(
    foreseen, x=range(161), x_name="steps of learning", title="Explained variance"
)

# %% [markdown]
# The first step goes too far, and for a moment a constant would be better. Then it
# rises, and on unseen mazes ends lower than on its own: a part of what it has learnt is
# these mazes by heart. A quarter is foreseen of the ones, less than a fifth of the
# others. From section 4 you know not to call that bad.
#
# So what does it see? Here are the last eight turns of games in unseen mazes, those
# that were won and those that were lost. The curves are means.
#
# **Predict:** draw both. How many turns before the end does the critic know?

# %% tags=["end-state", "expected"]
with torch.no_grad():
    values = [critic(hidden).tolist() for hidden in read]
unseen = range(cut, len(played))
LAST = 8


def mean_before_end(won):
    rows = [values[i] for i in unseen if played[i].won == won]
    return [
        float(np.mean([row[-k] for row in rows if len(row) >= k]))
        for k in range(LAST, 0, -1)
    ]


show_curves(
    {"won": mean_before_end(True), "lost": mean_before_end(False)},
    x=range(-LAST, 0),
    x_name="turns before the end",
    title="What the critic expects in unseen mazes",
)

# %% [markdown]
# It sees defeats from afar and victories not at all. When time runs out, the value
# sinks turn by turn to 0. A game that will be won looks like any other until the room
# with the coin is on the screen; then the value jumps to almost 1. And that is right:
# before you open the door, nobody can know what is behind it.
#
# One won game, turn by turn.
#
# **Predict:** which command has the largest surprise? Is it `take coin`?

# %% tags=["expected"]
from toolkit.lessons.show_credit import show_pay

long_wins = [i for i in unseen if played[i].won and len(values[i]) >= 7]
shown = min(long_wins, key=lambda i: len(values[i]))
pay = [0.0] * (len(values[shown]) - 1) + [1.0]


def credit(trust):
    how = {"gae_lambda": trust, "whitened": False}
    return gae_turn([pay], values=[values[shown]], **how).advantages[0]


show_pay(
    [f"{k}. {turn.action}" for k, turn in enumerate(played[shown].turns, start=1)],
    {"value before": values[shown], "λ = 0": credit(0), "λ = 0.95": credit(0.95)},
    title="A won game in an unseen maze",
    total=False,
)

# %% [markdown]
# In the column λ = 0 the step into the room with the coin has by far the largest
# surprise. Taking the coin has less than none: the critic had expected even more than
# 1, which it cannot know to be impossible. With λ = 0.95 the steps before share in the
# surprise, because the critic could not know that they were right, and the end says so.
# That is why λ is not 0 with a critic like this one: credit for searching has to come
# from the end.

# %% [markdown]
# ## 7. Not too far at once
#
# The critic is trained beside the policy and has an optimiser step or more per batch.
# So that one lucky batch does not throw it about, its loss has a clip as well: it looks
# at the value as it is, and at the value held within 0.2 of what it was when the games
# were played, and takes the *larger* of the two errors.
#
# **Predict:** before: 0. The target is 1. Where is the loss flat, and where does a
# value that went the wrong way stand?

# %%
now = torch.linspace(-1, 1.5, 51)
before, goal = torch.zeros(51), torch.ones(51)
show_curves(
    {
        "no clip": value_losses(now, before, goal, None).tolist(),
        "clip 0.2": value_losses(now, before, goal, 0.2).tolist(),
    },
    x=now.tolist(),
    x_name="value now",
    title="Loss of a value that was 0 and should be 1",
)

# %% [markdown]
# Past 0.2 it is flat: there is nothing more to gain in this batch. On the other side
# nothing is cut off, and the value is drawn back from however far it went.
#
# **Exercise.** That loss, for one value. In come the value now and then, the target,
# and how far it may move. Out goes one number.


# %% exercise="value_loss"
def value_loss(now, then, target, clip):
    near = min(max(now, -clip), clip)
    return min((now - target) ** 2, (near - target) ** 2) / 2  # mend these lines


exercise = lesson.exercise("value_loss")
exercise.check(value_loss)

# %% [markdown]
# ## 8. A few steps of PPO
#
# In training the critic begins with 0 everywhere and shares the model's trunk, which
# its loss shapes as well. Three runs from one start: PPO over turns with λ = 0.95; with
# λ = 1; and with a *warm-up*, in which for the first steps only the critic learns.
# First the baseline.

# %%
from toolkit import evaluate, train
from toolkit.training.events import steps_of

exam = tasks(
    MAZE, split="validation", n=lesson.pick(smoke=12, t4=100, full=100), goal="brief"
)
EXAM = {"samples": 4, "seed": 1, "workers": 0, "progress": False}
results = {"before": evaluate(policy, env, exam, **EXAM)}

# %% [markdown]
# All three share these settings; what differs stands below them.

# %%
STEPS = lesson.pick(smoke=6, t4=40, full=40)
SAME = {
    "tasks": mazes,
    "reward": "sparse",
    "credit": "gae_turn",
    "num_generations": 1,
    "learning_rate": 5e-4,
    "value_lr_factor": 20.0,  # the critic's rate: 0.01, as in section 6
    "per_device_train_batch_size": 16,
    "live": 16,
    "max_steps": STEPS,
    "seed": lesson.seed,
    "save_strategy": "no",
    "workers": 0,
    "progress": False,
}
HOW = {
    "λ = 0.95": {},
    "λ = 1": {"gae_lambda": 1.0},
    "warm-up": {"value_warmup_steps": STEPS // 3},
}

# %% [markdown]
# **Predict:** what does the critic foresee in the first step? In which run is the
# policy the same after two steps as before them? Which of the three wins most in the
# end?

# %% tags=["expected"]
runs = {}
for name, how in HOW.items():
    folder = f"runs/{lesson.name}/{name.replace(' = ', '_')}"
    runs[name] = train(load_policy("pocket"), env, output_dir=folder, **SAME, **how)
    results[f"after {name}"] = evaluate(runs[name].policy, env, exam, **EXAM)

for name, run in runs.items():
    logs = [step["log"] for step in steps_of(run.events, "step")]
    told = " ".join(f"{log['explained_variance']:+.2f}" for log in logs[:6])
    print(f"{name:9} explained variance {told}")

# %%
from toolkit.lessons.show import show_success

show_success(results)

# %% [markdown]
# In the first two steps nothing is foreseen: the critic says 0, for rates of learning
# begin at 0. After six it has just come above that, after a dip as in section 6. So in
# a short run PPO *is* a method without a critic. The warm-up gives it a start, at the
# price of steps in which the policy learns nothing. And the exam says what such exams
# say: the intervals overlap, and nothing can be told apart.

# %% [markdown]
# ## 9. So why did PPO win in the paper?
#
# The paper's Table 10 has PPO far ahead: in the small world 0.88, against 0.51 of RLOO
# and 0.18 of GRPO and REINFORCE++. The same comparison with this package, at the size
# of a laptop and with three seeds each, ships with it.
#
# **Predict:** who wins here?

# %% tags=["expected"]
import json

from toolkit.lessons.show import here_or_above

found = json.loads(here_or_above("experiments/results/algorithms.json").read_text())
print(f"{'':28} gains of three seeds    the paper")
for name, arm in found["arms"].items():
    world = "mazes" if "mazes" in name else "w2-o3-q4"
    sides = [(r["before"][world], r["after"][world]) for r in arm["runs"]]
    gains = [round(100 * (b["success"] - a["success"])) for a, b in sides]
    ours = ", ".join(f"{gain:+3}" for gain in gains)
    a, b = found["paper"].get(name, {}).get(world) or (0, 0)
    theirs = f"{100 * a:.0f} % to {100 * b:.0f} %" if b else ""
    print(f"{arm['label']:28} {ours} points   {theirs}")

# %% [markdown]
# Nobody. All learn, and hardly a difference is beyond the noise of three runs; `PPO`,
# over tokens with λ = 1 as in the released code, gains least in both worlds. What
# follows for the paper?
#
# - Its REINFORCE++ wiped out credit at each answer of the world (lesson 04). That
#   column says nothing about the algorithm.
# - Its recipe for RLOO asks for groups of one. If its table was made so, RLOO had no
#   baseline at all. We do not know.
# - It has one seed and 100 games an entry. A share of 0.88 is known to 6 points then,
#   and how much runs differ is not known.
# - With the larger model PPO and RLOO come to the same in the small world, 0.98 and
#   0.97, and differ in the harder one, 0.72 and 0.47. *That* a critic could explain:
#   games are longer there, and few groups have both a win and a loss.
# - And pocket is far smaller than their model, and has read such games before. That
#   these four do equally well here does not show that they do so there.
#
# And which knob of PPO matters? The paper's Table 13 turns four: rate, price on KL,
# temperature and discount, in one world with one seed. Here they are turned one by one,
# in the mazes, with a value per turn and three seeds.
#
# **Predict:** which of the five changes helps, and which harms?

# %% tags=["expected"]
from toolkit.lessons.show import show_experiment

show_experiment("experiments/results/sensitivity.json")

# %% [markdown]
# The rate of learning, and nothing else that three runs could show: a third of it costs
# 9 points, three times as much brings 11. The paper agrees about the rate: doubled, it
# made 0.90 of 0.78. Its price on KL mattered as much, 0.78 with 0.01 against 0.43 with
# 0.001; here nothing of this shows, in 40 steps that lead no policy far away.
#
# A factor of 3 in the rate is worth more here than any two algorithms differ by. So
# whoever compares algorithms with one rate for all, as the last table did, may have
# compared rates.

# %% [markdown]
# ## What you can do now
#
# You can compute GAE over turns and over tokens, and you ask of a λ per what it is. You
# know that an explained variance of 0.2 may be all there is, what λ trades for what,
# and that a critic sees only what can be seen: a clock that runs out, and a coin on the
# screen.
#
# **An open question.** The critic reads what the agent reads. In training one could let
# it read more: the map, the place of the coin. It would foresee far more. Would the
# agent learn faster from it, or be praised for luck that it cannot repeat?
#
# **Open ends.** In section 5, make the corridor eleven rooms long: which λ is best now?
# In section 6, teach the critic with λ = 0.95 in place of what happened. In section 8,
# add `critic="separate"`, as the paper has it, and look at the time of a step.
#
# **Next:** [lesson 11](11_curriculum_and_generalisation.ipynb), should an agent begin
# with easy games, and what does it carry over to others?

# %% [markdown] tags=["guide"]
# ## Plan for 50 minutes
#
# - **0–12 min** Section 2 with pencil and paper: six surprises, their sum, three λ. Ask
#   for the sum before anybody adds it up.
# - **12–20 min** Section 3: per turn or per token? The table, then `chain_over_tokens`
#   as homework.
# - **20–30 min** Section 4: bets on the mark of the perfect critic, then the picture of
#   section 5, *How far off the values are*.
# - **30–43 min** Section 6: everybody draws two curves before the end-state is shown.
# - **43–50 min** Section 9: why did PPO win?
#
# ## Plan for 90 minutes
#
# - **0–15 min** Section 2, and the exercise `surprises`.
# - **15–28 min** Section 3, and `chain_over_tokens`.
# - **28–45 min** Sections 4 and 5, and `explained`.
# - **45–62 min** Section 6; start its cells while section 5 is discussed.
# - **62–70 min** Section 7 and `value_loss`.
# - **70–90 min** Sections 8 and 9: each row of students defends one arm of the last
#   picture before it is shown.
#
# ## What to show live
#
# - The table of section 6, *A won game in an unseen maze*, read aloud command by
#   command: the class says where the value will jump.
# - `EnvStepper("textworld/coin_collector-105-basic")`: play a maze in front and let the
#   class be the critic, one number before each turn, written on the board. Then compute
#   the surprises of the class.
# - `TrainingMonitor` on the folder of a run of section 8: explained variance and value
#   loss beside success.
#
# ## Common errors
#
# In `surprises` almost everybody takes the value of the next episode for what comes
# after a last turn; ask what a won game still has to offer. In `chain_over_tokens` the
# stub is the published mistake, with a factor. In talk, listen for "explained variance
# of 0.2 is bad", for a λ without its unit, and for "λ = 0 has no bias because it looks
# only one step ahead".
#
# ## Discussion
#
# **Why may a critic be wrong and training right?** With λ = 1 it is a baseline, and the
# end of the game always has its say. With λ below 1 its errors enter what is learnt.
#
# **Can the critic see a win before the coin is in sight?** Hardly: the maze is not
# known, and behind each door may be the coin or none. What it can see is time. A critic
# that remembers which doors are left would see a little more.
#
# **A group of eight games or a critic: which costs more?** The group costs games, the
# critic a network that has to learn first and its memory if it is separate. With games
# that cannot be repeated from the same start only the critic is left.
#
# **Did PPO win?** In the paper's table, with one seed. Which of the five reasons of
# section 9 would you test first, and what would it cost?
#
# ## Expected numbers
#
# Sections 2 and 3 are exact. The corridor is drawn with a fixed seed; the perfect
# critic's mark is 0.148 in the limit. In section 6, over four seeds of play (n = 4),
# 105 to 120 of the 240 games are won, the explained variance ends between 0.20 and 0.25
# on the mazes it learns from and between 0.05 and 0.18 on ten unseen ones; before the
# winning turn the critic expects 0.96 to 1.02 on the mean, one turn earlier 0.23 to
# 0.34; three turns before a defeat -0.04 to 0.12. Section 8 is six steps and 12 mazes:
# nothing of it can be told apart.
#
# ## Without a GPU or the internet
#
# The lesson needs neither. Sections 6 and 8 take most of its time; on slow machines
# stop before section 8 and read the stored outputs.
#
# ## Exam questions
#
# **1.** Rewards 0, 0, 1, values 0.2, 0.6, 0.5, no discount. Compute the advantages with
# λ = 0, 0.5 and 1.
#
# *Solution:* Surprises 0.4, -0.1, 0.5. λ = 0: these. λ = 0.5: 0.5; -0.1 + 0.25 = 0.15;
# 0.4 + 0.075 = 0.475. λ = 1: 0.8, 0.4, 0.5, the return minus each value.
#
# **2.** Somebody moves from a critic by turn with λ = 0.9 to one by token, commands
# have 5 tokens and games 12 turns, and leaves λ as it is. What happens to the first
# turn's share of a coin at the end?
#
# *Solution:* It was 0.9 to the 11th power, 0.31. Now it is 0.9 to the 59th, 0.002. λ
# would have to be the fifth root of 0.9, 0.979.
#
# **3.** The explained variance of a critic is 0.12 after 50 steps, and has been so for
# 30. Does it have to be improved? What would you look at?
#
# *Solution:* One cannot say: it may be all that can be foreseen. Look at its values
# over the turns of won and lost games, at what a perfect critic of a like world would
# get, and whether a run without it does worse.
