# %% [markdown]
# # What can an agent do in many turns that it cannot do in one?
#
# Make 14 from 10, 5 and 1. You may answer at once, or you may try something on a
# calculator first and look at what it says. The numbers are the same, the rules are the
# same, and still these are two games. When you are through, you can
#
# 1. **say** what a turn buys: another try, the knowledge that it was right, and an
#    answer of the world that a model need not compute itself;
# 2. **compare** one reply with many turns fairly, token for token and group for group;
# 3. **foresee** when training will make an agent look before it answers, and when a
#    small reward for the form will make it answer anything.
#
# You need lesson 00, or to know what an episode, a group and an advantage are. You need
# no GPU, no account and no download.
#
# ![Games won by one language model that was taught three ways to play: few when it
# answers or thinks aloud, about half of them when it checks](end-state)
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

lesson = start("08_countdown", seed=0)

# %% [markdown]
# ## 2. Play both
#
# In the first game you have six turns. `check 10 + 5 + 1` tells what that comes to,
# `answer …` ends the game. Every number must be used exactly once.
#
# **Before you start:** which expression will you check first, and what do you want to
# learn from it?

# %%
from toolkit import make_env, tasks
from toolkit.widgets import EnvStepper

MANY, ONE = "countdown/n3-easy", "countdown/n3-easy-single"
RULES = {"goal": "brief"}
turns, reply = make_env(MANY, **RULES), make_env(ONE, **RULES)
exam = {env: tasks(env, split="test", n=100, **RULES) for env in (MANY, ONE)}

game = EnvStepper(turns, task=exam[MANY][0], plain=True)
game

# %% [markdown]
# In the second game there is one reply, and its last line must hold the answer between
# tags, such as `<answer>10 + 5 + 1</answer>`. If you have not played, this cell types
# for you.

# %%
from toolkit.lessons.show import show_episodes

if not game.turns:
    for command in ("check 10 + 5 + 1", "answer 10 + 5 - 1"):
        game.type(command)
once = EnvStepper(reply, task=exam[ONE][0], plain=True)
once.type("<answer>10 + 5 + 1</answer>")
show_episodes({"Many turns": game.episode, "One reply": once.episode})

# %% [markdown]
# The check told more than right or wrong. 16 is 2 too many, so a 1 has to change sides.
# The second player had to know that *before* speaking.

# %% [markdown]
# ## 3. What is paid
#
# Both games pay as [TinyZero](https://github.com/Jiayi-Pan/TinyZero) does: 1 for an
# answer that makes the target of every number exactly once, 0.1 for any other answer,
# and 0 without one. The 0.1 is for the form: a model that has just begun cannot find
# the tags, and shall learn these first.
#
# **Predict:** what is each of these replies paid?

# %%
from toolkit.lessons.show_credit import show_pay

REPLIES = [
    "<answer>10 + 5 - 1</answer>",
    "<answer>10 + 5</answer>",
    "<answer>15 - 1</answer>",
    "<answer>banana</answer>",
    "It is 10 + 5 - 1.",
    "<answer>10 + 5 - 1</answer> ⏎ I am quite sure.",
]


def pay(said):
    reply.reset(options={"task": exam[ONE][0]})
    return reply.step(said.replace(" ⏎ ", "\n"))[1]


paid = [pay(said) for said in REPLIES]
show_pay(REPLIES, {"paid": paid}, title="Six replies", total=False)

# %% [markdown]
# `banana` is paid as much as an honest mistake, and more than the right answer with a
# friendly word behind it. In the game of many turns it is the same: `answer banana`
# pays 0.1, and six clever checks without an answer pay nothing.
#
# Now four replies to one game are a group, and GRPO compares them (lesson 04).
#
# **Predict:** in the first group one reply has solved the game; in the second one has
# said `banana` in tags, and three have found no tags. Whose praise is larger?

# %%
from toolkit.lessons.show_credit import show_credit
from toolkit.training.credit import grpo

