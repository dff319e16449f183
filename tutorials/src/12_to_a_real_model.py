# %% [markdown]
# # What does it take to train a model of real size?
#
# Everything so far was learnt by a model with 0.7 million weights. One that writes
# English has 200 to 10,000 times as many, and needs a GPU that is rented by the hour.
# When you are through, you can
#
# 1. **compute** whether a run fits a GPU, part by part, before any of it is spent;
# 2. **choose** precision, adapters, batch and live episodes, and say what each costs;
# 3. **resume** a run that was killed, and spread one over several GPUs.
#
# You need lessons 00 and 05. You need no GPU, no account and no download: what needs
# one is counted instead of run, and the last section is what you take to a GPU.
#
# ![Memory of four models in parts, with all weights trained and with adapters, against
# lines for three GPUs: with all weights, the largest fits none of them](end-state)
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

lesson = start("12_to_a_real_model", seed=0)

# %% [markdown]
# ## 2. Bytes, by hand
#
# What is kept of *one* weight that is trained? The weight, its gradient, and two
# numbers of AdamW: a running mean of the gradient and one of its square. In fp32 a
# number has 4 bytes, in fp16 and bf16 it has 2.
#
# *Mixed precision* holds the weights in fp32, the *master copy*, and computes in 16
# bits, with a copy made for it. *LoRA* freezes the weights, in 16 bits, and trains thin
# matrices beside them, here one weight for each hundred frozen ones. *QLoRA* freezes
# them in 4 bits.
#
# **Predict:** which of the five has the longest bar? By which factor does LoRA beat it?

# %%
from toolkit.lessons.show_parts import show_parts

adapter = {"gradient": 0.04, "AdamW": 0.08, "16-bit copy": 0.02}
PER_WEIGHT = {
    "fp32": {"weight": 4, "gradient": 4, "AdamW": 8},
    "mixed": {"weight": 4, "gradient": 4, "AdamW": 8, "16-bit copy": 2},
    "all in bf16": {"weight": 2, "gradient": 2, "AdamW": 4},
    "LoRA": {"weight": 2.04, **adapter},
    "QLoRA": {"weight": 0.60, **adapter},
}
show_parts({"": PER_WEIGHT}, title="Memory of one weight", unit="bytes")

# %% [markdown]
# Mixed precision is *more* than fp32: what it saves are activations and time. The third
# bar looks like the bargain; section 4 shows why it is none. LoRA is 8 times smaller
# than mixed, since only what learns needs three more numbers.
#
# **Predict:** SmolLM2-135M has 134.5 million weights, Qwen2.5-7B has 7,616 million. How
# many GiB is each in mixed precision, all weights trained? An A100 has 79.

# %% tags=["nbval-check-output"]
GIB = 2**30
SIZES = {"SmolLM2-135M": 134.5e6, "Qwen2.5-7B": 7616e6}
for name, weights in SIZES.items():
    for how in ("mixed", "LoRA", "QLoRA"):
        each = sum(PER_WEIGHT[how].values())
        print(f"{name:13} {how:6} {weights * each / GIB:6.1f} GiB")

# %% [markdown]
# ### What an agent remembers
#
# While it plays, a model keeps a *key* and a *value* of every token it has read, in
# every layer, so that nothing is read twice. For one token that is
#
# ```text
# 2 (key and value) x layers x heads of keys and values x numbers in a head x bytes
# ```
#
# An episode of many turns has thousands of tokens, and many episodes are live at once.
#
# **Predict:** Qwen2.5-0.5B has nearly four times the weights of SmolLM2-135M. Whose
# tokens are dearer?

# %% tags=["nbval-check-output"]
from toolkit.training.memory import SHAPES

QWEN = [f"Qwen/Qwen2.5-{size}-Instruct" for size in ("0.5B", "1.5B", "7B")]
MODELS = ["smollm2-135m", *QWEN]
for name in MODELS:
    shape = SHAPES[name]
    layers, heads = shape["num_hidden_layers"], shape["num_key_value_heads"]
    size = shape["hidden_size"] // shape["num_attention_heads"]
    token = 2 * layers * heads * size * 2  # 16 bits
    episodes = 64 * 3072 * token / GIB
    print(
        f"{name:26} {layers} layers x {heads} heads x {size:3}: {token:6,} bytes a "
        f"token, {episodes:5.2f} GiB for 64 episodes of 3,072"
    )

# %% [markdown]
# The smaller model's. Qwen lets seven heads share one key and value, SmolLM2 only
# three, and it has more layers. The cache follows the shape, not the size.

