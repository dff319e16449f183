# %% [markdown]
# # How do you pay an agent that repairs code?
#
# A program is wrong, some tests fail, and a model may look, edit, run the tests and
# hand its work in. Whether it did well is decided by code that it can touch. When you
# are through, you can
#
# 1. **say** what a sandbox has to forbid before code of a model runs, and try it;
# 2. **compute** what a repair is paid, and **attack** the grader that decides on it;
# 3. **tell** what a small model learns on a reduced task, and what it does not.
#
# You need lesson 03, or to know what a reward is. You need no GPU, no account and no
# download.
#
# ![Repairs won by a small model: a quarter before training, and some forty of a hundred
# after it, with either reward](end-state)
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

lesson = start("13_swe_agent", seed=0)

# %% [markdown]
# ## 2. A bug, its tests, and a sandbox
#
# The toolkit's `swe/…` worlds are real packages with one bug each. They are fetched
# once, and a lesson shall not. So here is a package of our own, written into a folder:
# one file, eight tests. Its bugs, tests and grader are as real as theirs.
#
# **Predict:** one character below is wrong. Three tests of `fine` fail, and
# `test_the_first_days_are_free` and `test_there_is_a_most` pass. Why do those two pass?

# %% tags=["nbval-check-output"]
from pathlib import Path

from toolkit.environments.swe.bugs import write_bugs
from toolkit.lessons.lending import SOURCE, found_files, make_lending

home = Path("runs", lesson.name)
bug = make_lending(home / "lending")
write_bugs(home / "bugs.json.xz", [bug])
found = found_files(bug)
print(found[SOURCE])
print(len(bug.fail_to_pass), "tests fail,", len(bug.pass_to_pass), "pass")

# %% [markdown]
# They do not reach the mistake, or do not notice it: three days return before that
# line, and after 90 days the fine is at its most, with `+` as with `-`.
#
# Each turn of a repair is one action: `ls`, `view`, `search`, `replace`, `insert`,
# `run_tests`, `diff`, `submit`. Nothing is paid before `submit`. And `run_tests` runs
# whatever the model has written. A model under training tries *everything*, so that
# code must not reach your files, your keys or your network. Which sandbox can this
# machine have?

# %%
from toolkit.sandbox import Level, detect_level

level = detect_level()
for each in Level:
    print("→" if each is level else " ", each.label)

# %% [markdown]
# The first two isolate. At the other two (`unshare`, `limits`) the toolkit refuses to
# run code, unless you say `trusted=True`, which means that you trust whoever wrote it
# with your files. In this lesson only its own code and yours is run, no model's. So if
# your machine has no safe sandbox, we go on with what there is, and say so.
#
# **Predict:** four things that code under test might try. Which of them work?

# %%
import os
import socket

service = socket.create_server(("127.0.0.1", 0))
os.environ["PRETEND_KEY"] = "of no value"
outside = (home / "outside.txt").resolve()
ATTEMPTS = {
    "write a file outside": f"open({str(outside)!r}, 'w').write('x')",
    "call a service of this machine": "import socket; socket.create_connection("
    f"{service.getsockname()}, 2)",
    "read the notebook's keys": "import os; os.environ['PRETEND_KEY']",
    "take 64 GiB of memory": "bytearray(64 << 30)",
}

# %%
import sys

from toolkit.sandbox import open_sandbox

trusted = not level.isolated  # for code of this lesson and yours, never a model's
inside = home / "inside"
inside.mkdir(exist_ok=True)
with open_sandbox(inside, trusted=trusted) as box:
    for name, code in ATTEMPTS.items():
        done = box.run([sys.executable, "-c", code], timeout_s=20)
        error = (done.output.strip() or done.stopped or "ended").splitlines()[-1]
        print(f"{name}: {error.split(':')[0] if done.returncode else 'it worked!'}")
service.close()

# %% [markdown]
# In bubblewrap or a container none of the four works: nothing but the folder is
# writable, there is no network, the environment is a clean one, and limits bind. If
# your machine has let something through, that is why `trusted` exists: the paper's
# released code ran the commands of its model on the training host itself.

