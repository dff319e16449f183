# %% [markdown]
# # How does one number change every weight of a model?
#
# A game ends, and one number says what it was worth. The model that played has hundreds
# of thousands of weights. The step from the one to the others is a *policy gradient*.
# When you are through, you can
#
# 1. **write** the loss of REINFORCE, RLOO, GRPO and PPO in a few lines each, and say
#    what every part of it is for;
# 2. **tell** which of them are biased and which are noisy, by computing both exactly;
# 3. **explain** three things that puzzle people who watch a run: a loss of 0 that
#    teaches, a clip that never clips, and a KL divergence below zero.
#
# You need lesson 04, or to know what an advantage is, and some PyTorch: a tensor and
# `backward`. You need no GPU, no account and no download.
#
# ![Two panels: on an unlucky batch used many times the chance of going north falls to
# almost nothing without the clip and half way with it; on the mean of many batches it
# gets further without](end-state)
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

lesson = start("05_policy_gradients", seed=0)

# %% [markdown]
# ## 2. A house with four stories
#
# You have two turns. You start in the kitchen and go north to the hall or west to the
# pantry. There you take what lies there, or only look. The hall has a coin, worth 1,
# and the pantry a biscuit, worth 0.4. So there are just four episodes, A to D.
#
# The policy is a table of *logits*: two numbers for each of three rooms. Softmax makes
# chances of them. A language model computes its logits from a text and its weights;
# ours *are* the weights.

# %%
import numpy as np
import torch

SAID = [["north", "take"], ["north", "look"], ["west", "take"], ["west", "look"]]
ROOM = torch.tensor([[0, 1], [0, 1], [0, 2], [0, 2]])  # (4, 2): where each turn is
WORD = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])  # (4, 2): what is said there
PAY = torch.tensor([1.0, 0.0, 0.4, 0.0]).double()  # (4,)

start_logits = torch.tensor(
    [[0.3, 0.7], [0.5, 0.5], [0.8, 0.2]]  # kitchen, hall, pantry
).log()
start_logits = start_logits.double()  # (3, 2)


def log_words(logits):
    """Log-probability of each word of the four episodes, (4, 2)."""
    return logits.log_softmax(-1)[..., ROOM, WORD]


chance = log_words(start_logits).sum(-1).exp()  # (4,)
for name, said, p, pay in zip("ABCD", SAID, chance, PAY, strict=True):
    print(f"{name}: {' '.join(said):10}  chance {p:.2f}, pays {pay:.1f}")

# %% [markdown]
# What we want to make large is the expected pay: chance times pay, added up. With four
# episodes we can write it down, and let PyTorch say how it changes with each logit.
#
# **Predict:** going west is paid more often. When the logit of `north` rises, will the
# expected pay rise or fall?

# %% tags=["nbval-check-output"]
from torch.autograd.functional import jacobian


def worth(logits):
    """Expected pay."""
    return (log_words(logits).sum(-1).exp() * PAY).sum(-1)


truth = jacobian(worth, start_logits)  # (3, 2)
print(f"expected pay: {worth(start_logits):.3f}")
for room, row in zip(("kitchen", "hall", "pantry"), truth.tolist(), strict=True):
    print(f"{room:8} first word {row[0]:+.4f}, second word {row[1]:+.4f}")

# %% [markdown]
# It rises: behind the north door waits 1 half of the time, behind the west door 0.4
# four times out of five. That is the *true gradient*, and we shall keep it to hold
# everything else against.
#
# In a real game nobody can write the expected pay down. There are more episodes than
# atoms, and the world that pays is a program without a derivative. All we can do is
# play.

# %% [markdown]
# ## 3. REINFORCE: each episode pushes its own words
#
# The way out is one line. When the weights move a little,
#
# $$\text{change of } \sum_e p_e \, R_e
#   \;=\; \sum_e R_e \cdot \text{change of } p_e
#   \;=\; \sum_e p_e \cdot R_e \cdot \text{change of } \log p_e .$$
#
# The last sum is a mean over episodes *as they are played*. So play, take for each
# episode the change of its log-probability, the *score*, times its pay, and average.
# The log-probability of an episode is a sum over the words that were said. What the
# world said adds nothing: it does not depend on the weights.
#
# **Predict:** the next picture shows the scores, how each episode would push three
# logits if it were praised. `north` has a chance of 0.3. Which pushes the kitchen more,
# saying `north` or saying `west`?

# %%
from toolkit.lessons.show_credit import show_credit

scores = jacobian(log_words, start_logits)  # (4, 2, 3, 2): episode, turn, room, word
by_episode = scores.sum(1)  # (4, 3, 2)

show_credit(
    [["north", "take, in the hall", "take, in the pantry"]] * 4,
    by_episode[:, :, 0].tolist(),
    title="How each episode pushes three logits",
)

# %% [markdown]
# The push on a word's own logit is 1 minus its chance; all other words of that room are
# pushed down by theirs. So a rare word pushes hard, 0.7, and a usual one only 0.3. A
# room that was not visited is not pushed at all.
#
# **Predict:** average the pushes over the four episodes by their chances, first as they
# are, then times the pay. What comes out?