said = [["right"], ["wrong"], ["wrong"], ["no tags"]]
said += [["banana"], ["no tags"], ["no tags"], ["no tags"]]
groups = [[1.0], [0.1], [0.1], [0.0], [0.1], [0.0], [0.0], [0.0]]
show_credit(said, grpo(groups, group_size=4), title="Advantages in two groups of four")

# %% [markdown]
# They are equal but for a hundredth. Since a group is divided by its own deviation,
# a banana among silent replies is praised like a solution among wrong ones. That is
# what the 0.1 is for, in the beginning. Keep it in mind for section 7. And whoever
# counts groups that have taught to *solve* something must not count the second one:
# that is exercise 1.

# %% [markdown]
# ## 4. What a turn buys
#
# First without any learning. With three numbers and only plus and minus there are eight
# ways to set the signs, and in nearly every game one of them is right. Three players:
#
# - the **guesser** gives one reply, with signs at random;
# - the **trier** checks signs at random, never the same twice, and answers when a check
#   hits. In its last turn it answers what it has not tried;
# - the **adjuster** checks the sum of all numbers. It then *uses* what the world says:
#   16 is 2 above the target, so numbers that add up to 1 have to be taken away instead
#   of added.

# %%
import re
from itertools import product

import numpy as np

from toolkit.policies.base import Action, Policy


def read(text):
    """Return the target and the numbers that a game names."""
    target, *numbers = map(int, re.findall(r"\d+", text))
    return target, numbers


def write(signs, numbers):
    pairs = sorted(zip(signs, numbers, strict=True), key=lambda pair: -pair[0])
    return " ".join(f"{'-+'[s > 0]} {n}" for s, n in pairs).removeprefix("+ ")


# %% [markdown]
# A player keeps notes on each game.


# %%
class Player(Policy):
    def start(self, *, greedy=False):
        self.memory = {}  # episode -> what it remembers

    def act(self, observations):
        return [Action(text=self.say(o, self.notes(o))) for o in observations]

    def notes(self, o):
        return self.memory.setdefault(o.episode, {})


# %%
class Trier(Player):
    def __init__(self, last_turn, answer="answer {}"):
        self.last_turn, self.answer = last_turn, answer

    def say(self, o, memory):
        if not memory:
            signs = list(product((1, -1), repeat=len(read(o.text)[1])))
            np.random.default_rng([*o.key, 1]).shuffle(signs)
            memory.update(numbers=read(o.text)[1], left=signs, turn=0)
        elif o.text.endswith(", the target."):
            return self.answer.format(memory["said"])
        memory["turn"] += 1
        memory["said"] = write(memory["left"].pop(), memory["numbers"])
        is_last = memory["turn"] == self.last_turn
        return (self.answer if is_last else "check {}").format(memory["said"])


# %% [markdown]
# The trier says one sum after the other. The adjuster listens.


# %%
class Adjuster(Player):
    def say(self, o, memory):
        if not memory:
            memory["numbers"] = read(o.text)[1]
            return "check " + " + ".join(map(str, memory["numbers"]))
        above = int((re.findall(r"(\d+) above", o.text) or [0])[0])
        numbers = np.array(memory["numbers"])
        for signs in product((1, -1), repeat=len(numbers)):
            taken = numbers[np.array(signs) < 0]
            if 2 * sum(taken) == above:
                return "answer " + write(signs, numbers)


# %% [markdown]
# **Predict:** how many of 100 games does each win? For the trier with six turns, you
# can compute it.

# %%
from toolkit import evaluate
from toolkit.lessons.show import show_success

QUIET = {"workers": 0, "progress": False}
scripted = {
    "guesser, one reply": evaluate(
        Trier(1, "<answer>{}</answer>"), reply, exam[ONE], **QUIET
    ),
    "trier, six turns": evaluate(Trier(6), turns, exam[MANY], **QUIET),
    "adjuster": evaluate(Adjuster(), turns, exam[MANY], **QUIET),
}
for name, found in scripted.items():
    print(f"{name}: {found.mean_turns:.1f} turns a game")