# %% [markdown]
# ## 3. Counted before it is spent
#
# `plan_memory` does this for a whole run, and does not estimate where it can count: it
# builds the model from its shape with tensors that have sizes and no contents, runs one
# layer and two, and sees what each further layer keeps for the backward pass. It needs
# neither the weights nor a GPU.

# %%
from toolkit.training.memory import plan_memory

GPUS = {"T4": 14.6, "L4": 22, "A100": 79}  # GiB that are there to use


def plan(model, rows=8, lora=None, checkpointing=True):
    return plan_memory(
        model,
        rows=rows,  # episodes of one backward pass
        tokens=3072,  # of a whole episode, what the world says among them
        live=32,  # episodes played at the same time
        precision="bf16",
        lora=lora,
        gradient_checkpointing=checkpointing,
    )


plan("smollm2-135m")

# %% [markdown]
# Playing and learning come one after the other, so that the larger of the two counts.
# *Activations* are what the forward pass keeps for the backward pass. With
# *checkpointing* only what enters each layer is kept and the rest is computed again,
# which makes the update slower. The *head* turns states into probabilities of words,
# and is computed in tiles.
#
# A GPU sold with 16, 24 or 80 GB shows a little less, which is what the lines say. The
# last part of a bar is what the GPU takes for itself; that alone is an allowance.
#
# **Predict:** which of the eight bars fit a T4?

# %% tags=["end-state", "expected"]
NAMES = {name.split("/")[-1].removesuffix("-Instruct"): name for name in MODELS}


def bars(lora):
    plans = {short: plan(name, lora=lora) for short, name in NAMES.items()}
    return {
        short: {part: size / GIB for part, size in found.parts.items()}
        for short, found in plans.items()
    }


panels = {"All weights trained": bars(None), "Adapters (LoRA, rank 16)": bars(True)}
show_parts(panels, lines=GPUS, title="Memory of a run", unit="GiB")

# %% [markdown]
# Four: SmolLM2 above, and all but the largest below. With all weights trained,
# weights, gradients and AdamW rule: 0.5B misses the T4 by a hair, and 7B is twice an
# A100. With adapters, gradients and AdamW have all but gone, and frozen weights and
# activations are left: the 7B model is too large for an L4, and easy for an A100.
#
# One bar has no activations in it, but a cache. There the moment when most is held is
# while *playing*: fewer live episodes would help, a smaller batch would not. Of course
# it is the model whose tokens are dear.

# %% [markdown]
# ### The largest batch
#
# **Predict:** Qwen2.5-1.5B with adapters. How many rows of 3,072 tokens has a backward
# pass room for on a T4, and on an L4? And without checkpointing?

# %% tags=["expected"]
BIG = "Qwen/Qwen2.5-1.5B-Instruct"


def by_rows(counts, checkpointing):
    plans = {n: plan(BIG, n, lora=True, checkpointing=checkpointing) for n in counts}
    return {
        f"{n}": {part: size / GIB for part, size in found.parts.items()}
        for n, found in plans.items()
    }


panels = {
    "Rows, with checkpointing": by_rows((4, 8, 16, 24, 32), True),
    "Rows, all is kept": by_rows((1, 2, 4), False),
}
show_parts(panels, lines=GPUS, title="Qwen2.5-1.5B with adapters", unit="GiB")

# %% [markdown]
# 16 on a T4 and 24 on an L4 with checkpointing, one without. Only one part grows with
# the rows. And from 4 rows down nothing is saved any more: there the cache of the 32
# live episodes is the larger of the two moments.
#
# A step need not be one backward pass. `gradient_accumulation_steps=8` adds up eight
# passes of 4 rows, and the step learns from 32 episodes: memory is that of 4, time that
# of 32. So the batch that learning needs and the batch that memory allows are two
# numbers, and only the second is the GPU's.
#
# **Change one thing:** add `quantize=True` in `plan`, and predict first. The weights
# are halved, and yet with 8 rows the 1.5B model needs 0.7 GiB *more*: what is not held
# in 4 bits is held in fp32, and the activations grow with it. The 7B model gains 2.3.

# %% [markdown]
# ## 4. What 16 bits lose
#
# Between 1 and 2 there are 8 million fp32 numbers, 1,024 in fp16 and 128 in bf16. A
# weight of 0.02 gets a thousand updates of 0.00001; it should arrive at 0.03.
#
# **Predict:** where does it arrive in fp16, and where in bf16?

# %% tags=["expected"]
import torch

from toolkit.lessons.show import show_curves


def walk(dtype):
    weight, path = torch.tensor(0.02, dtype=dtype), []
    for _ in range(1000):
        path.append(weight.item())
        weight += 1e-5
    return [*path[::50], weight.item()]


TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
show_curves(
    {name: walk(dtype) for name, dtype in TYPES.items()},
    x=range(0, 1001, 50),
    x_name="updates",
    title="One weight",
)

# %% [markdown]
# In bf16 the next number after 0.02 is 0.00012 away, and each update is rounded off:
# the weight never moves, and no error is raised. In fp16 each is rounded *up*, to one
# and a half times its size; at 0.0312 numbers are twice as far apart, and it stops,
# too. This is why trained weights stay in fp32, and why the bar "all in bf16" was no
# bargain.
#
# fp16 has finer steps than bf16, and pays with its range.
#
# **Predict:** what do 70,000 and a gradient of 0.00000001 become?

# %% tags=["nbval-check-output"]
for number in (70_000.0, 1e-8):
    found = {name: torch.tensor(number).to(d).item() for name, d in TYPES.items()}
    print(", ".join(f"{name} {value:g}" for name, value in found.items()))

# %% [markdown]
# fp16 overflows above 65,504, and small gradients become 0. So training in fp16 scales
# the loss up before the backward pass, and the gradient down after it; a step whose
# gradient overflows is left out. bf16 has the range of fp32 and needs none of this, but
# a T4 cannot compute it: PyTorch emulates it there, slowly. The toolkit looks at the
# GPU, and decides:

# %% tags=["nbval-check-output"]
from toolkit.device import precision_for

for gpu, capability in {"T4": (7, 5), "L4": (8, 9), "A100": (8, 0)}.items():
    chosen = precision_for("cuda", capability)
    print(f"{gpu:4} {chosen.name}: {chosen.reason}")

# %% [markdown]
# ### Two who disagree
#
# A token is sampled with one probability and, when it is learnt from, scored with
# another if the two computations round differently. A policy gradient takes them for
# the same. Here pocket plays in fp32, and its words are scored again in each format.

# %%
from toolkit import collect, load_policy, make_env, tasks
from toolkit.training.packed import pack, score

MAZE = "textworld/coin_collector-105-basic"
env = make_env(MAZE, goal="brief")
games = tasks(MAZE, split="train", n=16, goal="brief")
pocket = load_policy("pocket", device="cpu")
how = {"workers": 0, "progress": False, "seed": lesson.seed}
played = collect(pocket, env, games, **how)


def gaps(model, episode):
    """Log-probability now minus that at play, of each sampled token."""
    mask = [
        (ids is turn.action_ids) * 1
        for turn in episode.turns
        for ids in (turn.observation_ids, turn.action_ids)
        for _ in ids
    ]
    ids = torch.tensor([episode.ids])
    rows = pack(ids, torch.ones_like(ids), torch.tensor([mask]))
    with torch.no_grad():
        now, _ = score(model, rows)
    return now - torch.tensor([p for turn in episode.turns for p in turn.logprobs])


# %% [markdown]
# **Predict:** an episode has about 36 sampled tokens. In bf16, how far is a token off
# on average, and by which factor is the probability of the *whole* episode?

# %% tags=["expected"]
for name, dtype in TYPES.items():
    model = load_policy("pocket", device="cpu").model.to(dtype)
    found = [gaps(model, episode) for episode in played]
    every = torch.cat(found).abs()
    ratio = torch.stack([gap.sum() for gap in found]).exp()
    print(
        f"{name}: off by {every.mean():.1g} nats on average, at most {every.max():.1g};"
        f" episodes {ratio.min():.2f} to {ratio.max():.2f} times as likely"
    )

# %% [markdown]
# A token is off by thousandths, and an episode by 10 % and more, because the gaps of
# its tokens add up: the longer the episode, the further. Every run reports the gap as
# `sampling/sampling_logp_difference/mean`. Watch it: here it is below 0.000001, as
# sampler and trainer compute in one format.

# %% [markdown]
# ## 5. Adapters
#
# LoRA puts beside a layer with `in` inputs and `out` outputs a way over `r` units: two
# matrices with `r x in` and `out x r` weights. The second begins with zeros, so that
# nothing changes at the start.
#
# **Predict:** rank 16 on all layers. Which share of pocket's weights is trained, and
# which share of a model of 7,616 million?

# %% tags=["expected", "nbval-check-output"]
learner = load_policy("pocket", lora=True, device="cpu")
trained, held = learner.model.get_nb_trainable_parameters()
print(f"{'pocket':12} {trained / 1e6:6.2f} of {held / 1e6:8,.1f} million, "
      f"{trained / held:.1%}")  # fmt: skip