# %% tags=["nbval-check-output"]
plain = torch.einsum("e,erw->rw", chance, by_episode)
with_pay = torch.einsum("e,erw->rw", chance * PAY, by_episode)
print("as they are:   ", (plain[:, 0].round(decimals=4) + 0.0).tolist())
print("times pay:     ", with_pay[:, 0].round(decimals=4).tolist())
print("true gradient: ", truth[:, 0].round(decimals=4).tolist())

# %% [markdown]
# Times pay, the mean *is* the true gradient: REINFORCE is *unbiased*. And as they are,
# they cancel. That will be useful soon: whatever number you add to all pays alike, the
# mean stays the same.
#
# But a mean of many is one thing, and the one episode you have played is another.
#
# **Predict:** below, batches of 1, 8 and 64 episodes estimate one number, the gradient
# for `north`. Dots are means over 2000 batches, lines one standard deviation. In the
# second row everybody gets 1 more, win or lose. Where will its dots be, and its lines?

# %% tags=["expected"]
from toolkit.lessons.show_credit import show_estimates

rng = np.random.default_rng(lesson.seed)
north = by_episode[:, 0, 0].numpy()  # (4,): push of each episode on that logit
odds, pays = chance.numpy(), PAY.numpy()


def play(size):
    """Which episodes were played in 2000 batches, (2000, size)."""
    return rng.choice(4, p=odds / odds.sum(), size=(2000, size))


def reinforce(size, extra):
    drawn = play(size)
    return ((pays[drawn] + extra) * north[drawn]).mean(1)


noise = {
    f"batches of {size}": {"pay": reinforce(size, 0), "pay + 1": reinforce(size, 1)}
    for size in (1, 8, 64)
}
show_estimates(noise, truth=truth[0, 0].item(), title="Gradient for north")

# %% [markdown]
# The dots are right and the lines are wide. Of a batch of 8 you could not even trust
# the sign. And a gift to everybody, which changes nothing about what is best, makes it
# more than twice as bad: now every episode shouts "more of this", and only by a little
# less or more.

# %% [markdown]
# ## 4. Compared with what?
#
# So take the gift away again: subtract a *baseline* before you push. Play each game `G`
# times, and compare with the group. Three ways of doing it:
#
# - the **mean** of the group;
# - **RLOO**: the mean of the *others* in the group;
# - **GRPO**: the mean of the group, and divide by its standard deviation.
#
# With four episodes there are 256 groups of four. We can go through all of them, so
# that what follows is exact, not sampled.

# %%
from itertools import product

from toolkit.training.credit import grpo, rloo

groups = np.array(list(product(range(4), repeat=4)))  # (256, 4)
group_odds = odds[groups].prod(1)


def over_groups(estimator, pay, **settings):
    rows = [[p] for p in pay[groups].ravel()]  # one turn each: it is the same number
    return np.reshape(estimator(rows, group_size=4, **settings), groups.shape)


def exact(advantages):
    """Mean (3, 2) and noise of the gradient over all groups."""
    found = np.einsum("ge,gerw->grw", advantages, by_episode.numpy()[groups]) / 4
    mean = np.einsum("g,grw->rw", group_odds, found)
    square = ((found - mean) ** 2).sum((1, 2))
    return mean, np.sqrt(group_odds @ square)


# %% [markdown]
# **Predict:** which of the four are unbiased, that is, give 1.00 times the truth for
# every logit? Which is noisiest? What will the gift of 1 do to each?

# %% tags=["expected", "nbval-check-output"]
for extra in (0, 1):
    pay = pays + extra
    kinds = {
        "pay itself": pay[groups],
        "mean": over_groups(grpo, pay, scale="none"),
        "RLOO": over_groups(rloo, pay),
        "GRPO": over_groups(grpo, pay),
    }
    print(f"everybody gets {extra} more:  north  hall  pantry   noise")
    for name, advantages in kinds.items():
        mean, noise = exact(advantages)
        times = (mean / truth.numpy())[:, 0]
        print(f"{name:>22}:  {' '.join(f'{t:6.2f}' for t in times)}   {noise:5.2f}")

# %% [markdown]
# Subtracting makes the gift disappear: the lower three lines are the same in both
# tables. And of the gradient
#
# - the **mean** keeps exactly 3/4, for every logit. A quarter of the group's mean is
#   the episode's own pay, and so a quarter of it is taken from itself: (G - 1)/G is
#   left. The direction is right and the step a little short. That is harmless;
# - **RLOO** leaves the episode out, and keeps all. It is the mean times 4/3, noise
#   included. So between these two it is a matter of the learning rate;
# - **GRPO** is something else. 0.96, 2.08, 2.71: three logits, three factors. Its mean
#   is not a multiple of the true gradient.

# %% [markdown]
# ## 5. What does the division by the deviation do?
#
# Take many mazes, of which some are hardly ever won and some nearly always. Pay 1 for a
# win, groups of 8. The push towards winning depends on the chance of it. RLOO gives,
# exactly, $p\,(1-p)$.
#
# **Predict:** with the division, do hard mazes get a larger or a smaller share of the
# learning?

# %%
from math import comb

from toolkit.lessons.show import show_curves