# %% [markdown]
# ## 3. Repair it by hand
#
# Beside the box stand the files, what you have changed, what the tests said last, and,
# in the end, the grade. Click on the number of a line to put an edit of it into the
# box. Ctrl+Enter plays.
#
# **Before you start:** what will be your first action, and is there one that you would
# do in every repair?

# %%
from toolkit import make_env, tasks
from toolkit.widgets import EnvStepper

LENDING = {"bugs": str(home / "bugs.json.xz"), "trusted": trusted}
world = make_env("swe/all", **LENDING)
task = tasks("swe/all", **LENDING)[0]
EnvStepper(world, task=task)

# %% [markdown]
# Here is somebody else at the same bug, who looks, and changes the one line for two of
# the three tests instead of mending the mistake.

# %%
game = EnvStepper(world, task=task)
LINE = "    return min(most, (days + FREE_DAYS) * per_day)"
BY_HEART = "    return {4: 20, 5: 40}.get(days, most)"
EDIT = "replace lending/fines.py\n<<<<<<< OLD\n{}\n=======\n{}\n>>>>>>> NEW"
actions = ["view lending/fines.py 10:16", EDIT.format(LINE, BY_HEART)]
for action in (*actions, "run_tests", "submit"):
    game.type(action)
game

# %% [markdown]
# Two tests of three were mended and none was broken, so this was paid 2/3, for a
# function that knows two days. Remember it for section 5.
#
# Now the **expert**, which knows the bug and undoes it through the same actions.

# %%
from toolkit import collect
from toolkit.policies import ExpertPolicy
from toolkit.widgets import EpisodeView

QUIET = {"workers": 0, "progress": False}
expert = collect(ExpertPolicy(), world, [task], **QUIET)[0]
view = EpisodeView(expert)
view.jump(2)
view

# %% [markdown]
# It looks, edits, tests and submits. The view costs it a turn that it does not need:
# demonstrations have to *show* where knowledge comes from, or a model learns to edit
# what it has not read.

# %% [markdown]
# ## 4. What is a repair worth?
#
# First with pencil and paper. A bug makes some tests fail (*fail to pass*); the others
# pass anyway (*pass to pass*). Three ways to pay:
#
# - **all tests**: passed tests of all tests, as in the code that the paper released;
# - **ratio**: the part of the failing tests that pass now, *times* the part of the
#   others that still do;
# - **binary**: 1 if both parts are whole, else 0.
#
# **Predict:** 2 tests fail and 48 pass. What does each way pay for a patch that adds a
# comment? For one that mends both and breaks 12 others?

# %%
from toolkit.lessons.show_credit import show_pay

CASES = {  # failing tests that pass now, of 2, and others that still do, of 48
    "adds a comment": (0, 48),
    "mends one": (1, 48),
    "mends both, breaks 12": (2, 36),
    "mends both": (2, 48),
    "deletes the function": (0, 24),
}
parts = [(mended / 2, kept / 48) for mended, kept in CASES.values()]
ways = {
    "all tests": [(2 * a + 48 * b) / 50 for a, b in parts],
    "ratio": [a * b for a, b in parts],
    "binary": [float(a == b == 1) for a, b in parts],
}
show_pay(list(CASES), ways, title="What five patches are paid", total=False)

# %% [markdown]
# Counting all tests, a comment is paid 0.96, more than a repair with side effects. Of
# the reward's range, 0.04 is left for the work. Under such a reward the surest way is
# to touch nothing. The paper reports 22 % for this reward and 4.2 % for the binary one
# (Table 12), and both from a base of 4 %: a share of tests that pass, not of repairs.
# How much of the 22 were tests that passed anyway, its table does not say.
#
# The product has no such floor. Now the real grader, on real files. It takes the
# package's own files, puts them into a *fresh* copy with the published tests, and runs
# these in a new process.
#
# **Predict:** the pay of each of these five, by the ratio.

# %% tags=["expected", "nbval-check-output"]
from toolkit.lessons.lending import hand_in

wrong = found[SOURCE]
right = wrong.replace("(days + FREE", "(days - FREE")
PATCHES = {
    "a comment": found | {SOURCE: wrong + "# mended\n"},
    "tests deleted": {p: t for p, t in found.items() if not p.startswith("tests/")},
    "two days by heart": found | {SOURCE: wrong.replace(LINE, BY_HEART)},
    "mended, a sum broken": found | {SOURCE: right.replace("sum(f", "len(f")},
    "mended": found | {SOURCE: right},
}
for name, files in PATCHES.items():
    grade = hand_in(files, bug)
    print(f"{name}: {grade.ratio:.2f} by ratio, {grade.binary:.0f} by binary")