for short, name in NAMES.items():
    found = plan(name, rows=1, lora=True)
    print(f"{short:12} {found.trained / 1e6:6.2f} of {found.parameters / 1e6:8,.1f} "
          f"million, {found.trained / found.parameters:.1%}")  # fmt: skip

# %% [markdown]
# An adapter grows with `in + out`, a layer with `in x out`: adapters are for large
# models. Pocket would rather be trained whole. For the sake of it, one real step, with
# a price on leaving the start (`beta`, lesson 05). That price needs the start, a second
# copy of the model, to compare with.
#
# **Predict:** which files does this run write? Which weights will have moved?

# %% tags=["expected"]
from toolkit import train

MICRO = {"n_tasks": 20, "per_device_train_batch_size": 16, "num_generations": 8}
QUIET = {"live": 16, "workers": 0, "progress": False, "use_cpu": True}
frozen = {n: p.clone() for n, p in learner.model.named_parameters()}
folder = f"runs/{lesson.name}"
ONE = {"max_steps": 1, "beta": 0.01, "learning_rate": 1e-3, "warmup_steps": 0}
run = train(learner, env, output_dir=f"{folder}/lora", **ONE, **MICRO, **QUIET)

weights = learner.model.named_parameters()
moved = {name for name, p in weights if not torch.equal(p, frozen[name])}
pocket.save(f"{folder}/whole-model")
saved = run.folder / "policy" / "adapter_model.safetensors"
full = run.folder.parent / "whole-model" / "model.safetensors"
print(f"moved: {len(moved)}, all in adapters:", all("lora" in name for name in moved))
print(f"saved: {saved.stat().st_size:,} bytes instead of {full.stat().st_size:,}")
print("a copy of the start on disk:", (run.folder / "reference").exists())

# %% [markdown]
# One of the two matrices of each adapter has moved: as long as the second is all zeros,
# the first gets no gradient. And there is no copy of the start, though `beta` asks for
# one. The start is the same model with its adapters switched off:

# %% tags=["nbval-check-output"]
text = torch.tensor([played[0].ids])
with torch.no_grad():
    begun, now = pocket.model(text).logits, learner.model(text).logits
    with learner.model.disable_adapter():
        off = learner.model(text).logits
print("with adapters off it is the start:", torch.equal(off, begun))
print("with adapters on it is not:", not torch.equal(now, begun))

# %% [markdown]
# Without adapters, `beta` costs the weights once more.

# %% [markdown]
# ## 6. Where the time goes
#
# A step of reinforcement learning plays, scores and updates. The run below is described
# by a file, as one on a rented GPU would be; we shall kill it later.
#
# **Predict:** for pocket on this machine, which share of a step is playing: choosing
# words and waiting for worlds?

# %% tags=["expected"]
from pathlib import Path

import yaml

from toolkit.training.events import steps_of
from toolkit.training.run import train_from_file


def write(name, **changes):
    settings = {"env": MAZE, "env_params": {"goal": "brief"}, "policy": "pocket"}
    settings |= {"max_steps": 5, "save_steps": 2, **MICRO, **QUIET, **changes}
    path = Path(folder) / f"{name}.yaml"
    path.write_text(yaml.safe_dump(settings | {"output_dir": f"{folder}/{name}"}))
    return path


whole = train_from_file(write("whole"))
steps = steps_of(whole.events, "step")[1:]  # the first one warms up
KINDS = {"policy_s": "words", "env_s": "worlds", "loss_s": "loss"}
KINDS |= {"update_s": "backward and update", "other_s": "rest"}
total = sum(step["seconds"] for step in steps)
shares = {n: 100 * sum(s[key] for s in steps) / total for key, n in KINDS.items()}
show_parts({"": {"pocket": shares}}, title="Time of a step", unit="%")

# %% [markdown]
# Playing is most of a step even here. A large model makes words one at a time, each for
# a pass over all of its weights, whereas it learns from all words of an episode at
# once; playing then leaves most of the GPU idle, and the less so the more episodes are
# live.
#
# ### Where vLLM comes in, and what it changes
#
# [vLLM](https://docs.vllm.ai) is an engine that does nothing but generate. It packs the
# cache into pages, so that little of it is lost to gaps, starts a new episode wherever
# one ends, and finds what it has read before by its beginning. TRL can sample with it
# (`use_vllm`), beside the trainer on the same GPU or on GPUs of its own.
#
# - **Its own log-probabilities.** It computes with other kernels, often in another
#   format: section 4. So the loss weighs each token by the ratio of both, the
#   *importance correction*, with an upper limit. TRL's default drops an episode whose
#   ratio *as a whole* is above 3. For one short reply that is rare; for an episode of
#   many turns the gaps add up, and long episodes would be dropped for being long.
#   `vllm_importance_sampling_mode="token_truncate"` limits each token by itself.
# - **Weights travel.** After each step it needs the new ones.
# - **Turns.** An episode comes back to it in every turn. What was read is found again
#   only if the tokens are the *same ones*: texts that are cut anew may be cut
#   otherwise, as lesson 01 showed.
#
# **What was not run.** This toolkit plays with a sampler of its own, which keeps the
# cache over turns (3 to 10 times faster than reading all again, see the README), and
# refuses `use_vllm`. Neither vLLM nor any GPU was used for this lesson: what you read
# about them here is their documentation, and no number of this lesson is about them.

