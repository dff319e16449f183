# %% [markdown]
# # Why is nothing learning?
#
# Training that fails raises no error. It runs to its end, and the curve does not rise.
# Here are eight such runs, each broken in one way, and a ninth of your own. When you
# are through, you can
#
# 1. **read** the vital signs of a run and say at which link its learning stops;
# 2. **tell** eight common causes apart, also those that look alike;
# 3. **mend** a run: change one thing, run again, and show that it was this.
#
# You need lesson 00, and from lesson 04 what a silent group is. You need no GPU, no
# account and no download.
#
# ![Four small curves of a run that learns the wrong thing beside a healthy one: its pay
# is far higher, and soon no game is won](end-state)
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

lesson = start("09_nothing_learns", seed=0)

# %% [markdown]
# ## 2. A chain of eight links
#
# Between a game and a weight of the model lie eight links. If one of them breaks,
# nothing arrives at the next, and the curve at the end looks the same.
#
# | link | asks | if not |
# |---|---|---|
# | world | does it answer? | dead environments |
# | episode | may it be played to its end? | truncation |
# | group | does any episode go better than another? | zero-variance groups |
# | reward | does the better one earn more? | cancelling terms |
# | goal | is what is paid what is wanted? | reward hacking |
# | token | does the praise reach the words that earned it? | wrong mask |
# | step | is it small enough to keep what was known? | too high a rate |
# | choice | is there still something to choose? | entropy collapse |
#
# Toy numbers first. Four attempts at one game, two won and two lost, and three rewards.
#
# **Predict:** which of the three gives no gradient at all?

# %% tags=["nbval-check-output"]
from toolkit.training.credit import grpo

won = [1, 0, 1, 0]
points = [1, 0, 1, 0]  # the game's own, 1 for the coin
pays = {
    "success": won,
    "success + points": [a + b for a, b in zip(won, points, strict=True)],
    "success - points": [a - b for a, b in zip(won, points, strict=True)],
}
for name, returns in pays.items():
    games = [[float(value)] for value in returns]  # each of one turn
    rows = grpo(games, group_size=4, scale="none")
    print(f"{name:17}", [float(row[0]) for row in rows])

# %% [markdown]
# A sign was lost in the third. Two links are intact, games are won and lost and both
# terms say so, and yet all four are worth the same. The sum says nothing.
#
# Now the words of two turns, laid out as tokens. The mask is 1 where the agent spoke,
# and only there the weights are pushed.
#
# **Predict:** what is pushed, if the mask belongs to the other speaker?

# %% tags=["nbval-check-output"]
words = ["a", "hall.", "go", "east", "a", "garden.", "take", "coin"]
mask = [0, 0, 1, 1, 0, 0, 1, 1]


def pushed(mask):
    return [word for word, bit in zip(words, mask, strict=True) if bit]


print("right:  ", pushed(mask))
print("swapped:", pushed([1 - bit for bit in mask]))

# %% [markdown]
# With the wrong mask the model learns what *worlds* say. There is a loss, a gradient
# and a change of weights. Nothing looks broken but the result.

# %% [markdown]
# ## 3. A run that is well
#
# Before you judge the sick, look at one who is well: pocket in mazes of five rooms, the
# recording `learns`. Press **Play again**.
#
# **Predict:** after how many of its 50 steps can you tell, from the games won alone,
# that it learns?

# %%
from toolkit.widgets import TrainingMonitor

TrainingMonitor.replay("learns", speed=60)

# %% [markdown]
# Not before step 18 or so: each dot is 32 games, and chance moves it by 9 points. Keep
# this in mind. The runs below have 16 steps, and that a curve does not rise in 16 steps
# proves nothing. Other signs speak at once, and they are what a diagnosis needs.

# %% [markdown]
# ## 4. Eight runs, and what is seen first
#
# A to H are recordings. Six are `learns` with half the episodes a step, and with one
# thing broken. F plays in longer mazes. G repeats four mazes with twice the rate and
# without a discount, so that what is wrong with it shows soon; its fault is another.
# You see six signs of the last five steps, and four curves, beside those of the
# healthy run at the same steps. The signs:
#
# - *silent groups*: all episodes of the group earned the same (lesson 04);
# - *commands understood* by the world, of all that were said;
# - *how episodes end*: `won`, or `turn_limit`, the clock of the game. Anything else is
#   not of the game;
# - *entropy*: how undecided the model is before a token, 0 if it is sure of one;
# - *gradient norm*: how strong the push on the weights is;
# - *sampling gap*: the chance of each trained token is noted while playing, and
#   computed again for training. So far apart are the logarithms, and 0 is right.