show_success(scripted)

# %% [markdown]
# The trier is no cleverer than the guesser. It has six tries out of eight, five to
# check and a blind one at the end, and wins about six games of eight. The adjuster wins
# all games in two turns. So a turn may buy three things:
#
# - *another try*, the dullest of them;
# - *knowing*: the trier answers only what it has seen to be right;
# - *help*: the world did a sum for the adjuster, and told it how far off it was.

# %% [markdown]
# ## 5. Is that fair?
#
# The trier writes six expressions where the guesser writes one. Let both write the same
# number of them. Then one can also *reply* several times, each time from scratch. But
# who says which reply counts? Suppose that a referee knows; or that nobody does, and
# the most frequent reply is taken.
#
# **Predict:** three curves, from one expression to twelve. Where do they end?

# %%
from toolkit.lessons.show import show_curves

written = np.arange(1, 13)
show_curves(
    {
        "turns with checks": np.minimum(written / 8, 1),
        "replies with a referee": 1 - (7 / 8) ** written,
        "replies, nobody knows": np.full(12, 1 / 8),
    },
    x=written,
    x_name="expressions written for one game",
    title="Chance to win a game of three numbers",
    unit="%",
)

# %% [markdown]
# A check brings its own referee: it makes a guess *known*. Replies without one are no
# better than a single guess, however many there are. Papers that report "pass@8" for
# replies have put the referee into the exam. (The upper curve also never tries the same
# thing twice, because it remembers; replies do not see each other.)
#
# In training there is a referee: each reply is paid. So look at the other side of the
# bill. A group of eight teaches to solve if some of it has won and some has not.
#
# **Predict:** for 48 expressions you get six groups of eight guessers, or a single one
# of eight triers. Which way are more groups mixed?

# %% tags=["nbval-check-output"]
for name, p, n_groups in (("guesser", 1 / 8, 6), ("trier", 6 / 8, 1)):
    mixed = 1 - p**8 - (1 - p) ** 8
    print(f"{name}: groups of eight: {n_groups}, chance to be mixed: {mixed:.2f}")

# %% [markdown]
# Four mixed groups against not quite one. So turns win games, and replies are the
# cheaper lessons, if all that there is to learn is guessing. Turns are worth their
# price where they change *what* has to be learnt. That is the next section.

# %% [markdown]
# ## 6. Who does the sum?
#
# Now a language model: `pocket`, of lesson 00, which has never seen a sum. The games
# have two numbers, so that a minute is enough. Three teachers play the same 1,200 of
# them, and know all answers:
#
# - one **answers** at once;
# - one **thinks aloud**: it writes down the sum and how far it is off, and then the
#   answer, in one reply;
# - one **checks**: it has the world write the very same, and then answers.


# %%
class Teacher(Player):
    def __init__(self, way):
        self.way = way

    def say(self, o, memory):
        if not memory:
            memory["game"] = read(o.text)
            if self.way == "checks":
                return "check " + write((1, 1), memory["game"][1])
        target, (a, b) = memory["game"]
        right = f"{a} + {b}" if a + b == target else f"{max(a, b)} - {min(a, b)}"
        if self.way == "checks":
            return f"answer {right}"
        above = f", {a + b - target} above" if a + b != target else ""
        thought = f"{a} + {b} = {a + b}{above}\n" if self.way == "thinks aloud" else ""
        return f"{thought}<answer>{right}</answer>"


WAYS = {"answers": "-single", "thinks aloud": "-single", "checks": ""}


def games_of(env, *splits):
    return [t for s in splits for t in tasks(env, split=s, n=600, **RULES)]


# %%
from toolkit import collect, load_policy
from toolkit.lessons.show import show_tokens
from toolkit.training.imitation import encode_episode