# %% tags=["nbval-check-output"]
from toolkit.errors import ConfigError
from toolkit.training.settings import make_config

try:
    make_config(use_vllm=True)
except ConfigError as error:
    print(error)

# %% [markdown]
# ## 7. When the line is cut
#
# Notebooks on rented machines end when a lid is closed, and cheap machines are taken
# away in the middle of a step. So here is the same run again, in a process of its own.
# It saves every second step; when the third is done we kill it, with a signal that
# nobody can catch.

# %% tags=["expected"]
import shutil
import subprocess
import sys
import time

from toolkit.training.events import read_events

shutil.rmtree(f"{folder}/cut", ignore_errors=True)
cut, events = write("cut"), Path(folder) / "cut" / "events.jsonl"


def has_done(step):
    return any(e["event"] == "step" and e["step"] >= step for e in read_events(events))


command = [sys.executable, "-m", "toolkit.cli", "train", str(cut)]
nobody = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
process = subprocess.Popen(command, **nobody)
while process.poll() is None and not has_done(3):
    time.sleep(0.05)
process.kill()
print("ended by signal", -process.wait())
print([f"{e['event']} {e['step']}" for e in read_events(events)][-4:])

# %% [markdown]
# No farewell in the record: it just ends. `toolkit train cut.yaml`, said once more,
# finds the last checkpoint and goes on; `train_from_file` is the same from Python.
#
# What must not happen is that it goes on with other settings and nobody notices.
#
# **Predict:** we try to go on with another learning rate.

# %% tags=["nbval-check-output"]
try:
    train_from_file(cut, ["--learning_rate", "0.001"])
except ConfigError as error:
    print(error)

# %% [markdown]
# Longer it may become, saved more often, or written elsewhere; what is learnt must stay
# what it was.
#
# **Predict:** the third step was done and is lost. Will it be played again with the
# same games? With the same words? Will the final weights be those of the run that
# nobody killed?

# %% tags=["expected"]
resumed = train_from_file(cut)
won = {
    name: [rollout["success"] for rollout in steps_of(run.events, "rollout")]
    for name, run in (("never killed", whole), ("killed, resumed", resumed))
}
show_curves(won, x=range(5), x_name="steps done", title="Games won", unit="%")

# %% tags=["nbval-check-output"]
pairs = zip(
    whole.policy.model.parameters(), resumed.policy.model.parameters(), strict=True
)
print("same games won:", won["never killed"] == won["killed, resumed"])
print("same weights, bit by bit:", all(torch.equal(a, b) for a, b in pairs))

# %% [markdown]
# Two curves, one line. A checkpoint holds weights, AdamW's numbers and the place in
# the schedule; which games come next and every draw of chance follow from seed and
# step, and need not be saved. That is exact on a CPU. On a GPU sums are added in
# changing order, and runs agree only nearly.

# %% [markdown]
# ## 8. Several GPUs
#
# `accelerate launch` starts one process for each GPU, each with the whole model and
# optimizer:
#
# ```bash
# accelerate launch --num_processes 8 -m toolkit.cli train run.yaml
# ```
#
# A process plays *its own games*, scores them and computes a gradient; the gradients
# are averaged, and all take the same step. So eight GPUs do not make a larger model
# fit. They make the batch eight times as large: `per_device_train_batch_size` is what
# it says. To keep the batch, divide `gradient_accumulation_steps` by eight.
#
# A group is compared within itself, so it must lie on one process, whole. 12 rows are
# no whole groups of 8, and are refused. So they are on two processes: 24 rows would be
# three groups, but one of them would lie half on either.

# %% tags=["nbval-check-output"]
try:
    make_config(per_device_train_batch_size=12, num_generations=8)
except ConfigError as error:
    print(error)

# %% [markdown]
# Two processes on this machine, each with one group of 8, and one step. On CPUs
# `accelerate launch` would want MPI, so PyTorch's own launcher starts them; on GPUs the
# command above does. Beside it one process that adds up two passes of 8.
#
# **Predict:** do the two play the same games as the one? Do they win the same ones?