G = 8
chances = np.linspace(0, 1, 51)


def push(estimator):
    """Expected push towards winning, as a share of the largest."""
    total = np.zeros_like(chances)
    for wins in range(G + 1):
        group = [[1.0]] * wins + [[0.0]] * (G - wins)
        praise = sum(row[0] for row in estimator(group, group_size=G)[:wins]) / G
        total += comb(G, wins) * chances**wins * (1 - chances) ** (G - wins) * praise
    return total / total.max()


show_curves(
    {"push towards winning": {"RLOO": push(rloo), "GRPO": push(grpo)}},
    x=chances,
    x_name="chance of winning the maze",
    title="Whom does the learning go to?",
)

# %% [markdown]
# To the ends: hard mazes and easy ones are heard louder. A maze that is won once in
# twenty games gets a quarter of the largest push, where RLOO gives it a fifth. It is no
# more than that because most groups of 8 show no win in such a maze at all, and these
# are silent for both. Even so, GRPO climbs another hill than the expected pay, one in
# which rare wins matter more. Whether you want that is a choice; Dr. GRPO leaves the
# division out (https://arxiv.org/abs/2503.20783).

# %% [markdown]
# ## 6. Why is the loss 0?
#
# PyTorch wants a loss, a number whose gradient it can take. The usual one is minus the
# mean of *ratio times advantage*. The ratio is the chance of a word now over its chance
# when it was played. Let RLOO judge a group of four: A, B, C and C again.
#
# **Predict:** nothing was trained in between, so what is the ratio? What is the loss?
# And its gradient?

# %%
batch = torch.tensor([0, 1, 2, 2])
judged = rloo([[p] for p in PAY[batch].tolist()], group_size=4)
judged = torch.tensor(judged)  # (4, 1): one for both words of an episode

logits = start_logits.clone().requires_grad_()
now = log_words(logits)[batch]  # (4, 2)
then = now.detach()  # the same numbers, as constants
ratio = (now - then).exp()
loss = -(ratio * judged).mean()
loss.backward()

print("ratios:    ", ratio.detach().ravel().tolist())
print("advantages:", [round(a, 2) for (a,) in judged.tolist()])
print(f"loss:       {abs(loss.item()):.4f}")
print("gradient:  ", logits.grad[:, 0].round(decimals=3).tolist())

# %% [markdown]
# All ratios are 1, so the loss is minus the mean of the advantages, and these add up to
# 0 by construction. It was 0 before you learnt anything, and will be 0 when you have
# learnt everything. What counts is its *slope*: the derivative of the ratio is the
# derivative of the log-probability, so the gradient is that of section 3, with a minus
# since a loss is to fall, and halved since the mean is over words, two an episode.
#
# So the height of the loss says nothing about learning, good or bad. Watch the pay.
# (It is exactly 0 if all episodes have equally many words. In section 11 they do not.)

# %% [markdown]
# ## 7. Several steps from one batch
#
# Playing is expensive. Why not take ten steps on the same batch? Because after the
# first, the batch is no longer what the policy would play. The ratio puts the means
# right again: a word twice as likely as it was counts double. But if a policy moves far
# on a few episodes, it learns their luck. PPO stops a word that has moved by more than
# 20 %: beyond this its ratio earns nothing more.
#
# **Predict:** for a word with advantage +1, where will the clipped line be flat? And
# for one with advantage -1? Where the line is flat, there is no gradient.

# %%
x = np.linspace(0, 2, 81)

show_curves(
    {
        "advantage +1": {"ratio × advantage": x, "clipped": np.minimum(x, 1.2)},
        "advantage -1": {"ratio × advantage": -x, "clipped": -np.maximum(x, 0.8)},
    },
    x=x,
    x_name="ratio",
    title="What PPO makes large",
)

# %% [markdown]
# Praise stops above 1.2, blame below 0.8. On the other sides the lines go on: a praised
# word that has become *rarer*, pushed aside by its neighbours, is drawn back, and a
# blamed one that has become more likely is pushed down, however far off it is. The clip
# lets go of words that have gone far enough, and of no others. PPO writes both cases as
# the smaller of two products; you will write it in exercise 2.
#
# Now 40 steps on one batch of 8 episodes. To tell luck from the rule, do it with 1000
# batches at once, each with a table of logits of its own.

# %%
N = 1000
drawn = torch.tensor(play(8)[:N])
paid = PAY[drawn]  # (N, 8)
gain = (8 / 7 * (paid - paid.mean(1, keepdim=True)))[..., None]  # RLOO, (N, 8, 1)
before = log_words(start_logits)[drawn]  # (N, 8, 2)
each = torch.arange(N)[:, None]


def learn(clip, steps=40, rate=1.0):
    logits, path = start_logits.repeat(N, 1, 1), []
    for _ in range(steps + 1):
        path.append(logits)
        table = logits.clone().requires_grad_()
        ratio = (log_words(table)[each, drawn] - before).exp()
        if clip:
            near = torch.where(gain > 0, ratio.clamp(max=1.2), ratio.clamp(min=0.8))
        goal = (near if clip else ratio) * gain
        (slope,) = torch.autograd.grad(goal.sum(-1).mean(-1).sum(), table)
        logits = logits + rate * slope
    return torch.stack(path)  # (steps + 1, N, 3, 2)