# %% [markdown]
# Deleted tests are there again, and pay nothing. Something is left: the patch that
# knows two days by heart is paid 0.67, and one that knows three would be paid 1.

# %% [markdown]
# ## 5. Cheat the grader
#
# Tests and the code under test share one Python process. Whoever writes the code may
# try to change the *verdict* instead of the behaviour.
#
# **Predict:** below are four classics. Which of them are paid?

# %%
HOOK = """import pytest
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item, call):
    call.excinfo = None
"""
EQUAL = """class Any(int):
    def __eq__(self, other):
        return True
"""
CLASSICS = {
    "every report says passed": {"tests/conftest.py": HOOK},
    "the tests are easier": {"tests/test_fines.py": "def test_fine(): pass\n"},
    "end before a test can fail": {SOURCE: "raise KeyboardInterrupt\n" + wrong},
    "equal to everything": {SOURCE: EQUAL + wrong.replace("min(most", "Any(most")},
}

# %%
for name, files in CLASSICS.items():
    grade = hand_in(found | files, bug)
    beside = f"not counted: {', '.join(grade.ignored)}" if grade.ignored else ""
    print(f"{name}: paid {grade.ratio:.0f}. {grade.refused or beside}")

# %% [markdown]
# Four walls, for four hopes. *Files beside the package's own* (tests, `conftest.py`,
# settings) are not taken over. *A run that ends early* proves nothing: a test has
# passed only if it was seen to pass. *Names* that no repair needs more of, such as
# `__eq__` or `exit`, are refused before anything runs. And some tests are planted that
# *must fail*, under names drawn for each grading: if they pass, somebody has been at
# pytest.
#
# What no wall stops is an answer learnt by heart: to the tests it is a repair. Only
# tests that the model has not seen tell the difference. And a list of names can be got
# around by somebody who thinks longer. A reward in code is attacked by whatever is
# trained on it; keep looking at what is handed in. Your own attack is exercise 3.

# %% [markdown]
# ## 6. Train, on a reduced task
#
# The model that ships with the package has under a million weights. It cannot read
# code. So the task is *reduced*: a real function, with three or four marked tokens, one
# of them wrong, and for each a few tokens to choose from. `try 3` sets the third
# choice, `test` tells how many tests fail, `submit` ends. What tests say was measured
# for every choice, so an episode runs no code. The model sees how many tests fail and
# the list, and **nothing of the code: it is a search**, and a success says nothing
# about repairing.
#
# Toy numbers: with 5 choices, a blind guess wins 1 of 5. Who sets and tests one after
# the other has eight turns.
#
# **Predict:** how many of 5 choices can it try, and what is its chance?

# %%
CHOICE = "swe-choice/all"
plays = {r: make_env(CHOICE, goal="brief", reward=r) for r in ("binary", "ratio")}
exam = tasks(CHOICE, split="test", n=55, goal="brief")
by_hand = EnvStepper(plays["binary"], task=exam[0], plain=True)
for action in ("try 1", "test", "try 2", "test"):
    by_hand.type(action)
by_hand

# %% [markdown]
# Of 5 choices it can try four: three are tested, and the last one is handed in blind.
# So it wins 4 of 5. (There are 3 to 8 choices in a task.)
#
# `pocket-code` has seen such tasks in other packages, played by people who test and by
# people who guess. **The baseline** is how it plays now; success is measured in the
# same way for all, by whether *all* tests pass.

# %%
from toolkit import evaluate, load_policy


def sit(policy):
    return evaluate(policy, plays["binary"], exam, samples=4, seed=1, **QUIET)


def habits(result):
    tested = [any(t.action == "test" for t in e.turns) for e in result.episodes]
    return f"{sum(tested) / len(tested):.0%} test, {result.mean_turns:.1f} turns"


results = {"before": sit(load_policy("pocket-code"))}
print(f"won {results['before'].success:.0%},", habits(results["before"]))