# %% tags=["expected"]
shutil.rmtree(f"{folder}/two", ignore_errors=True)
small = {"max_steps": 1, "per_device_train_batch_size": 8, "steps_per_generation": 1}
two = write("two", **small)
one = write("one", gradient_accumulation_steps=2, **small)
launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
command = [sys.executable, *launch, "-m", "toolkit.cli", "train", str(two)]
subprocess.run(command, check=True, timeout=300, **nobody)


def groups_of(events):
    return [group for e in events if e["event"] == "rollout" for group in e["groups"]]


pair = groups_of(read_events(Path(folder) / "two" / "events.jsonl"))
alone = groups_of(train_from_file(one).events)
for group in pair:
    print(f"{group['task']}: {sum(group['won'])} of {len(group['won'])} won")
print("as one process did:", pair == alone)

# %% [markdown]
# One group each, with the same wins in the same number of turns: chance comes from the
# seed and the place of a row, not from the process it is on. Two processes are two
# passes that run at once. One of them writes events, checkpoints and the policy; `live`
# and the memory plan are for each, and the CPU cores that run worlds are shared by all.

# %% [markdown]
# ## 9. To take along
#
# - [ ] `toolkit doctor` on the machine: is the GPU seen, in which precision?
# - [ ] `plan_memory` for the longest episode you allow, and 10 % to spare.
# - [ ] Play 20 games with the *untrained* model, and read three of them. Does it answer
#   in commands at all? One that never wins has silent groups only (lesson 06): show it
#   an expert first.
# - [ ] One step, then look: `gpu_memory` in the event beside the plan,
#   `sampling_logp_difference`, and the shares of section 6.
# - [ ] `save_steps` so that a lost machine costs minutes, `output_dir` on a disk that
#   stays, such as a mounted drive. Kill it once on purpose.
# - [ ] The same held-out games before and after, 100 at least, and more than one seed.
#
# The cell below is the list as code. On the smoke profile it rehearses with pocket, one
# step of everything. On `t4` it takes SmolLM2-135M, on `full` Qwen2.5-0.5B with
# adapters, from the hub, with rates as in `experiments/scales`. A GPU chooses `t4` by
# itself, and `TOOLKIT_PROFILE=full` the other. **Neither of these two has been run on a
# GPU by us**: they are where you begin, not what came out.

# %%
from toolkit import evaluate
from toolkit.policies.scripted import ExpertPolicy
from toolkit.training.imitation import ImitationConfig, demonstrate, imitate

MODEL, LORA, SHOWN, STEPS, EXAM, RATE = lesson.pick(
    smoke=("pocket", None, 4, 1, 8, 1e-4),
    t4=("smollm2-135m", None, 200, 50, 100, 1e-6),
    full=("Qwen/Qwen2.5-0.5B-Instruct", True, 200, 200, 100, 1e-5),
)
BATCH = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 2}
BATCH |= {"num_generations": 8, "live": 16, "max_completion_length": 2048}
BATCH |= {"workers": lesson.pick(smoke=0, t4=None, full=None), "save_steps": 10}
needed = plan_memory(
    MODEL,
    rows=8,
    tokens=2048,
    live=16,
    precision=lesson.precision,
    lora=LORA,
    gradient_checkpointing=True,
)
print(f"{MODEL}: needs {needed.total / GIB:.1f} GiB")
if lesson.device == "cuda":
    assert needed.total < torch.cuda.mem_get_info()[0], "choose fewer rows first"