# %%
from toolkit.diagnosis import diagnose
from toolkit.lessons.broken_runs import broken_run
from toolkit.lessons.show_vitals import show_vitals, vital_signs
from toolkit.widgets.recordings import recording


def look(case):
    run, healthy = broken_run(case), recording("learns")
    print(vital_signs(run, healthy))
    return show_vitals(run, healthy, title=f"Case {case}")


look("A")

# %% [markdown]
# **Predict** for each before you go on: at which of the eight links does it break?
# Write it down; you will need it in exercise 1.

# %%
look("B")

# %% [markdown]
# Games won, pay and gradient stop at one and the same step. What else has changed?

# %%
look("C")

# %% [markdown]
# How can games be won, and the pay be what it is?

# %%
look("D")

# %% [markdown]
# This one has a gradient. Go through the signs one by one, and compare.

# %%
look("E")

# %% [markdown]
# A healthy run ends its games in two ways. And this one?

# %%
look("F")

# %% [markdown]
# Compare with C: what is alike, what is not?

# %% tags=["end-state"]
look("G")

# %% [markdown]
# Look at two curves together, not at one.

# %%
look("H")

# %% [markdown]
# **Exercise.** Which is which? Give each case one of the eight causes. The check says
# which two you took for each other. `TrainingMonitor(broken_run("D"))` shows any of
# them with its episodes, and an alert; try without it first.

# %% exercise="diagnosis"
causes = ["dead environments", "truncation", "zero-variance groups", "cancelling terms"]
causes += ["reward hacking", "wrong mask", "too high a rate", "entropy collapse"]
diagnosis = dict.fromkeys("ABCDEFGH", "zero-variance groups")  # mend each

exercise = lesson.exercise("diagnosis")
exercise.check(diagnosis, causes)

# %% [markdown]
# ## 5. Where nothing arrives
#
# Now the same with `diagnose`, which reads the events of a run and names the cause. The
# rules are simple: each looks at one or two signs, as you did. First four runs in which
# nothing arrives that could tell good from bad.
#
# **Predict:** which sign will it quote for B and for E?

# %% tags=["expected"]
from toolkit.widgets.run_files import open_run


def verdict(case):
    alert = diagnose(open_run(broken_run(case)).events)[0]
    print(f"{case}: {alert.id}, since step {alert.since}\n  {alert.seen}")
    print(f"  Try first: {alert.remedies[0]}.\n")


for case in "BE":
    verdict(case)

# %% [markdown]
# **B, dead environments.** The worlds answered 700 commands and then no more: a file
# was opened for each game and never closed. Broken episodes are left out of training,
# so there is nothing left to learn from. *Mend:* the world, not the optimiser. Play one
# game by hand; the error stands in `stop_reasons` and in the terminal.
#
# **E, truncation.** The limit of 60 tokens counts the whole episode, the words of the
# world with it. Two or three turns, and the game is over; the policy cannot do anything
# about that. *Mend:* `max_completion_length=1024`.

# %% tags=["expected"]
for case in "CF":
    verdict(case)

# %% [markdown]
# Both have a gradient of exactly 0 and only silent groups. But in C games are won:
# there is a difference, and the reward does not see it. In F there is none.
#
# **C, cancelling terms.** `{"success": 1.0, "progress": -1.0}`: a sign was lost. In
# these mazes the coin is both the win and all of the progress. *Mend:* the sign. And
# look once more at its games won: from 12 to 88 %, with a policy that has not changed
# at all. So much do two mazes a step differ, and so little do single steps tell.
#
# **F, zero-variance groups.** The mazes have fifteen rooms and only the coin is paid.
# Eight times nobody finds it, so nobody was better. *Mend:* easier games, or pay for
# what leads there. `learns` does both: five rooms, and 0.1 for each room not seen yet.

# %% [markdown]
# ## 6. Where it arrives at the wrong place
#
# **Predict:** G earns more than the healthy run ever could. What is it paid for, and
# will a rule notice?