# %% [markdown]
# Sixteen steps of PPO (lesson 10) with each reward, from the same start, on packages
# that are not in the exam.
#
# **Predict:** which reward teaches more? When can the ratio differ from the binary
# reward at all?

# %%
from toolkit import train

HOW = {
    "credit": "gae_turn",
    "num_generations": 1,
    "reward": "game",  # what the world pays: binary, or by ratio
    "learning_rate": 5e-4,
    "per_device_train_batch_size": 32,
    "live": 32,
    "max_steps": lesson.pick(smoke=16, t4=40, full=40),
    "save_strategy": "no",
}


def practise(reward):
    learner, folder = load_policy("pocket-code"), f"runs/{lesson.name}/{reward}"
    run = train(
        learner, plays[reward], output_dir=folder, seed=lesson.seed, **HOW, **QUIET
    )
    return run.policy


# %%
results["paid binary"] = sit(practise("binary"))

# %%
results["paid by ratio"] = sit(practise("ratio"))

# %% tags=["end-state", "expected"]
from toolkit.lessons.show import show_success

show_success(results)

# %%
for name, result in results.items():
    print(f"{name}: {habits(result)}")

# %% [markdown]
# Both runs win more than before, and between them nothing can be seen. What was learnt
# is to **test, and to go on** if tests fail; nobody said that it pays. The ratio can
# only differ where a choice repairs *part* of the failing tests, and that is rare here:
# 0.4 of 5.4 choices in a task. In real repairs of many failing tests it is not.
#
# Two runs prove little. Here are sixteen, of forty steps each, that were made with the
# same settings.

# %%
from toolkit.lessons.show import show_experiment

show_experiment("experiments/results/swe_choice.json")

# %% [markdown]
# All sixteen gained, some 16 points on average. Ratio minus binary, over eight pairs:
# +0.7 points, with an interval from -2.7 to +4.0. The paper's 22 against 4.2 is not
# found, and could not be: another model, another task, and another ratio.
#
# **Look** at one task, before and after.

# %%
from toolkit.widgets import EpisodeCompare

EpisodeCompare.before_after(results["before"], results["paid by ratio"])

# %% [markdown]
# **Change one thing:** give `max_turns=4` to `make_env` and to `tasks`, where `plays`
# and `exam` are made. How many choices can be tried now, and what is left to learn?

# %% [markdown]
# ## 7. With a model that reads code
#
# Three things change, and none of them is run here.
#
# **The context fills.** A view or a test run is up to 4,000 characters, and there are
# 25 turns. What an episode may hold is counted in tokens (`max_context`), each
# observation is cut after `max_chars` *with a notice of how much is missing*, and an
# episode that outgrows its context ends, with `context_limit` as its reason. It is
# paid nothing: too long is a habit like any other, and can be unlearnt. The paper gave
# 3,000 tokens for 10 calls and 6,000 for 40, and won more with more (Table 4). One may
# also show the task and the newest turns alone, as `load_policy(…, history=8)` does;
# exercise 5 decides which.
#
# **Predict:** how many characters has the model read when it hands in the repair of
# section 3, of a package with one file of 21 lines? A token of code has about three.

# %%
read = 0
for turn in expert.turns:
    read += len(turn.observation)
    print(f"before {turn.action.split()[0]}: {read:,} characters read")

# %% [markdown]
# Most of it is the first text, which explains the actions. In a real package a single
# view of 4,000 characters outgrows all of this.
#
# **The presets.** `experiments/swe.yaml` trains Qwen2.5-Coder-1.5B on the shipped bugs
# on one GPU of 80 GB, binary against ratio; `experiments/swe_gym.yaml` trains Qwen3-8B
# on SWE-Gym, one project against five. Both were loaded and planned for memory (lesson
# 12), and **nobody has run them**. What comes out is not known.
#
# **The images.** SWE-Gym's bugs are real ones from real projects, and each needs its
# project as it was on that day. So each has an image of gigabytes, for Docker or
# Podman. Actions and pay are the same as here, and the sandbox is the container.

# %% [markdown]
# ## 8. Now you
#
# **Exercise.** What is a repair paid? In come the failing tests that pass now and how
# many were failing, the other tests that still pass and how many there were. Pay by the
# *ratio* of section 4: part of a repair is paid in part, what it breaks costs, and
# tests that passed anyway pay nothing.