# %% tags=["expected"]
exam = tasks(MAZE, split="validation", n=EXAM, goal="brief")
policy = load_policy(MODEL, lora=LORA)
shown = demonstrate(env, SHOWN, ExpertPolicy(), seed=lesson.seed)
rate = 1e-5 if MODEL != "pocket" else 1e-4
config = ImitationConfig(steps=SHOWN // 2, batch_size=2, learning_rate=rate)
imitate(policy, shown, config)
before = evaluate(policy, env, exam, workers=0, progress=False)
run = train(
    policy,
    env,
    output_dir=f"{folder}/{MODEL.split('/')[-1]}",
    max_steps=STEPS,
    learning_rate=RATE,
    gradient_checkpointing=MODEL != "pocket",
    progress=False,
    **BATCH,
)
after = evaluate(run.policy, env, exam, workers=0, progress=False)
last = steps_of(run.events, "step")[-1]
print(f"share of the GPU's memory that was used: {last['gpu_memory']}")
print(f"before: {before.wins} of {before.n} won; after: {after.wins} of {after.n}")

# %% [markdown]
# On the smoke profile the two counts differ by chance at most: one step teaches
# nothing, and 8 games could not show it. It is the *way* that was rehearsed, and each
# line of it will meet the same calls with the larger model.

# %% [markdown]
# ## 10. Now you
#
# **Exercise.** How many weights are frozen, and how many are trained, come in; the
# bytes of weights, gradients and AdamW go out. Frozen weights are held in 16 bits,
# trained ones in fp32; leave the 16-bit copies aside.


# %% exercise="held_bytes"
def held_bytes(frozen, trained):
    return 2 * frozen + 8 * trained  # mend this line


exercise = lesson.exercise("held_bytes")
exercise.check(held_bytes)

# %% [markdown]
# **Exercise.** The linear layers of a model come in, as pairs of inputs and outputs,
# and the rank; the number of trained weights of all adapters goes out.


# %% exercise="adapter_weights"
def adapter_weights(layers, rank):
    return sum(rank * inputs * outputs for inputs, outputs in layers)  # mend this line


exercise = lesson.exercise("adapter_weights")
exercise.check(adapter_weights)

# %% [markdown]
# **Exercise.** How many episodes may be live? Free bytes come in, the layers of the
# model, its heads of keys and values, the numbers in a head, and the tokens of a whole
# episode. The cache is held in 16 bits. Its buffer grows by half when it is full, so
# leave room for one that is 1.5 times as large as what it holds.


# %% exercise="episodes_that_fit"
def episodes_that_fit(free, layers, heads, size, tokens):
    token = layers * heads * size * 2  # mend these lines
    return int(free // (1.5 * token * tokens))


exercise = lesson.exercise("episodes_that_fit")
exercise.check(episodes_that_fit)

# %% [markdown]
# **Exercise.** From how many different games does one step learn? In come the number of
# processes, the rows of one backward pass on each, the passes that are added up, and
# the episodes of a group. Where a group would not lie on one process whole, return 0.


# %% exercise="games_per_step"
def games_per_step(processes, rows, passes, group_size):
    return processes * rows * passes  # mend this line


exercise = lesson.exercise("games_per_step")
exercise.check(games_per_step)

# %% [markdown]
# **Exercise.** A run was killed at step 40. Which of its settings may be changed before
# it goes on, because nothing that is learnt depends on them? A: `max_steps`, B:
# `learning_rate`, C: `save_steps`, D: `seed`, E: `workers`, F:
# `per_device_train_batch_size`.

# %% exercise="may_change"
may_change = "ABCDEF"  # mend: strike out what must stay

exercise = lesson.exercise("may_change")
exercise.check(may_change)

# %% [markdown]
# ## What you can do now
#
# You can write down the bytes of a run and have them counted, say which part to shrink
# when it does not fit, and choose a precision knowing what it rounds away. You have
# seen a run killed and resumed to the same bits, and two processes play as one.
#
# **An open question.** The gap between sampler and trainer grows with the length of an
# episode. Limit the ratio token by token, and long episodes are kept but slightly
# biased; drop what is far off, and the long ones are missing. What would you do with
# episodes of 100 turns?
#
# **Open ends.** Put a GPU you can get into `GPUS`, and find the largest model for it.
# Let `walk` begin at 0.5, or add noise before rounding. Kill the run of section 7 at
# another step, or during a checkpoint. Write down first what you expect.
#
# **Next:** [lesson 13](13_swe_agent.ipynb), agents that repair code: episodes of
# thousands of tokens, where all of this is needed.

# %% [markdown] tags=["guide"]
# ## Plan for 50 minutes
#
# - **0–8 min** Section 2 on the board: four numbers of 4 bytes for a weight that
#   learns. Everybody computes 7B before the cell is run.
# - **8–20 min** Section 3: predict which of eight bars fit a T4. Dwell on the bar with
#   a cache in it, and on the part that grows with the rows.
# - **20–30 min** Section 4: the weight that does not move, then the gaps that add up.
# - **30–42 min** Section 7: kill the run together, let the room predict whether the
#   bits agree.
# - **42–50 min** `held_bytes` in pairs. Sections 5, 6, 8 and 9 are for home.
#
# ## Plan for 90 minutes
#
# - **0–25 min** Sections 2 and 3, with `held_bytes` and `episodes_that_fit`.
# - **25–40 min** Section 4; who is done early lets `walk` begin elsewhere.
# - **40–50 min** Section 5 and `adapter_weights`.
# - **50–60 min** Section 6. Be plain about what was not run.
# - **60–75 min** Section 7 and `may_change`.
# - **75–85 min** Section 8 and `games_per_step`.
# - **85–90 min** Section 9: each pair writes down the plan for a GPU that they can get.
#
# ## What to show live
#
# - `plan_memory` with the model that somebody in the room names, and with their GPU as
#   a line. Models outside of `SHAPES` need the hub, or a folder with a `config.json`.
# - Section 7 in a terminal: `toolkit train runs/12_to_a_real_model/cut.yaml`, and `kill
#   -9` from a second one. Then the same command again.
# - `toolkit doctor`: what it says of this machine, and in which precision it would
#   train.
# - `TrainingMonitor("runs/12_to_a_real_model/cut")` draws the run across the cut.
#
# ## Common errors
#
# Two are worth stopping for. "Mixed precision halves the memory": it adds a copy, and
# what it halves are activations. "Eight GPUs, so a model eight times as large": with
# `accelerate launch` alone each holds the whole of it, and what grows is the batch.
#
# ## Discussion
#
# **With 4 rows the 1.5B model needs 8.3 GiB, and with one row the same. Why?** There
# the larger moment is while playing: weights and the cache of 32 live episodes. Fewer
# rows make learning smaller, and that was not the larger one any more.
#
# **Why does a bf16 gap of 0.004 nats a token matter at all?** A ratio is a product over
# the tokens of an episode. 36 tokens gave factors of 0.86 to 1.13 in most seeds, and
# once 2.5; with a thousand tokens the same gaps make factors that no clipping range was
# meant for.
#
# **Is a resumed run on a GPU worthless if its bits differ?** No: what must agree are
# games, settings, optimiser and schedule, and these do. The numbers differ as those of
# two runs on the same GPU differ. What would be worthless is to resume with another
# rate and call it one run.
#
# **When would you not use LoRA?** When all weights fit, as with SmolLM2-135M: adapters
# save little there (section 5), and what they can say is limited by the rank.
#
# ## Expected numbers
#
# All bytes of sections 2, 3 and 5 are counted, the same everywhere. The gaps of section
# 4, over five seeds of 16 games: in fp32 1.4e-7 to 2.8e-7 nats on average, in fp16
# 0.0007 to 0.0017, in bf16 0.0034 to 0.0060. The largest of one token was 0.13 to 0.54
# in bf16, and 0.04 to 0.09 in fp16. In bf16 whole episodes were 0.86 to 1.13 times as
# likely in three seeds; the other two reached 1.5 and 2.5.
#
# Shares of section 6 depend on the machine. On two shared cores, six seeds spent 58 to
# 67 % of a step in playing, about half of that on waiting for worlds. They won 41 to 55
# % of the 80 episodes, and 6 to 75 % of the 16 of a single step: five steps teach
# nothing that so few games could show, and nothing is claimed.
#
# No number of this lesson was measured on a GPU: what a plan says was compared with
# real models on a CPU (weights, gradients, optimizer and activations agree to the
# byte), its two allowances were not.
#
# ## Without a GPU or the internet
#
# The lesson needs neither: real models are planned by their shapes. Section 9 rehearses
# with `pocket`. Without any Python, print [its page](../12_to_a_real_model.ipynb);
# sections 2, 3 and 8 are arithmetic.
#
# ## Exam questions
#
# **1.** A model has 3,000 million weights. How many bytes do weights, gradients and
# AdamW need if all are trained in mixed precision (without 16-bit copies), and with
# adapters of 30 million weights on frozen ones of 16 bits?
#
# *Solution:* 16 x 3e9 = 48e9 bytes, or 44.7 GiB. With adapters 2 x 3e9 + 16 x 3e7 =
# 6.48e9 bytes, or 6.0 GiB.
#
# **2.** A model has 32 layers, 8 heads of keys and values of 128 numbers, in 16 bits.
# What does one token cost in the cache? How many episodes of 4,096 tokens have room in
# 8 GiB, without spare room?
#
# *Solution:* 2 x 32 x 8 x 128 x 2 = 131,072 bytes. An episode has 0.5 GiB, so 16.
#
# **3.** A run on one GPU has 8 rows, 4 passes added up and groups of 8. Move it to four
# GPUs so that a step learns from as many games as before. What would happen if instead
# you took 2 rows and 4 passes on each?
#
# *Solution:* one pass of 8 rows on each: 4 x 8 = 32 episodes, 4 games, as before. With
# 2 rows and 4 passes each process has 8 episodes, one whole group, and a step has 4
# games as well; that is allowed too, with less memory and more passes. With 2 rows and
# one batch of episodes for each pass (`steps_per_generation=1`) a group would not lie
# whole on a process, and it is refused.