# %% tags=["expected"]
for case in "DG":
    verdict(case)

# %% [markdown]
# **D, wrong mask.** No rule knows masks. What is seen is the *sampling gap*: each token
# was played with some probability, and the trainer computes it anew. For the words that
# pocket said, the two agree to seven digits. The words of the world were never sampled,
# so their record is empty, and the gap is large from the first step on, before anything
# was learnt. Later the commands fall apart as well; that is a consequence, and the
# alert for it is left out. The episodes in the monitor show the cause: look for praise.

# %%
TrainingMonitor(broken_run("D"))

# %% [markdown]
# No word that the agent said is praised or blamed, though episodes were paid. The
# praise stands on the answers of the world. *Mend:* the mask; compare it with the
# tokens of one episode, by eye, before you train (lesson 01).
#
# **G, reward hacking.** Besides the coin, every turn that ends in another room is paid
# 0.2. That was to make it search. But walking back and forth pays for as long as the
# game lasts, 15 turns make 3, and taking the coin ends the game. After five steps
# hardly a coin is taken any more. The rule `reward-hacking` is silent: it waits for a
# pay that rises beyond doubt, and here the pay was near its top from the start. What is
# named is what it looks like: games run out of turns. You know more, if you saw the two
# curves. Read an episode:

# %%
TrainingMonitor(broken_run("G"))

# %% [markdown]
# *Mend:* pay each room once, as `discovery` does, and the win more than all else. There
# is nothing wrong with the optimiser: it found what you paid for.

# %% [markdown]
# ## 7. Where it is too much, and where too little
#
# **Predict:** A and H both have an entropy of almost 0, A at its last step and H from
# the first one on. Which other sign tells them apart?

# %% tags=["expected"]
for case in "AH":
    verdict(case)

# %% [markdown]
# **A, too high a rate.** 0.02 instead of 0.0007. A few steps, and the policy has
# forgotten how a command is written. There is no way back: what is left wins nothing,
# so it learns nothing. *Mend:* a tenth of the rate or less, from the *start*, or from a
# checkpoint before the fall.
#
# **H, entropy collapse.** The commands are right, and always the same ones: eight
# attempts at a game are one attempt, eight times over. Here the choice was gone from
# the first step on. Somebody had set the temperature to 0.001, because games look
# better so. In other runs it is lost on the way, by steps that are too large for what
# one batch knows; then the alert is called `entropy-collapse`. *Mend:*
# `temperature=1.0`, and if it is lost on the way, a smaller rate or a price on leaving
# the start (`beta=0.02`).

# %% [markdown]
# ## 8. Mend them
#
# **Exercise.** The settings at fault in three of the cases. Write down values that
# learn. Change nothing else: who changes three things at once does not know which one
# it was.

# %% exercise="remedies"
broken = {
    "A": {"learning_rate": 0.02},
    "C": {"reward": {"success": 1.0, "progress": -1.0}},
    "E": {"max_completion_length": 60},
}
remedies = {
    "A": {"learning_rate": 0.01},  # mend: does half of it do?
    "C": {"reward": {"success": 2.0, "progress": -2.0}},
    "E": {"max_completion_length": 100},
}

exercise = lesson.exercise("remedies")
exercise.check(remedies, broken)

# %% [markdown]
# Were these the causes? All eight were trained once more, for 40 steps, broken and
# mended, and then played 100 mazes that none of them had seen, three times each, at
# temperature 1. A, B, D, E, F and H have the same mended form: `learns` with half the
# episodes. C keeps its two terms, with the sign put right; G keeps its four mazes, its
# rate and no discount, and is paid as `learns` is.
#
# **Predict:** which broken runs end *below* the model they began with? Does any of them
# learn after all?

# %% tags=["expected"]
from toolkit.lessons.broken_runs import BROKEN, compared
from toolkit.lessons.show import show_before_after

found = compared()
rows = {
    f"{run.case}, {run.cause}": tuple(map(tuple, found[run.case]))
    for run in BROKEN.values()
}
show_before_after(
    {"": rows},
    sides=("broken", "mended"),
    title="Unseen mazes won after 40 steps, with 95 % intervals",
    start=tuple(found["start"]),
)