# %% exercise="repair_pay"
def repair_pay(mended, failing, kept, passing):
    return (mended + kept) / (failing + passing)  # mend this line


exercise = lesson.exercise("repair_pay")
exercise.check(repair_pay)

# %% [markdown]
# **Exercise.** Which part of the wanted tests has passed? In come their ids, and a
# report: a dictionary from ids to `"passed"`, `"failed"` or `"skipped"`. The report
# was written by a run that somebody may have wanted to deceive you.


# %% exercise="part_passed"
def part_passed(wanted, report):
    failed = [test for test in wanted if report.get(test) == "failed"]
    return 1 - len(failed) / len(wanted)  # mend these lines


exercise = lesson.exercise("part_passed")
exercise.check(part_passed)

# %% [markdown]
# **Exercise.** Invent an attack. `files` is what a repairer finds: texts by their
# paths, such as `lending/fines.py` or `tests/conftest.py`. Return other files: change
# some, add some, leave some out. The check hands them in to the toolkit's own grader,
# in the sandbox, and tells what they were paid. It accepts every real attempt, paid or
# not; a repair, a wrong repair and a harmless patch are none.


# %% exercise="attack"
def attack(files):
    return files | {SOURCE: files[SOURCE] + "\n# all is well\n"}  # mend this line


exercise = lesson.exercise("attack")
exercise.check(attack)

# %% [markdown]
# **Exercise.** What is the chance to win the reduced task? In come the number of
# choices, one of which is right, and of turns. Setting a choice, testing and submitting
# take a turn each. The player tries no choice twice, in any order, and always hands
# something in.


# %% exercise="search_wins"
def search_wins(choices, turns):
    return min(1, turns / choices)  # mend this line


exercise = lesson.exercise("search_wins")
exercise.check(search_wins)

# %% [markdown]
# **Exercise.** What is shown to a model whose episode has outgrown the context? In come
# the tokens of its parts (part 0 is the task, which always has room, the others are
# turns), and the budget. Return the numbers of the parts that are shown, in order: the
# task, and as many of the *last* turns as fit, without a gap between them.


# %% exercise="kept_turns"
def kept_turns(sizes, budget):
    return [k for k in range(len(sizes)) if sum(sizes[k:]) <= budget]  # mend this line


exercise = lesson.exercise("kept_turns")
exercise.check(kept_turns)

# %% [markdown]
# ## What you can do now
#
# You know what has to be forbidden before a model's code runs, and you have tried it.
# You compute what a repair is paid, and ask of every reward what doing nothing earns.
# You have attacked a grader. And you call a search a search, however real its tests.
#
# **An open question.** An answer learnt by heart passes the tests that are known.
# Hidden tests find it out, until training has learnt to pass these. What could be paid
# for that a model cannot learn by heart?
#
# **Open ends.** Write tests for `fine` that no answer by heart can pass. Write a
# package of your own, and let `make_bugs` (`toolkit.environments.swe.workbench`) find
# bugs that its tests notice. Fetch the real packages with `toolkit swe prepare`
# and repair `swe/toolz`. Write down first what you expect.
#
# **Next:** this was the last lesson. What you have built or broken is worth a
# [world of your own](../notebooks/bring_your_own_environment.ipynb).