policy = load_policy("pocket")
lessons, worlds, tests = {}, {}, {}
for way, form in WAYS.items():
    name = f"countdown/n2-easy{form}"
    worlds[way] = make_env(name, **RULES)
    shown = games_of(name, "train", "demonstration")
    lessons[way] = collect(Teacher(way), worlds[way], shown, **QUIET)
    tests[way] = tasks(name, split="test", n=100, **RULES)

show_episodes({way: played[2] for way, played in lessons.items()})

# %%
show_tokens(encode_episode(policy, lessons["checks"][2]), policy.tokenizer)

# %% [markdown]
# The model learns the marked tokens; what the world writes it only reads. Thinking
# aloud, it would have to learn the sum as well. (For pocket, tags are made of many
# tokens: a reply and a game of two turns cost about the same.)
#
# Each teacher is imitated for the same number of steps. The baseline is zero: an
# untaught pocket wins none of these games.
#
# **Predict:** how many games of 100 will each of the three win, on numbers that they
# have not met together?

# %%
from toolkit.training.imitation import ImitationConfig, imitate

HOW = {"batch_size": 16, "learning_rate": 1.5e-3, "seed": lesson.seed}
SIT = {"samples": 2, "seed": 1, **QUIET}


def school(way):
    learner = load_policy("pocket", max_action_tokens=32)
    imitate(learner, lessons[way], ImitationConfig(steps=120, **HOW))
    return evaluate(learner, worlds[way], tests[way], **SIT)


taught = {way: school(way) for way in ("answers", "thinks aloud")}

# %%
taught["checks"] = school("checks")

# %% tags=["end-state", "expected"]
show_success({f"it {way}": found for way, found in taught.items()})

# %% [markdown]
# **Predict:** where do the other two go wrong? Below is the same game, played by all
# three.

# %%
show_episodes({f"It {way}": found.episodes[2] for way, found in taught.items()})

# %% [markdown]
# Thinking aloud has not helped. The sum that it writes is made up, the numbers in it
# often as well, and a longer reply has more places to go wrong. The model that checks
# can add no better. It has learnt to copy two numbers, to read
# one word, and to choose a sign; the adding is done by the world. So many turns are
# not more of the same. They turn a problem of arithmetic into one of reading.
#
# (A large model adds well in its head, and thinking aloud is then a fine tool. It has
# other sums that it cannot do: what a program prints, what stands in a file. The
# question is the same: *who* knows?)

# %% [markdown]
# ## 7. Would it find out by itself?
#
# Suppose nobody says that checking is good. The model has seen people do both: half of
# them answered at once, with a sign at random, and half checked first. Reinforcement
# learning may choose.
#
# First with numbers. Answering at once is right once in four tries, say: that pays
# $0.25 + 0.75 \cdot 0.1$. Of games that begin with a check, a share $s$ is solved, a
# share $w$ ends with a wrong answer, and in the rest the model gets lost and never
# answers: that pays $s + 0.1\,w$.
#
# **Predict:** from which $s$ on does checking pay better, if as many games end wrong as
# get lost? And if only solved games were paid?

# %%
solved = np.linspace(0, 1, 21)
lost = (1 - solved) / 2
show_curves(
    {
        "paid 0, 0.1 or 1": {
            "check first": solved + 0.1 * lost,
            "answer at once": np.full(21, 0.25 + 0.75 * 0.1),
        },
        "paid 0 or 1": {"check first": solved, "answer at once": np.full(21, 0.25)},
    },
    x=100 * solved,
    x_name="games solved that begin with a check, in percent",
    title="What each habit is paid",
)

# %% [markdown]
# Training goes to the higher line *as it stands now*. A model that checks badly will be
# taught not to check, though checking is what could make it good. The 0.1 moves the
# crossing a little to the right: who answers is paid, whatever the answer.
#
# Now with the model. It learns both habits from games that show both. After 80 steps it
# is a *beginner*; after 120 more it is *trained*.


