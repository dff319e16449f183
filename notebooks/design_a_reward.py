# %% [markdown]
# # What would this reward teach?
#
# A workbench: games are played once, and then you weigh what they are paid for. Here
# you
#
# 1. **move** a slider and see at once what every episode earns, and which turns and
#    tokens would be praised or blamed;
# 2. **find** the games that teach nothing, and the losses that are paid like wins,
#    before any training;
# 3. **take** the reward away as code, and train with it.
#
# Lessons 03 and 04 explain the terms and the credits; you can play without them.
#
# Budget: a quarter of an hour of your time.

# %%
# Setup, safe to run again
try:
    from toolkit.lessons.start import start
except ImportError:
    # %pip install -q "multiturn-rl-toolkit[colab]==0.1.0"
    from toolkit.lessons.start import start

lesson = start("design_a_reward", seed=0)

# %% [markdown]
# ## 1. Games, played once
#
# A small model, pocket, looks for a coin in a maze, each maze eight times. The games
# are recorded; all that follows is computed from the record.

# %%
from toolkit import collect, load_policy, make_env, tasks

MAZE = "textworld/coin_collector-105-basic"
G = 8
policy = load_policy("pocket")
env = make_env(MAZE, goal="brief")
games = tasks(MAZE, split="train", n=lesson.pick(smoke=4, t4=16, full=60), goal="brief")
how = {"workers": 0, "progress": False, "seed": lesson.seed}
played = collect(policy, env, games, group_size=G, **how)
print(f"{sum(e.won for e in played)} of {len(played)} games won")

# %% [markdown]
# ## 2. The panel
#
# `success` pays the win, `discovery` a little for every new room, `step_cost` charges
# every turn. Move a slider with the mouse, or focus it and press the arrows.
#
# - **Games**: discs are wins and crosses are losses, by what they earn. Where all earn
#   the same, nothing is learnt: the game is *silent*.
# - **Episodes** of the chosen game: what each term pays, the sum (the line), the rank.
# - **Turns** and **tokens** of the chosen episode, under four kinds of credit. What the
#   world wrote is hatched; it is not trained on.

# %%
from toolkit.widgets import RewardDesigner

dense = {"success": 1.0, "discovery": 0.3, "step_cost": 0.01}
designer = RewardDesigner(played, dense, tokenizer=policy.tokenizer)
designer

# %% [markdown]
# Everything that the panel does can be said in Python, too. Without `discovery` and
# `step_cost` only the win is paid: look at the mazes that were always lost.

# %%
sparse = RewardDesigner(played, "sparse")
for name, panel in (("dense", designer), ("sparse", sparse)):
    fact = panel.view["facts"][0]
    print(f"{name}: {fact['name']}: {fact['now']}")

# %% [markdown]
# ## 3. When losing pays more than winning
#
# Somebody wants the agent to look around, and pays 0.2 for each turn whose command was
# understood. It sounds harmless. A term of your own takes these lines, and it has a
# slider like any other.

# %%
from toolkit.rewards import turn_term


@turn_term
def understood(turn):
    return turn.info["valid_action"]


reward = {"success": 1.0, "understood": 0.2}
trap = RewardDesigner(played, reward, tokenizer=policy.tokenizer)
trap

# %% [markdown]
# The panel warns, and begins with the loss that is paid best. A player who walks about
# until the turns are used up earns more than one who takes the coin, and waiting would
# be paid as well. Look at the advantages of that loss: under GRPO all its turns are
# praised. It would teach to lose.

# %%
for warning in trap.view["warnings"]:
    print("-", warning["text"])

# %% [markdown]
# Two ways to mend it. Make the weight so small that no number of turns is worth a win
# (15 turns, so below 1/15); or *charge* what is unwanted instead of paying for what is
# wanted in every turn, which is what `invalid_action` does.


# %%
def tell(panel):
    print(panel.mix, "-", panel.view["facts"][2]["now"], "losses are paid like a win")
    for warning in panel.view["warnings"]:
        print("  but:", warning["text"])


trap.set_weight("understood", 0.03)
tell(trap)
trap.remove("understood")
trap.add("invalid_action", 0.2)
tell(trap)

# %% [markdown]
# With a small weight no loss is paid like a win, and still a turn without effect is
# paid. The charge is sound.
#
# ## 4. Take it with you
#
# `designer.mix` is the reward that the panel shows, and `designer.to_code()` the code
# that makes it. Both give the numbers that you saw.

# %%
print(trap.to_code())

# %% [markdown]
# It is what `train` takes. A few steps, so that you see it run; learning takes more.

# %%
from toolkit import train

run = train(
    policy,
    env,
    tasks=games,
    reward=trap.mix,
    discount=trap.discount,
    num_generations=G,
    per_device_train_batch_size=2 * G,
    learning_rate=7e-4,
    max_steps=lesson.pick(smoke=2, t4=40, full=100),
    seed=lesson.seed,
    output_dir=f"runs/{lesson.name}",
    save_strategy="no",
)
print(f"{run.step} steps, paid by {trap.mix}")

# %% [markdown]
# ## Try this
#
# - In the trap of section 3: what is the largest weight of `understood` at which no
#   loss is paid like a win? And at which does waiting no longer pay?
# - Set the discount to 0.9 under `sparse`. Which games begin to teach, and which
#   credits notice?
# - Move `density` from 1 to 0. Two of the four credits do not change. Which, and why?
# - Add a term with a negative weight until the weights cancel. What does the panel say?
# - Bring your own: `RewardDesigner(load_episodes("played.jsonl"), "dense")`. Games
#   that you played yourself in `EnvStepper` have turns, but no tokens.
# - Write a term for `Episode` with `toolkit.rewards.term` that pays for coming back to
#   a room. Does `check_reward` find what is wrong with it?