# %% [markdown]
# One of these batches is unlucky: whoever went north found nothing, because they only
# looked.
#
# **Predict:** what becomes of its chance of going north, with the clip and without?
# And on the mean of all 1000 batches, which way gets further?

# %% tags=["end-state"]
paths = {"no clip": learn(False), "clip": learn(True)}
no_coin = ~(drawn == 0).any(1) & ((drawn == 1).sum(1) >= 3)
unlucky = int(no_coin.nonzero()[0])

show_curves(
    {
        "chance of north, unlucky batch": {
            name: path[:, unlucky].softmax(-1)[:, 0, 0].tolist()
            for name, path in paths.items()
        },
        "expected pay, mean of 1000 batches": {
            name: worth(path).mean(1).tolist() for name, path in paths.items()
        },
    },
    x=range(41),
    x_name="steps on the same batch",
    title="One batch used many times",
)

# %% [markdown]
# Without the clip, eight unlucky games are enough to give up the north nearly for good,
# and with it the coin: who does not go there does not learn better. With the clip the
# policy stops half way and waits for new games.
#
# The clip is an insurance, and it has its price. In this small house the mean batch
# points the right way, and who trusts it gets further. In a large one, where a batch is
# mostly luck, it is the other way about. You will see in section 10 how much luck there
# is.

# %% [markdown]
# ### A clip that never clips
#
# How many words does the clip let go of at each step? A word is let go of when its
# ratio has passed the edge in the direction of its advantage.

# %%
moved = torch.stack([log_words(t)[each, drawn] - before for t in paths["clip"]]).exp()
let_go = ((gain > 0) & (moved > 1.2)) | ((gain < 0) & (moved < 0.8))
share = let_go.double().mean((1, 2, 3))
for step in (0, 1, 2, 5, 10, 40):
    print(f"after {step:2} steps: {share[step]:4.0%} of the words")

# %% [markdown]
# After 0 steps it is none, and cannot be any: all ratios are 1. Many runs take just one
# step on each batch and then play anew, as the paper does that much of this package
# follows (https://arxiv.org/abs/2510.01132). There the clip is written down and never
# acts, and PPO without its critic is REINFORCE. In TRL it takes `num_iterations` above
# 1, or a batch cut into several steps, to see a `clip_ratio` other than 0.

# %% [markdown]
# ## 8. How far have we come?
#
# Training should not carry a model so far that it forgets its language. The distance to
# the *reference*, the model at the start, is measured by the KL divergence: the mean of
# log(policy / reference) over the words that the policy says. Over a vocabulary and an
# episode that mean is out of reach, so it is estimated from the words that were said.
# With r = reference / policy, three ways are in use
# (http://joschu.net/blog/kl-approx.html):
#
# - **k1** = -log r, the definition itself;
# - **k2** = (log r)² / 2, which is never negative;
# - **k3** = -log r + (r - 1). The mean of r - 1 is 0, so it may be added; it is large
#   where k1 is small, and calms it.
#
# In the kitchen, the reference says `north` with 0.3. Say one policy has come to 0.4,
# another to 0.95.
#
# **Predict:** which are right in the mean? Which is calmest, near by and far away?

# %%
reference = start_logits[0].log_softmax(-1)


def estimators(log_policy):
    k1 = log_policy - reference
    return {"k1": k1, "k2": k1**2 / 2, "k3": k1 + (-k1).exp() - 1}


kitchens = {p: torch.tensor([p, 1 - p]).double().log() for p in (0.4, 0.95)}
for p, log_policy in kitchens.items():
    kl = (log_policy.exp() * estimators(log_policy)["k1"]).sum()
    print(f"policy {p}: true KL {kl:.3f};   north    west    mean  deviation")
    for name, k in estimators(log_policy).items():
        mean = (log_policy.exp() * k).sum()
        off = (log_policy.exp() * (k - mean) ** 2).sum().sqrt()
        values = "  ".join(f"{v:+6.3f}" for v in k)
        print(f"{name:>28}:  {values}  {mean:+6.3f}   {off:.3f}")

# %% [markdown]
# k1 and k3 are right in the mean, k2 is not, though near by it is close. Near by, k1
# is a small number in a large noise: for every `west` it is below zero. That is how a
# log comes to show a negative KL, which as a divergence cannot be. k3 is never negative
# and almost twenty times calmer. Far away it is the noisiest of all, because of a rare
# word that the reference liked: r is 14 there.

# %% [markdown]
# ### In the reward or in the loss?
#
# To hold a policy back you can pay each word -β k1, and let the policy gradient do the
# rest, or add β k to the loss and let PyTorch take its gradient. These are not the
# same. The words were drawn by the policy, and the gradient of a loss does not see
# that.
#
# **Predict:** which of the four below is the true gradient of the KL? One is 0. Which?

# %% tags=["nbval-check-output"]
policy_logits = kitchens[0.4]
drawn_by = policy_logits.exp()  # as constants: what was played was played


def slope(function):
    return jacobian(function, policy_logits)[0].item() + 0.0