# %%
class Both(Teacher):
    def say(self, o, memory):
        coin = np.random.default_rng([*o.key, 1])
        if not memory and coin.random() < 0.5:
            signs = (1, 1) if coin.random() < 0.5 else (1, -1)
            return "answer " + write(signs, sorted(read(o.text)[1], reverse=True))
        return super().say(o, memory)


world, pool = worlds["checks"], games_of("countdown/n2-easy", "train", "demonstration")
habits = collect(Both("checks"), world, pool, **QUIET)


def study(learner, steps):
    imitate(learner, habits, ImitationConfig(steps=steps, **HOW))
    return learner


# %% [markdown]
# Then 20 steps of GRPO, paid 0, 0.1 or 1 as the game pays. Nothing else is told.
#
# **Predict:** which of the two will check more often afterwards, and which less? Which
# will win more games?

# %%
from toolkit import train

PLAY = {
    "credit": "grpo",
    "reward": "game",
    "learning_rate": 4e-4,
    "num_generations": 8,
    "per_device_train_batch_size": 64,
    "live": 64,
    "max_steps": 20,
    "save_strategy": "no",
}


# %%
def reinforce(learner, name):
    folder = f"runs/{lesson.name}/{name}"
    run = train(
        learner,
        world,
        tasks=pool,
        output_dir=folder,
        seed=lesson.seed,
        progress=False,
        workers=0,
        **PLAY,
    )
    return run.policy


# %%
def sit(learner):
    return evaluate(learner, world, tests["checks"], **SIT)


learner = study(load_policy("pocket", max_action_tokens=24), 80)
state = {k: v.clone() for k, v in learner.model.state_dict().items()}
found = {"beginner": [sit(learner)]}
found["beginner"].append(sit(reinforce(learner, "beginner")))

# %%
learner.model.load_state_dict(state)
found["trained"] = [sit(study(learner, 120))]
found["trained"].append(sit(reinforce(learner, "trained")))

# %% tags=["expected"]
from toolkit.lessons.show import show_before_after
from toolkit.statistics import wilson


def share(evaluation, is_so):
    hits = [is_so(e) for e in evaluation.episodes]
    return (np.mean(hits), *wilson(sum(hits), len(hits)))


def checks(episode):
    return episode.turns[0].action.startswith("check")


views = {"begin with a check": checks, "won": lambda e: e.won}
show_before_after(
    {
        view: {n: [share(e, is_so) for e in pair] for n, pair in found.items()}
        for view, is_so in views.items()
    },
    sides=("before RL", "after RL"),
    title="Shares of 200 games",
)

# %%
for name, pair in found.items():
    earned = [np.mean([e.total_reward for e in side.episodes]) for side in pair]
    print(f"{name}: paid {earned[0]:.2f} before, {earned[1]:.2f} after")

# %% [markdown]
# The same algorithm, the same pay, the same games. Both runs earn more than before, and
# by that measure both went well. But the trained model has learnt to look before it
# answers, and the beginner has learnt not to look. It takes its 0.1, now and then a
# lucky win, and stops there: once all eight of a group answer at once, nobody checks,
# and nothing can be said in favour of checking. That is *exploration lost*.
#
# **Look** at one game, before and after. It is one that changed, if there is one.

# %%
from toolkit.widgets import EpisodeCompare

EpisodeCompare.before_after(*found["trained"], tokenizer=policy.tokenizer)

# %% [markdown]
# What helps: demonstrations until the better habit is also the better paid one (this is
# what the 120 steps did, and lesson 06); easier games first; pay for a check that comes
# nearer, as a *change* of a potential (lesson 03), never for checking as such; and 0.1
# only as long as it takes to find the form. And look at what an agent *does*. The mean
# reward rose in both runs.

# %% [markdown]
# ## 8. Now you
#
# A check says what is off, as often as you ask.

