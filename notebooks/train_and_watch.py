# %% [markdown]
# # What does a training run look like from the inside?
#
# A workbench for watching. Here you can
#
# 1. **replay** a run that learns and one that does not, and see how they differ;
# 2. **train** a small model in mazes and watch it, stop it, ask it for an exam;
# 3. **go on** from a checkpoint with other settings.
#
# You need no GPU, no account and no download.
#
# Budget: a quarter of an hour of your time.

# %%
# Setup, safe to run again
try:
    from toolkit.lessons.start import start
except ImportError:
    # %pip install -q "multiturn-rl-toolkit[colab]==0.1.0"
    from toolkit.lessons.start import start

lesson = start("train_and_watch", seed=0)

# %% [markdown]
# ## A run that learns
#
# Two recordings ship with the package. Press **Play again**, or move the slider with
# the arrow keys. In the first, a small model is paid for rooms it had not seen and for
# the coin at the end. Look at three things: success rises, entropy does not fall to 0,
# and in the episode below some tokens are praised and others blamed.

# %%
from toolkit.widgets import TrainingMonitor

TrainingMonitor.replay("learns", speed=60)

# %% [markdown]
# ## A run that fails
#
# Same model, longer mazes, and pay for the coin alone. Before you read the red box:
# what do you expect of the gradient, if nobody ever finds a coin?

# %%
TrainingMonitor.replay("fails", speed=60)

# %% [markdown]
# All eight attempts at a maze earned 0, so none is better than another: every group is
# silent, and the loss is 0. More steps of this teach nothing. The box names the cause
# and what to try, the best first.
#
# ## Your own run
#
# Mazes of five rooms, as in the quickstart, and an exam before.

# %%
from toolkit import evaluate, load_policy, make_env, tasks

WORLD, BRIEF = "textworld/coin_collector-105-basic", {"goal": "brief"}
EXAM = {"samples": 2, "seed": 1, "workers": 0, "progress": False}
env, policy = make_env(WORLD, **BRIEF), load_policy("pocket", device="cpu")
games = tasks(WORLD, split="test", n=lesson.pick(smoke=20, t4=100, full=100), **BRIEF)
before = evaluate(policy, env, games, **EXAM)
print(before.headline)

# %% [markdown]
# In JupyterLab the next cell returns at once and trains in the background. While it
# runs, press **Pause** and **Resume**, **Evaluate now** (a diamond appears among the
# dots), or change the weight of a term of the reward. On Colab, in VS Code and wherever
# notebooks run without a page, the cell trains until it is done, and its ■ stops it.

# %%
monitor = TrainingMonitor.start(
    policy,
    env,
    n_tasks=200,
    credit="turn_return",
    reward="discovery",
    discount=0.7,
    learning_rate=7e-4,
    per_device_train_batch_size=32,
    live=32,
    max_steps=lesson.pick(smoke=12, t4=100, full=100),
    save_steps=10,
    seed=lesson.seed,
    output_dir="runs/watched",
)

# %% [markdown]
# `result()` waits for the end. The exam after is the same as before: the same mazes,
# none of which it was trained on.

# %%
from toolkit.lessons.show import show_success

run = monitor.result()
after = evaluate(run.policy, env, games, **EXAM)
show_success({"before": before, "after": after})

# %% [markdown]
# With so few steps and games the intervals overlap; `toolkit quickstart` takes five
# minutes and is clearer.
#
# ## Going on another way
#
# **Fork from here** shows code like this. The fork has the first ten steps of the run,
# and then goes its own way, here with a smaller learning rate. It is a run like any
# other: what happened before stands in its curves, and **F** marks where they part.

# %%
import shutil

from toolkit.training.forking import fork

shutil.rmtree("runs/watched-fork", ignore_errors=True)
changes = {"learning_rate": 2e-4}
TrainingMonitor(fork(run.folder, "runs/watched-fork", step=10, **changes))

# %% [markdown]
# ## Try this
#
# - `TrainingMonitor("runs/watched")` shows the run again, also in another notebook or
#   after the connection was lost: everything is in the folder.
# - Train with `reward="sparse"`. How many groups teach nothing in the first steps?
# - Train with `learning_rate=0.02`, and read what the diagnosis says after ten steps.
# - Go on with the fork: train as above, with `learning_rate=2e-4`,
#   `output_dir="runs/watched-fork"` and `resume=True`.
# - `monitor.to_csv("numbers.csv")` keeps the numbers of all curves.