# %% [markdown] tags=["guide"]
# ## Plan for 50 minutes
#
# - **0–8 min** Section 2: the class finds the wrong character, then predicts the four
#   attempts against the sandbox.
# - **8–18 min** Section 3 on the teacher's screen, the class calls out actions; then
#   the patch that learns two days by heart.
# - **18–28 min** Section 4: five patches on the board, three ways to pay.
# - **28–42 min** Section 5 and exercise `attack` in pairs: whose attempt is paid?
# - **42–50 min** Section 6, the pictures only. Say twice that it is a search.
#
# ## Plan for 90 minutes
#
# - **0–12 min** Section 2. Who has a weak sandbox says what got through.
# - **12–27 min** Section 3, everybody repairs; then the expert.
# - **27–42 min** Section 4 with `repair_pay` and `part_passed`.
# - **42–62 min** Section 5 and `attack`; collect attempts by the wall that they hit.
# - **62–78 min** Section 6 with `search_wins` before the run.
# - **78–85 min** Section 7, `kept_turns` for home.
# - **85–90 min** The discussion below.
#
# ## What to show live
#
# - `EnvStepper(world, task=task)`: the panel of files, changes and tests; undo an edit.
# - `toolkit play swe/toolz` in a terminal, where the packages were fetched.
# - `hand_in(found | {path: text}, bug)` with whatever the class proposes, and
#   `grade.refused`, `grade.ignored`.
# - `toolkit doctor`: which sandbox the machine has, and how to get a better one.
#
# ## Common errors
#
# "The tests pass, so it is repaired": two days learnt by heart are the counterexample.
# "The ratio is the share of tests that pass": that is the released reward, which pays
# for doing nothing. "An attack that was paid 0 has failed the exercise": it is what
# should happen, and the check says which wall it hit. "The model has learnt to repair":
# it sees no code at all.
#
# ## Discussion
#
# **Why is a harmless patch worse for training than a wrong one?** It is safe. Where it
# is paid 0.96, every risk of breaking a test costs more than a repair can gain.
#
# **Should a model be told that it is graded by tests?** It finds out, if it can run
# them. Then what counts is whether there are tests that it has not seen.
#
# **Is the list of refused names a good wall?** It is a cheap one, and it refuses some
# honest repairs. It is there beside the others, not in their place.
#
# **Would a judge that reads the patch be better?** It would not fall for answers by
# heart as easily, and it would fall for a convincing comment. The paper's learned
# rewards gave 7 and 9 % where the ratio gave 22 (Table 12). In the reduced task of
# section 6 two small judges taught nothing (`experiments/judged.yaml`, three seeds):
# from 26 of 100 tasks the tests led to 41, the likelihood under the untrained model to
# 23, a grade by SmolLM2 to 13. The likelihood took 22 of 100 lost games for won before
# training, and 69 after.
#
# ## Expected numbers
#
# Sections 2 to 5 are the same everywhere with a safe sandbox; with a weaker one some of
# the four attempts work. Section 6, the seeds 0, 1 and 2, 220 episodes each (55 tasks,
# four times): 56 won before (25 %, the start is the same); paid binary 88, 96 and 96
# (40 to 44 %); paid by ratio 89, 94 and 96 (40 to 44 %). 97 to 99 % of the episodes
# have a test afterwards, and 6.2 to 6.5 turns. With 24 steps, seed 0: 101 and 80. So a
# difference of 20 wins between the two is seen by chance. A run takes 11 to 15 seconds
# on a core. Eight seeds of 40 steps: +16.1 points binary (12.1 to 20.2), +16.8 ratio
# (14.0 to 19.6). For other seeds, change `seed=0` in the setup cell.
#
# ## Without a GPU or the internet
#
# The lesson needs neither. The package is written by the lesson, and the reduced tasks
# ship with the toolkit. Without a safe sandbox (macOS, most containers) it runs its own
# code and the learner's with limits alone; let nobody hand in code of others there.
# Without any Python, print [its page](../13_swe_agent.ipynb); section 4 is arithmetic.
#
# ## Exam questions
#
# **1.** 4 tests fail and 96 pass. A patch mends 3 and breaks 24. What is it paid by all
# tests, by ratio and binary? What is a comment paid?
#
# *Solution:* (3 + 72) / 100 = 0.75; 3/4 x 72/96 = 0.5625; 0. A comment: 0.96, 0 and 0.
# So counting all tests, it is better to do nothing.
#
# **2.** A grader runs pytest on the files as the model left them and looks at the exit
# code. Name three attacks, and for each what would stop it.
#
# *Solution:* for example: easier or deleted tests (a fresh copy with the published
# tests); a hook in `conftest.py` that reports passes (only the package's files are
# taken over); `sys.exit(0)` at import (every wanted test must be reported as passed).
#
# **3.** A reduced task has 6 choices and 8 turns. Give the chance of a blind guess, of
# a player who tests and remembers, and of one who tests and forgets. Which of them says
# that a model reads code?
#
# *Solution:* 1/6; 4/6; 1 - (5/6)^4 = 0.52. None: a reader would be right at the first
# try, more often than 1/6.