# %% [markdown]
# **Exercise.** Which groups teach to solve? In come the rewards of a group, each 0, 0.1
# or 1. Return whether comparing them can tell a solution from what is none.


# %% exercise="teaches_to_solve"
def teaches_to_solve(rewards):
    return max(rewards) > min(rewards)  # mend this line


exercise = lesson.exercise("teaches_to_solve")
exercise.check(teaches_to_solve)

# %% [markdown]
# **Exercise.** What is the trier paid on average? One of `candidates` expressions is
# right. It tries them in any order, none twice, checks in every turn but the last, and
# answers in the turn after a hit. In its last turn it must answer, with something that
# it has not tried. There are no more turns than candidates. A wrong answer pays
# `wrong_pay`, a right one 1.


# %% exercise="expected_pay"
def expected_pay(candidates, turns, wrong_pay):
    return (turns - 1) / candidates  # mend this line


exercise = lesson.exercise("expected_pay")
exercise.check(expected_pay)

# %% [markdown]
# **Exercise.** Use what the world says. You have checked the sum of all numbers, and it
# is `above` too large. Return the list of those numbers that are to be taken away
# instead of added, such as `[1]` for 10, 5 and 1 with 2 above. There may be any number
# of them, some may be equal, and none may be needed. `combinations` of `itertools`
# helps.


# %% exercise="to_take_away"
def to_take_away(numbers, above):
    return [n for n in numbers if n == above]  # mend this line


exercise = lesson.exercise("to_take_away")
exercise.check(to_take_away)

# %% [markdown]
# ## What you can do now
#
# You can say what an agent buys with a turn, and you ask of each turn who knows what.
# You compare one reply with many turns at equal cost, and do not mistake a referee in
# the exam for a skill. You know why a small reward for the form is loud, and that
# training strengthens the habit that pays now, not the one that could pay.
#
# **An open question.** A check costs a turn, and a model that adds well does not need
# it. How would you pay an agent so that it checks when it is unsure, and only then? Who
# would tell you that it was unsure?
#
# **Open ends.** In section 7, pay `reward="success"`, which leaves the 0.1 away: does
# it save the beginner? Charge 0.05 for each turn with
# `Mix({"game": 1, "step_cost": 0.05})`. Teach the model of section 6 to think aloud
# *and* to check. Give the trier a game of four numbers. Write down first what you
# expect.
#
# **Next:** [lesson 09](09_nothing_learns.ipynb), why is nothing learning?