# %% [markdown]
# The model began with 46 %, and `learns` with half the episodes brings it to 69 %.
#
# - **A, D** win nothing any more. What they could do is gone, and no exam is needed.
# - **B** has lost, too: what it learnt from a few dozen games before the worlds died
#   was worse than nothing.
# - **C, F, H** end exactly where they began: their gradient is 0. Mended, F and H gain
#   as `learns` does. C gains less, and its interval touches that of the start: it is
#   paid for the coin alone.
# - **E** learns after all, if that: 54 %, and its interval overlaps the start's. The
#   rooms of the first turns are paid, and those it plays.
# - **G** has unlearnt to win, and its mended form has not. But with four mazes it has
#   learnt nothing that helps in others either: 44 %. That is a fault of its own, and it
#   was there to make another one show.
#
# One run each (seed 0), so differences of a few points mean nothing here.

# %% [markdown]
# **Exercise.** A detector of your own. In come the returns of all episodes of a batch,
# group after group, and the size of a group. Out goes a list of the groups that teach
# nothing, counted from 0.


# %% exercise="silent_groups"
def silent_groups(returns, size):
    groups = [returns[i : i + size] for i in range(0, len(returns), size)]
    return [k for k, group in enumerate(groups) if sum(group) == 0]  # mend this line


exercise = lesson.exercise("silent_groups")
exercise.check(silent_groups)

# %% [markdown]
# ## 9. One of your own
#
# Faults seldom come alone, and one hides the other. Here are the settings of `learns`,
# with half the episodes a step, and two faults that will be put into them. These runs
# are trained here and now.

# %%
import shutil

from toolkit import load_policy, make_env, train

MAZE = "textworld/coin_collector-105-basic"
OWN = {
    "n_tasks": 40,
    "credit": "turn_return",
    "discount": 0.7,
    "learning_rate": 7e-4,
    "per_device_train_batch_size": 16,
    "live": 16,  # games at a time
    "workers": 0,  # none: all are played in this process
    "seed": lesson.seed,
    "save_strategy": "no",
    "progress": False,
}


def run_again(name, steps, **changes):
    folder = f"runs/{name}"
    shutil.rmtree(folder, ignore_errors=True)
    env = make_env(MAZE, goal="brief")
    settings = OWN | {"max_steps": steps, "output_dir": folder} | changes
    return train(load_policy("pocket"), env, **settings)


# %% [markdown]
# Each run starts from the same model and plays the same mazes, so that what differs
# between two runs is what you changed. And these are the two faults.
#
# **Predict:** which of them will be named first, and why can the other one not be seen
# before that is mended?

# %%
faulty = {"reward": {"success": 1.0, "progress": -1.0}, "max_completion_length": 60}
few = lesson.pick(smoke=3, t4=6, full=6)
diagnose(run_again("first", few, **faulty))

# %% [markdown]
# The token limit is named, and the silence that comes with it is left out: it is only a
# consequence. Mend the first fault, and nothing else.

# %%
faulty["max_completion_length"] = 1024
diagnose(run_again("second", few, **faulty))

# %% [markdown]
# Now games are won, and the second fault can be seen. Mend it, too.

# %%
faulty["reward"] = {"success": 1.0, "progress": 1.0}
whole = run_again("third", lesson.pick(smoke=6, t4=60, full=60), **faulty)
diagnose(whole)

# %% [markdown]
# No alarm. That is not the same as learning: six steps are far too few to see it in the
# games won, as you saw in section 3. What is back is what learning needs:

# %%
print(vital_signs(whole.folder, recording("learns")))
show_vitals(whole.folder, recording("learns"), title="Your own run, mended")

# %% [markdown]
# Groups differ, the gradient is not 0, the gap is, and episodes end by winning or by
# the clock of the game. `lesson.pick` gives it 60 steps on a GPU; on a laptop, write 60
# for 6 and wait a minute or two. Then compare by `evaluate` before and after, as in
# lesson 00.

# %% [markdown]
# ## What you can do now
#
# You go along the chain: do episodes end well? Do groups differ? Is the better one paid
# more? Is the gap 0? Are commands understood, and is there still a choice? Six looks,
# and most runs that learn nothing are understood before you touch the optimiser.
#
# **An open question.** The rules know faults that somebody has met before. Which sign
# would have told you of D if the sampler had recorded probabilities for all tokens, the
# world's too?
#
# **Open ends.** Break `OWN` in a way that no rule sees, and let somebody else look for
# it. Train G's mended form. Start A with `learning_rate=0.005`: after how many steps is
# it told from a healthy run?
#
# **Next:** [lesson 10](10_ppo_and_the_critic.ipynb), can a second network tell how a
# game will end?

