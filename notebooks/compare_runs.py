# %% [markdown]
# # Where do two runs part?
#
# Two numbers say which of two policies is better, and nothing of why. Here you can
#
# 1. **compare** two runs fairly: curves, held-out success with intervals, and a test on
#    the games that flipped;
# 2. **read** one of these games side by side, folded where both did the same, and play
#    on by hand from where they part;
# 3. **look** at single episodes down to the tokens, with their advantages.
#
# You need no GPU, no account and no download. Bring your own runs later: all that is
# used here are episodes and folders of runs.
#
# Budget: a quarter of an hour of your time.

# %%
# Setup, safe to run again
try:
    from toolkit.lessons.start import start
except ImportError:
    # %pip install -q "multiturn-rl-toolkit[colab]==0.1.0"
    from toolkit.lessons.start import start

lesson = start("compare_runs", seed=0)

# %% [markdown]
# ## Two runs
#
# Mazes of ten rooms with a coin at the end, 15 turns, and `pocket`, a model of a
# million parameters. One run is paid for each room that is new to it, the other for
# the coin alone. The exam is the same for all: held-out mazes, the same seed.

# %%
from toolkit import evaluate, load_policy, make_env, tasks, train
from toolkit.environments.games import generate

MAZE, RULES = "textworld/coin_collector-105-basic", {"goal": "brief"}
world = make_env(MAZE, **RULES)
practice = tasks(MAZE, n=lesson.pick(smoke=40, t4=200, full=200), **RULES)
games = lesson.pick(smoke=16, t4=100, full=100)
exam = tasks(MAZE, split="validation", n=games, **RULES)
generate([*practice, *exam], progress=False)

EXAM = {"seed": 1, "workers": 0, "progress": False}
before = evaluate(load_policy("pocket"), world, exam, **EXAM)

# %% [markdown]
# Six steps teach little; they are enough to see what is to be seen. The rule of credit
# praises a turn for what came after it, so only the pay differs.

# %%
HOW = {
    "credit": "turn_return",
    "discount": 0.7,
    "learning_rate": 7e-4,
    "num_generations": 8,
    "per_device_train_batch_size": 32,
    "live": 32,
    "max_steps": lesson.pick(smoke=6, t4=100, full=100),
    "seed": lesson.seed,
    "save_strategy": "no",
    "progress": False,
}


def learn(reward):
    folder = f"runs/{lesson.name}/{reward}"
    how = HOW | {"tasks": practice, "reward": reward, "output_dir": folder}
    return train(load_policy("pocket"), world, **how)


runs = {"discovery": learn("discovery")}

# %%
runs["sparse"] = learn("sparse")

# %% [markdown]
# First the curves: how many of the games they *practised* on were won. A folder does as
# well as a run, so yesterday's run can stand beside today's:
# `show_runs({"today": run, "yesterday": "runs/compare_runs/sparse"})`.

# %%
from toolkit.lessons.show_runs import show_flips, show_runs

show_runs(runs)

# %% [markdown]
# ## Who is better?
#
# The exam decides, and its intervals say how far to trust it.

# %%
from toolkit.lessons.show import show_success

after = {name: evaluate(r.policy, world, exam, **EXAM) for name, r in runs.items()}
show_success({"before": before, **after})

# %% [markdown]
# Both sat the same exam, so the games can be paired. That is a sharper test than two
# bars: games that both won or both lost cannot tell them apart, only those that flipped
# can. How many flips the other way would make you doubt?

# %%
from toolkit import compare

show_flips(compare(before, after["discovery"]))

# %% [markdown]
# ## Where do they part?
#
# One of these games, before and after. What both did is folded; `n` and `p` go from
# difference to difference. Under the words stands how probable each token was
# to both models. **Play on** opens the game at the turn they part: can you do better?

# %%
from toolkit.widgets import EpisodeCompare

model = runs["discovery"].policy
SHOW = {"tokenizer": model.tokenizer, "policy": model}
pair = EpisodeCompare.before_after(before, after["discovery"], **SHOW)
pair

# %% [markdown]
# Against somebody who knows the way: an expert with the map. (To sit the exam yourself,
# play `game = EnvStepper(world, task=maze)` and pass `game.episode` instead.)

# %%
from toolkit import collect
from toolkit.policies.scripted import ExpertPolicy

maze = pair.sides.episodes[0].task
QUIET = {"workers": 0, "progress": False}
(expert,) = collect(ExpertPolicy(), world, [maze], **QUIET)
EpisodeCompare(expert, pair.sides.episodes[1], names=("expert", "model"), **SHOW)

# %% [markdown]
# Best against worst of one group, as training sees them: eight attempts at one maze by
# the same model.

# %%
group = collect(model, world, practice[:1], group_size=8, seed=2, **QUIET)
EpisodeCompare.best_worst(group, **SHOW)

# %% [markdown]
# ## Down to the tokens
#
# One episode of that group. What the world wrote is hatched: nothing of it is trained
# on. Each token of the model has its advantage, under two ways to give credit; the
# colours can also show how sure it was.

# %%
from toolkit.rewards import Mix
from toolkit.training.credit import grpo, turn_return
from toolkit.widgets import EpisodeView

paid = Mix({"discovery": 1}).score(group).turn_rewards
credits = {
    "turn_return": turn_return(paid, group_size=8, discount=0.7)[0],
    "grpo": grpo(paid, group_size=8, discount=0.7)[0],
}
EpisodeView(group[0], credits, tokenizer=model.tokenizer)

# %% [markdown]
# ## Try this
#
# - Compare the two runs: `compare(after["sparse"], after["discovery"])`.
# - Find a game that was won *before* and lost after: `compare(…).flips[-1]`. Where does
#   the trained model go wrong?
# - Look where the advantages of the two credits have different signs. Which of them do
#   you believe?
# - Compare four attempts at once: `EpisodeCompare(*group[:4])`.
# - Read recorded episodes from a file: `load_episodes("played.jsonl")`.