def as_loss(name):
    return slope(lambda z: (drawn_by * estimators(z.log_softmax(-1))[name]).sum())


def true_kl(z):
    return (z.softmax(-1) * estimators(z.log_softmax(-1))["k1"]).sum()


k1 = estimators(policy_logits)["k1"]
print(f"true gradient:    {slope(true_kl):+.4f}")
in_reward = slope(lambda z: (drawn_by * k1 * z.log_softmax(-1)).sum())
print(f"k1 in the reward: {in_reward:+.4f}")
for name in ("k1", "k2", "k3"):
    print(f"{name} in the loss:   {round(as_loss(name), 8) + 0.0:+.4f}")

# %% [markdown]
# k1 in the reward is right: it is pay like any other. k1 in the loss pulls nowhere on
# the mean, since scores cancel (section 3); it only adds noise. k2, the biased one, is
# the right one for the loss. k3 is close: it is the gradient of the other divergence,
# from the reference to the policy, and the two agree while policies are near.
#
# A good estimate of a number does not make a good loss. In this package
# `kl_in_reward=` puts k1 into the reward, for PPO, and TRL's `beta=` puts k3 into the
# loss.

# %% [markdown]
# ## 9. A critic
#
# A group costs `G` games, and it judges both turns of an episode alike. PPO asks a
# critic instead: how much is to be expected in this room? GAE then gives each turn its
# own advantage, and λ says how far to trust the critic (lesson 04).
#
# **Predict:** three critics, groups of 8 games. The second has seen 20 games and
# remembers the mean pay of each room. Where does λ = 0 help, where does it harm?

# %%
from toolkit.training.gae import gae_turn

past = rng.choice(4, p=odds / odds.sum(), size=20)
seen = [[pays[e] for e in past if room in ROOM[e]] for room in range(3)]
critics = {
    "perfect": [0.374, 0.5, 0.32],  # kitchen, hall, pantry
    "learnt from 20 games": [np.mean(values) if values else 0.0 for values in seen],
    "says 0": [0.0, 0.0, 0.0],
}
by_turn = scores[:, :, 0, 0].numpy()  # (4, 2): push of each turn on north


def with_critic(worth_of, trust):
    """Gradient for north from 2000 batches of 8 games."""
    values = [[worth_of[room] for room in rooms] for rooms in ROOM.tolist()]
    rewards = [[0.0, p] for p in pays]
    gae = gae_turn(rewards, values=values, gae_lambda=trust, whitened=False)
    return (np.array(gae.advantages) * by_turn).sum(1)[play(8)].mean(1)


found = {
    name: {f"λ = {trust}": with_critic(worth_of, trust) for trust in (1, 0.5, 0)}
    for name, worth_of in critics.items()
}
show_estimates(found, truth=truth[0, 0].item(), title="Gradient for north, 8 games")

# %% [markdown]
# With λ = 1 every critic is right in the mean, the one that says 0 as well: it is a
# baseline, and a baseline may be anything that does not depend on the word. With λ = 0
# the luck of the second turn is gone, and what you learn is the critic's opinion, its
# mistakes included. Compare with section 4: RLOO takes out the luck that a group
# shares, a critic that of each turn.

# %% [markdown]
# ### All four on one page
#
# | | advantage A of a word | loss of the word |
# |---|---|---|
# | REINFORCE | return | -log p · A |
# | RLOO | return - mean of the others | -log p · A |
# | GRPO | (return - mean of group) / deviation | -clipped ratio · A + β k3 |
# | PPO | GAE: what came, against the critic | -clipped ratio · A; reward: -β k1 |
#
# In the first step on a batch, the two losses have the same gradient. What differs is
# the advantage.

# %% [markdown]
# ## 10. A real batch
#
# Now pocket, in the mazes of lesson 00, paid for each new room and for the coin. The
# chance of a word is now that of a token in its text, the table of six logits has
# become a network. Nothing else changes.

# %%
from toolkit import collect, load_policy, make_env, tasks
from toolkit.rewards import get_reward

MAZE, GROUP, TAUGHT = "textworld/coin_collector-105-basic", 8, 8
mazes = tasks(
    MAZE, split="train", n=lesson.pick(smoke=20, t4=40, full=104), goal="brief"
)
env = make_env(MAZE, goal="brief")
policy = load_policy("pocket")
weights = list(policy.model.parameters())

played = collect(
    policy, env, mazes, group_size=GROUP, workers=0, progress=False, seed=lesson.seed
)
turn_pay = get_reward("discovery").score(played).turn_rewards
print(f"{sum(w.numel() for w in weights):,} weights, {len(played)} episodes,")
print(f"{sum(e.won for e in played)} won, {sum(len(e.turns) for e in played)} turns")

# %% [markdown]
# PPO needs a critic. The package's own is a linear function of what the model's last
# layer makes of the text, trained along with the policy. We fit one at a stroke, by
# least squares, on the first 8 mazes, and use it on the others only.

# %%
from toolkit.episodes.tokens import tokenize_episode
from toolkit.training.critic import trunk_of