# %% [markdown] tags=["guide"]
# ## Plan for 50 minutes
#
# - **0–8 min** Section 2: the chain on the board. Let the class name a fault for each
#   link before you show the table.
# - **8–13 min** Section 3: replay `learns`. Ask for the step at which one can tell.
# - **13–30 min** Section 4 in pairs, exercise `diagnosis` without the monitor.
# - **30–42 min** Sections 5 to 7: one pair of cases for each row of students, who
#   explain it to the others.
# - **42–50 min** `silent_groups`. Section 9 is for home.
#
# ## Plan for 90 minutes
#
# - **0–30 min** As above, to the end of section 4.
# - **30–50 min** Sections 5 to 7, with the two monitors read aloud.
# - **50–60 min** Exercises `remedies` and `silent_groups`, and the picture of broken
#   and mended runs.
# - **60–75 min** Section 9, each at their own machine.
# - **75–90 min** A game: each pair breaks a run in one way, swaps laptops with another
#   pair, and gets five minutes for the diagnosis.
#
# ## What to show live
#
# - `TrainingMonitor.replay("learns")`, then `TrainingMonitor(broken_run("G"))` beside
#   it: the same widget, two stories. Choose the best episode of a late step in G and
#   read its commands aloud.
# - `TrainingMonitor(broken_run("D"))`: the words of the agent without colour.
# - `diagnose(...)` of a run that a student brings.
#
# ## Common errors
#
# The commonest is to begin with the learning rate, whatever is wrong. Insist on the
# order of the chain. The second is to call every gradient of 0 a zero-variance group:
# C, F and H are there to tell three reasons for it apart. The third is to judge by the
# games won after ten steps.
#
# ## Discussion
#
# **Why is the loss not among the signs?** With one update per batch it is minus the
# mean advantage, about 0 in the healthiest run (lesson 05). Its gradient is not.
#
# **Could the mask be checked by a rule?** Its consequence is: the sampling gap. A rule
# that reads the mask itself would need to know what the right one is, and then one
# could use that.
#
# **Is G the fault of the algorithm?** No. It maximises what is paid. The reward is the
# only place where the wish stands.
#
# **Why does diagnosis hide alerts?** A dead world makes silent groups, which make a
# gradient of 0, which makes a plateau. Four alarms for one cause lead people to the
# last of them.
#
# ## Expected numbers
#
# The recordings are the same everywhere. They were trained once each (n = 1, seed 0),
# 16 steps of 16 episodes (F: 40 steps of 32; G: 20 of 16), and the games won of single
# steps say little: in C, whose policy never changes, they go from 12 to 88 %. The
# picture of section 8 is one run of 40 steps for each form (n = 1), examined on 100
# mazes of the validation split, three times each, so its intervals are about 7 points
# to each side and know nothing of other seeds. Section 9 must name `token-limit` first
# and `weights-cancel` second; how many games are won differs by machine.
#
# ## Without a GPU or the internet
#
# The lesson needs neither: recordings, model and games ship with the package. On slow
# machines leave out section 9, or show it once in front. Without any Python, print the
# notebook: the curves and signs stand in it, and exercise 1 is pencil and paper.
#
# ## Exam questions
#
# **1.** All groups are silent, the gradient is 0, and a third of the games is won. Name
# two causes and the sign that tells them apart.
#
# *Solution:* cancelling terms, or games of which each is always won or always lost.
# Look within groups: if won and lost episodes of one game have equal returns, the terms
# cancel.
#
# **2.** The mean return has risen from 0.6 to 2.1 in 15 steps; the share of games won
# has fallen. What has happened, and what do you look at next?
#
# *Solution:* reward hacking. Read the lost episodes that are paid most, and score the
# terms one by one.
#
# **3.** The sampling gap of a new trainer is 2 nats a token from the first step on. Why
# can the learning rate not be the cause, and what can?
#
# *Solution:* at the first step nothing has been updated, so the two policies are the
# same. Either other tokens are trained than were sampled (mask, shift), or they are
# scored in another way (temperature, number format, other weights in the sampler).