# %% [markdown] tags=["guide"]
# ## Plan for 50 minutes
#
# - **0–8 min** Section 2 with the class: the numbers on the board, everybody names a
#   first check and says what it is for. Then section 3: the pay of six replies.
# - **8–20 min** Section 4: predict the trier's share (6 of 8), run, and collect the
#   three things a turn buys.
# - **20–27 min** Section 5, the picture only: who is the referee?
# - **27–40 min** Section 6: predict, run (about half a minute), read the three replies.
# - **40–50 min** Section 7 without the numbers: let half of the class bet on the
#   beginner, half on the trained model. All exercises are for home.
#
# ## Plan for 90 minutes
#
# - **0–20 min** Sections 2 and 3, with exercise `teaches_to_solve` at once after them.
# - **20–40 min** Section 4; people write `to_take_away` before they see the adjuster.
# - **40–52 min** Section 5 whole, and `expected_pay` in pairs.
# - **52–65 min** Section 6. Who is done early makes thinking aloud *and* checking.
# - **65–80 min** Section 7 whole; dwell on the two pictures that rise together with the
#   mean reward, and on the one that does not.
# - **80–90 min** The discussion below.
#
# ## What to show live
#
# - `EnvStepper(turns, task=exam[MANY][1])` and let the class call out commands; undo a
#   check to ask what it has bought.
# - `RewardDesigner(found["beginner"][0].episodes, "game")` after section 7: take the
#   0.1 away by changing to `success`, and watch how many groups fall silent.
# - `EpisodeCompare.before_after(*found["beginner"])`: a game in which the check has
#   disappeared.
#
# ## Common errors
#
# The first stub is the trap that has been in released code: groups whose rewards differ
# are kept, and the 0.1 makes groups differ in which nobody has solved anything. The
# second leaves out that the last answer is a try, too. The third takes the number that
# the world says at its word; a number that changes sides counts twice. In talk, listen
# for "more turns are better because there is more time to think": section 6 compares at
# about equal numbers of tokens.
#
# ## Discussion
#
# **Is a check cheating?** It is if the exam is to measure arithmetic, and it is not if
# the exam is to measure whether somebody gets a sum right. Say first what the score is
# for.
#
# **Why does nothing in the beginner's run look wrong?** The loss, the mean reward and
# the share of answers are all as in a good run. Only what it *does* has changed, and
# that has to be looked at: the share of games with a check, or a few episodes.
#
# **Would a bonus for each check help the beginner?** It would check, six times a game,
# and never answer. Pay for coming nearer, as a change of a potential (lesson 03).
#
# **Does section 6 show that thinking aloud is useless?** No. It shows that it is for a
# model that cannot add. The same comparison with a model that adds well may come out
# the other way round, and then the tokens of the checks are wasted.
#
# ## Expected numbers
#
# Sections 2 to 5 are the same everywhere, but for the games won by the guesser and the
# trier: 100 games leave a standard error of 4 points. Section 6, the seeds 0, 1 and 2,
# 200 games each: it answers, 12, 11 and 14 % won; it thinks aloud, 2, 3 and 3 %; it
# checks, 50, 48 and 36 %. With 150 instead of 120 steps, seed 0: 16, 8 and 59 %.
#
# Section 7, the same three seeds. Beginner: games that begin with a check fall from 34,
# 36 and 56 % to 0 %; won, 4, 4 and 5 % before, 4, 10 and 0 % after. Trained: from 36,
# 42 and 51 % to 94, 89 and 90 %; won 38, 39 and 37 % before, 52, 54 and 43 % after
# (with seed 2 the intervals overlap). Pay, seeds 0 and 1: the beginner 0.11 before,
# 0.13 and 0.18 after, the trained one 0.43 and 0.44 before, 0.55 and 0.57 after. A
# beginner paid 0 or 1 alone (one run, 25 steps) also stopped checking, so the 0.1 is
# not the only reason. For other seeds, change `seed=0` in the setup cell.
#
# ## Without a GPU or the internet
#
# The lesson needs neither; the model ships with the package and the games are made on
# the spot. Without any Python, print [its page](../08_countdown.ipynb) and play
# sections 2 and 4 with pencil and paper, one student being the calculator.
#
# ## Exam questions
#
# **1.** A group of four is paid 0.1, 0.1, 0.1 and 0. Does it teach anything, and what?
# Give the advantages without the division.
#
# *Solution:* 0.025, three times, and -0.075. It teaches to answer in the right form,
# and nothing about which answers are right.
#
# **2.** Sixteen expressions are possible and one is right. A player may write four.
# Give its chance to win if it checks three of them and answers then; if it writes four
# replies and a referee takes the right one, each from scratch; and if nobody knows
# which one is right.
#
# *Solution:* 4/16 = 0.25, since the last answer is a fourth try. 1 - (15/16)^4 = 0.23.
# 1/16 = 0.06.
#
# **3.** Of a model's games that begin with a check, 20 % are solved, 30 % end with a
# wrong answer and half are never answered. Answering at once it is right 15 % of the
# time, and always answers. Which habit will training strengthen, paid 0, 0.1 or 1? And
# paid 0 or 1?
#
# *Solution:* checking pays 0.20 + 0.03 = 0.23, answering 0.15 + 0.085 = 0.235: the
# latter. Paid 0 or 1 it is 0.20 against 0.15, and checking wins.