def features(episode):
    """What the last layer makes of the text before each turn, (K, 129)."""
    tokens = tokenize_episode(episode)
    ids = torch.tensor([tokens.prompt_ids + tokens.completion_ids])
    with torch.no_grad():
        hidden = trunk_of(policy.model)(input_ids=ids).last_hidden_state[0]
    before = [len(tokens.prompt_ids) + start - 1 for start, _ in tokens.spans]
    return np.pad(hidden[before].double().numpy(), ((0, 0), (0, 1)), constant_values=1)


taught = TAUGHT * GROUP
inputs = [features(e) for e in played]
to_go = [np.cumsum(row[::-1])[::-1] for row in turn_pay]
X, y = np.concatenate(inputs[:taught]), np.concatenate(to_go[:taught])
critic = np.linalg.solve(X.T @ X + 10 * np.eye(X.shape[1]), X.T @ y)
values = [(x @ critic).tolist() for x in inputs[taught:]]
rest = np.concatenate(to_go[taught:])
foreseen = 1 - np.var(rest - np.concatenate(values)) / np.var(rest)
print(f"the critic foresees {foreseen:.0%} of the variance of what is still to come")

# %% [markdown]
# Five estimators, one batch. For each maze and each estimator we take the gradient of
# the loss with respect to all weights: a vector of 680,832 numbers.

# %%
from toolkit.episodes.tokens import pad_batch
from toolkit.training.packed import pack, score

episodes, paid = played[taught:], turn_pay[taught:]
advantages = {
    "REINFORCE": [[sum(row)] * len(row) for row in paid],
    "RLOO": rloo(paid, group_size=GROUP),
    "GRPO": grpo(paid, group_size=GROUP),
    "PPO, λ = 1": gae_turn(paid, values=values, gae_lambda=1.0).advantages,
    "PPO, λ = 0.5": gae_turn(paid, values=values, gae_lambda=0.5).advantages,
}


def log_tokens(group):
    """Log-probability of all sampled tokens of a group, end to end, (n,)."""
    batch = pad_batch([tokenize_episode(e) for e in group], 0)
    ids = torch.cat([batch.prompt_ids, batch.completion_ids], 1)
    real = torch.cat([batch.prompt_mask, batch.completion_mask], 1)
    sampled = torch.cat([0 * batch.prompt_mask, batch.action_mask], 1)
    return score(policy.model, pack(ids, real, sampled))[0]


# %%
def push_weights(log_p, group, rows):
    """Gradient of the loss of one group, all weights end to end."""
    each = [
        value
        for episode, row in zip(group, rows, strict=True)
        for turn, value in zip(episode.turns, row, strict=True)
        for _ in turn.action_ids
    ]
    loss = -(log_p * torch.tensor(each)).sum() / GROUP
    found = torch.autograd.grad(loss, weights, retain_graph=True)
    return torch.cat([g.flatten() for g in found])


gradients = {name: [] for name in advantages}
for at in range(0, len(episodes), GROUP):
    group = slice(at, at + GROUP)
    log_p = log_tokens(episodes[group])
    for name, rows in advantages.items():
        gradients[name].append(push_weights(log_p, episodes[group], rows[group]))
gradients = {name: torch.stack(rows) for name, rows in gradients.items()}

# %% [markdown]
# How long are the five vectors, and do they point the same way? The *cosine* of two
# vectors is 1 if they do, 0 if they have nothing in common, -1 if they are opposed.
#
# **Predict:** which two are nearly parallel? And the same estimator on one half of the
# mazes, against itself on the other half: what will that cosine be, on the mean over
# many ways to cut the batch?


# %% tags=["expected"]
def cosine(a, b):
    return (a @ b / (a.norm() * b.norm())).item()


def halves(rows, cuts=200):
    """Mean cosine between two random halves of the mazes."""
    gram, n = (rows @ rows.T).double().numpy(), len(rows)
    found = []
    for _ in range(cuts):
        one = rng.permutation(n) < n // 2
        a, b = one.astype(float), (~one).astype(float)
        found.append(a @ gram @ b / np.sqrt((a @ gram @ a) * (b @ gram @ b)))
    return np.mean(found)


whole = {name: rows.mean(0) for name, rows in gradients.items()}
print(" " * 14 + "length  cosine with RLOO  between halves")
for name, vector in whole.items():
    along = cosine(vector, whole["RLOO"])
    between = halves(gradients[name])
    print(f"{name:13} {vector.norm():6.1f}  {along:+16.2f}  {between:+14.2f}")

# %% [markdown]
# GRPO is RLOO with the mazes weighed otherwise, and stays parallel to it. REINFORCE
# does not: without a baseline everything that was paid is praised, and what all share
# drowns what differs. PPO, with a critic that foresees a part of the pay, lies between.
#
# Now the last column: 0, for all of them, give or take some hundredths. Two halves of
# the same batch, from the same policy, agree in nothing that one could measure. The
# length of a gradient tells of luck, and no estimator can be told from another here.
#
# A larger batch shows more. With 96 mazes and this critic (the profile `full`, some
# minutes), the cosines between halves were 0.10 for REINFORCE and RLOO, 0.13 for GRPO,
# 0.11 for PPO with λ = 1, and 0.23 with λ = 0.5. That was one batch with one seed. But
# it is what sections 4 and 9 lead you to expect: the signal is faint, and credit that
# is given turn by turn has less luck in it.
#
# Then how can anything be learnt in this way? Because noise of one step has nothing to
# do with that of the next. Over many steps it cancels, and the small part that all
# steps share adds up.

# %% [markdown]
# ## 11. A few steps of training
#
# GRPO and PPO, from the same start, 4 steps each. GRPO takes one step per batch, of 4
# mazes played eight times. PPO takes two, on 32 games without groups, which it does not
# need. So PPO plays half as many games.
#
# **Predict:** what will the losses look like? At which steps will the clip act?

# %%
from toolkit import evaluate, train
from toolkit.training.events import steps_of

exam = tasks(
    MAZE, split="validation", n=lesson.pick(smoke=12, t4=100, full=100), goal="brief"
)
EXAM = {"samples": 4, "seed": 1, "workers": 0, "progress": False}
SAME = {
    "tasks": mazes,
    "reward": "discovery",
    "learning_rate": 3e-4,
    "warmup_steps": 0,
    "per_device_train_batch_size": 32,
    "live": 32,
    "max_steps": lesson.pick(smoke=4, t4=60, full=100),
    "seed": lesson.seed,
    "save_strategy": "no",
    "workers": 0,
    "progress": False,
}
HOW = {
    "GRPO": {"credit": "grpo", "num_generations": 8},
    "PPO": {"credit": "gae_token", "num_generations": 1, "num_iterations": 2},
}

# %% tags=["expected"]
results, runs = {"before": evaluate(policy, env, exam, **EXAM)}, {}
for name, how in HOW.items():
    folder = f"runs/{lesson.name}/{name}"
    runs[name] = train(load_policy("pocket"), env, output_dir=folder, **SAME, **how)
    results[f"after {name}"] = evaluate(runs[name].policy, env, exam, **EXAM)

for name, run in runs.items():
    for step in steps_of(run.events, "step")[:4]:
        log = step["log"]
        clipped = f"clipped {log['clip_ratio/region_mean']:4.0%}"
        critic = f", critic {log.get('value_loss', 0):.3f}" if name == "PPO" else ""
        print(f"{name} {step['step']}: loss {log['loss']:+.3f}{critic}, {clipped}")

# %% [markdown]
# GRPO takes one step per batch, and is never clipped. Its losses are above 0: lost
# games are longer, so blamed words outnumber praised ones, and that is all they say.
# PPO whitens its advantages over all words, so the policy's part of a first loss is 0
# and what you see is half of the critic's. At every second step the ratios have moved,
# the loss is lower, and some words are clipped.
#
# **Predict:** the exam, before and after. Will you be able to tell the two apart?

# %% tags=["expected"]
from toolkit.lessons.show import show_success

show_success(results)

# %% [markdown]
# The intervals overlap: 4 steps and 12 mazes say nothing about which is better, or
# whether either has learnt. What you have seen is how the parts work together. The
# comparison at its proper size, four algorithms from the same start with three seeds
# each, is an experiment of its own; it says what it costs before it begins:
#
# ```bash
# toolkit experiment algorithms
# ```
#
# Its results are kept under `experiments/results`, with the paper's beside them.

# %% [markdown]
# ## 12. Now you
#
# **Exercise.** How one word pushes the logits it was sampled from.
# In come the chances of all words, the number of the word that was said, and its
# advantage. Out goes one push per logit, upwards positive.


# %% exercise="push_logits"
def push_logits(chances, said, advantage):
    return [advantage if i == said else 0.0 for i in range(len(chances))]  # mend this


exercise = lesson.exercise("push_logits")
exercise.check(push_logits)

# %% [markdown]
# **Exercise.** The loss of PPO for a batch of words. In come
# their log-probabilities now and when they were played, their advantages, all as numpy
# arrays, and ε. Out goes one number that an optimiser is to make *small*.


# %% exercise="clipped_loss"
def clipped_loss(log_now, log_then, advantages, epsilon):
    ratio = log_now - log_then
    return -np.mean(ratio * advantages)  # mend these lines


exercise = lesson.exercise("clipped_loss")
exercise.check(clipped_loss)

# %% [markdown]
# **Exercise.** k3, word by word. In come the log-probabilities
# of the words under the policy that said them and under the reference, as numpy arrays.
# Before you look back: k1 is below zero for words that have become rarer. What with
# mean 0 can be added, so that no word is?


# %% exercise="k3"
def k3(log_policy, log_reference):
    return log_policy - log_reference  # mend this line


exercise = lesson.exercise("k3")
exercise.check(k3)

# %% [markdown]
# ## What you can do now
#
# You can compute a policy gradient exactly, estimate it from games, and say what each
# estimator gets wrong on the mean and how much it shakes. You know why a loss of 0
# teaches, when the clip acts, and where to put which KL. And you have seen how little
# one batch knows.
#
# **An open question.** RLOO is unbiased, GRPO is not, and both are in use. Is climbing
# another hill in larger strides better than climbing the right one? It depends on which
# mazes the policy meets, and that changes while it learns. How would you find out?
#
# **Open ends.** In section 2, pay the biscuit 0.625, so that both doors are worth the
# same: what is left of the true gradient, and of the noise, and why does a factor of
# section 4 explode? In section 7, take batches of 32. In section 10, add `turn_return`
# to the five, or pay by `sparse`. Write down first what you expect.
#
# **Next:** [lesson 06](06_sft_and_rl.ipynb), what a few demonstrations are worth before
# all this begins.

# %% [markdown] tags=["guide"]
# ## Plan for 50 minutes
#
# - **0–8 min** Section 2: the true gradient of a house with four episodes. Ask why the
#   push on `north` is positive although west is paid more often.
# - **8–20 min** Section 3: the one line, the scores, the gift to everybody.
# - **20–30 min** Section 4: four estimators, exactly. Write the factors 1, 3/4, 1 and
#   *not a multiple* on the board.
# - **30–35 min** Section 6: a loss of 0 that teaches.
# - **35–45 min** Section 7 with the picture of the clip.
# - **45–50 min** Exercise `push_logits`. Sections 5 and 8 to 11 and the other exercises
#   are for home.
#
# ## Plan for 90 minutes
#
# - **0–30 min** Sections 2 to 4; `push_logits` right after section 3.
# - **30–37 min** Section 5: whom does the learning go to?
# - **37–55 min** Sections 6 and 7, then `clipped_loss`.
# - **55–67 min** Section 8 and `k3`.
# - **67–75 min** Section 9, if lesson 04 was done; else leave it out.
# - **75–90 min** Sections 10 and 11: start them early, they take most of the computing.
#   Ask for predictions of the cosine between halves before it is printed.
#
# ## What to show live
#
# - The picture of section 7, *What PPO makes large*: draw a word's way along the line
#   with a finger, step by step.
# - `TrainingMonitor.replay("learns")`: losses near 0, a `clip_ratio` of 0 and rising
#   success in one view. The workbench is `notebooks/train_and_watch.ipynb`.
# - `RewardDesigner` on the games of section 10, for GRPO, RLOO and PPO on the same
#   tokens.
#
# ## Common errors
#
# In `clipped_loss` most forget exp, or take the larger product for blame; let them draw
# the two lines of section 7. In `push_logits` the stub pushes only the word that was
# said. In talk, listen for "the loss is 0, so nothing is learnt" and "RLOO is better
# because it is unbiased": the second forgets that noise is most of what one step has.
#
# ## Discussion
#
# **Why may one subtract a baseline, but not divide by the deviation, without a bias?**
# A baseline that does not depend on the word falls out of the mean, since scores
# average to 0. The deviation depends on the word's own return and multiplies it: the
# mean is no longer a multiple of the true gradient.
#
# **The clip throws gradient away. What does it buy?** Several steps on one batch
# without learning its luck. In the small house of the lesson the mean batch is right
# and the clip costs; with real games a batch is mostly luck.
#
# **k3 is the better estimate of the KL. Why is k2 the better loss?** The value of an
# estimate and the gradient of it are different things: the gradient of the loss does
# not see that the words were drawn by the policy.
#
# **No estimator can be told from another in section 10. Are all the papers wrong?** Not
# for that reason: they run hundreds of steps. But a comparison of single runs is as
# weak as that column.
#
# ## Expected numbers
#
# Sections 2 to 9 are exact, or drawn with 2000 batches from a fixed seed. Section 10 is
# one batch; three seeds gave RLOO a length of 4, REINFORCE 7 to 8, GRPO 12 to 14 and
# PPO 13 to 28, GRPO a cosine of .95 to .97 with RLOO and PPO .24 to .82, and cosines
# between halves from -.04 to .13 for all five. Section 11 is four steps, and with each
# of the three seeds all three intervals of its exam overlap. The comparison at its
# size, with three seeds for each algorithm, is `experiments/results/algorithms.json`;
# the numbers of 96 mazes that section 10 quotes were one batch.
#
# ## Without a GPU or the internet
#
# The lesson needs neither. Sections 10 and 11 take most of its time; on slow machines
# stop after section 9 and read the stored outputs.
#
# ## Exam questions
#
# **1.** A policy says one of three words with chances 0.5, 0.3 and 0.2. The third was
# said, its advantage is 2. How is each logit pushed?
#
# *Solution:* 2 · (0 - 0.5) = -1, 2 · (0 - 0.3) = -0.6, 2 · (1 - 0.2) = 1.6. They add up
# to 0.
#
# **2.** ε is 0.2. A word with advantage -1 has the ratio 1.5, another one with
# advantage -1 has the ratio 0.5. Which of them still gets a gradient in PPO, and why?
#
# *Solution:* The first. It has become more likely although it is blamed, and is pushed
# down however far off it is: the smaller of -1.5 and -1.2 is -1.5. The second is below
# 0.8 and is let go: the smaller of -0.5 and -0.8 is -0.8, which is constant.
#
# **3.** A run shows a loss of 0.0000 at each step and a rising success. Explain in two
# sentences.
#
# *Solution:* With one step per batch all ratios are 1, so the loss is minus the mean of
# the advantages, and these add up to 0 in each group. Its gradient is the policy
# gradient and is not 0.
