# %% [markdown]
# # What does the trainer actually see?
#
# You see rooms, commands and a coin. The trainer sees one long line of numbers and a
# second line that says which of them the model chose. If that second line is wrong,
# nothing crashes. When you are through, you can
#
# 1. **build** an episode token by token, and say of each token who wrote it;
# 2. **compute** the log-probability of what a model said, and prove by it that the
#    trainer looks at the same text as the player did;
# 3. **recognise** four mistakes in these lines that real code has made, by a picture,
#    by one number, and by what they do to learning.
#
# You need lesson 00, or to know what an episode and a sampled token are. You need no
# GPU, no account and no download.
#
# ![Games won in training, four times the same training: the right record climbs to all
# games within ten steps, three spoilt records stay far below it](end-state)
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

lesson = start("01_turns_and_tokens", seed=0)

# %% [markdown]
# ## 2. A street
#
# We need a world so small that we can watch every token of it. Five rooms in a row. You
# start in the middle, and a coin lies at one end:
#
# ```text
# room -- room -- you -- room -- room        you have four turns
# ```
#
# Which end it is, is said *once*, in the first line. Two steps and `take coin` win, so
# there is no time to turn back: the first step decides. Games come in pairs that differ
# in the side alone, so nothing but that line gives it away.
#
# Play: `go east`, `go west`, `take coin`.

# %%
from toolkit import make_env, tasks
from toolkit.lessons.street import STREET
from toolkit.widgets import EnvStepper

street = make_env(STREET)
practice = tasks(STREET, split="train", n=40)
exam = tasks(STREET, split="test", n=40)

game = EnvStepper(street, task=practice[1], plain=True)
game

# %% [markdown]
# If you have not played, the next cell does. It prints the *episode*, the record of the
# game as people see it: turns, each with a text that was read, a text that was said,
# and a reward.

# %%
if not game.turns:
    for command in ("go east", "go east", "take coin"):
        game.type(command)

by_hand = game.episode
for turn in by_hand.turns:
    print(f"read: {turn.observation!r}")
    print(f"said: {turn.completion!r}, paid {turn.reward:.0f}")

# %% [markdown]
# ## 3. One line of numbers
#
# A model does not read turns. It reads *ids*, the numbers of pieces of text, one after
# the other. Three things make a line of ids out of turns:
#
# - the *tokenizer* cuts texts into pieces and numbers them;
# - the *glue* stands between the texts, so that it is clear who speaks. For `pocket`,
#   the small model of this package, it is a line break and `>` behind what was read;
# - the *end token* says that a command is complete. The model has to say it itself, or
#   it would talk for ever. Pocket's is `<eos>`.
#
# **Predict:** into how many pieces is each of these cut?

# %% tags=["nbval-check-output"]
from toolkit import load_policy

policy = load_policy("pocket")


def cut(text):
    return policy.tokenizer(text, add_special_tokens=False).input_ids


for text in ("go east", "There is an exit to the east.", "\n>", "zebra"):
    parts = [policy.tokenizer.decode([i]) for i in cut(text)]
    print(f"{text!r}: {cut(text)} {parts}")

# %% [markdown]
# What is common in pocket's games is one piece, what is rare is spelt. (Pocket knows no
# capitals.) Now lay the whole episode out by hand, and note for each id who wrote it.
#
# **Predict:** how many ids will it be, and how many of them were said by the player?

# %% tags=["nbval-check-output"]
END = policy.tokenizer.eos_token_id

line, mask = [], []
for turn in by_hand.turns:
    read = cut(turn.observation + "\n>")
    said = [*cut(turn.completion), END]
    line += read + said
    mask += [0] * len(read) + [1] * len(said)

print(f"{len(line)} ids, {sum(mask)} of them said by the player")
print("".join(map(str, mask)))

# %% [markdown]
# The second line is the *action mask*. `encode_episode` does the same for any model.

# %%
from toolkit.lessons.show import show_tokens
from toolkit.training.imitation import encode_episode

encoded = encode_episode(policy, by_hand)
print("the same as by hand:", encoded.ids == line)
show_tokens(encoded, policy.tokenizer)

# %% [markdown]
# And this is all that a trainer gets: the *prompt*, which is the first observation; the
# *completion*, which is everything after it, what the world says later included; the
# mask, and as *spans* where each command begins and ends in the completion; and for
# each sampled id how likely it was, if a model has played (section 5). No rooms, no
# coin.

# %%
from toolkit.episodes.tokens import tokenize_episode

tokens = tokenize_episode(encoded)
print("prompt_ids:    ", tokens.prompt_ids[:8], "...", len(tokens.prompt_ids))
print("completion_ids:", tokens.completion_ids[:8], "...", len(tokens.completion_ids))
print("action_mask:   ", tokens.action_mask[:8], "...", sum(tokens.action_mask))
print("spans:         ", tokens.spans)

# %% [markdown]
# ## 4. Chat models wear more glue
#
# Chat models mark who speaks by special tokens, and each family has its own way. The
# way is written down in a *chat template* that comes with the tokenizer. Here is a
# common one, and what it makes of one turn and the beginning of the next.
#
# **Predict:** the assistant's turn has three parts: `<|im_start|>assistant`, its words,
# and `<|im_end|>`. Which of them does the model sample?

# %%
CHATML = """{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

chat = load_policy("pocket").tokenizer
chat.add_special_tokens({"extra_special_tokens": ["<|im_start|>", "<|im_end|>"]})
talk = [
    {"role": "user", "content": "The coin is in the east."},
    {"role": "assistant", "content": "go east"},
    {"role": "user", "content": "You are in the room13."},
]


def render(messages, template=CHATML):
    return chat.apply_chat_template(messages, tokenize=False, chat_template=template)


print(render(talk))

# %% [markdown]
# It samples the words and `<|im_end|>`, its end token. The header was written by us, to
# ask for an answer: it is glue, and the mask is 0 there. `chat_template` reads all glue
# off a template, once, with a made-up conversation.

# %%
from toolkit.policies.chat import chat_template

chat.chat_template = CHATML
glue = chat_template(chat)
print("first text: before", repr(glue.first[0]), "behind", repr(glue.first[1]))
print("later ones: before", repr(glue.later[0]), "behind", repr(glue.later[1]))
print("ends a command:   ", chat.convert_ids_to_tokens(glue.stop_ids[0]))

# %% [markdown]
# ### A past that changes
#
# Why only once, why not render the whole conversation anew each turn? Some models think
# before they answer, and their template drops old thoughts to save room.
#
# **Predict:** render the conversation when the first answer has been given, and again
# one turn later. Does the second text begin with the first?

# %% tags=["nbval-check-output"]
FORGETS = CHATML.replace(
    "{{ m.content }}",
    "{{ m.content if loop.last else m.content.split('</think>')[-1] }}",
)
talk[1]["content"] = "<think>it said east</think>go east"
then, now = render(talk[:2], FORGETS), render(talk, FORGETS)
print("the second begins with the first:", now.startswith(then))
print(then)
print("--- one turn later ---")
print(now)

# %% [markdown]
# The thought has gone. The model *did* think it, acted upon it and is to be praised for
# it, but a trainer that renders the past again looks at a text that nobody wrote. So
# this toolkit keeps the ids as they were sampled and encodes new observations only:
# *token in, token out*.
#
# Text is not safe either. Many lines of ids are the same text, and a model may sample
# any of them:

# %%
odd = policy.tokenizer.convert_tokens_to_ids(["go", "Ġe", "ast"])  # Ġ is a blank
print("sampled:      ", odd, repr(policy.tokenizer.decode(odd)))
print("encoded again:", cut(policy.tokenizer.decode(odd)))

# %% [markdown]
# ## 5. How likely was it?
#
# First with numbers that fit on a line. A model knows four words. After each word it
# has read, it gives a chance to each word that could come *next*:
#
# | has read so far | go | east | west | end |
# |---|---|---|---|---|
# | > | 0.7 | 0.1 | 0.1 | 0.1 |
# | > go | 0.1 | 0.5 | 0.3 | 0.1 |
# | > go east | 0.1 | 0.1 | 0.2 | 0.6 |
# | > go east end | 0.4 | 0.2 | 0.2 | 0.2 |
#
# **Predict:** how likely was it to say `go east` and stop? Which rows do you need?

# %% tags=["nbval-check-output"]
import numpy as np

WORDS = ["go", "east", "west", "end"]
table = np.array(
    [
        [0.7, 0.1, 0.1, 0.1],
        [0.1, 0.5, 0.3, 0.1],
        [0.1, 0.1, 0.2, 0.6],
        [0.4, 0.2, 0.2, 0.2],
    ]
)
said = ["go", "east", "end"]
chances = np.array([table[row, WORDS.index(w)] for row, w in enumerate(said)])
print("chances:          ", chances, f"product {np.prod(chances):.2f}")
print(
    "log-probabilities:", np.log(chances).round(2), f"sum {np.log(chances).sum():.2f}"
)

# %% [markdown]
# The chance of a word stands in the row *before* it, and the last row is not needed.
# Chances are multiplied along a text and soon become too small to write down, so one
# adds up their logarithms. Those are the log-probabilities of the record.
#
# Now pocket itself plays. `EpisodeView` shows each token that it sampled with its
# chance; the fuller its colour, the less sure it was.
#
# **Predict:** at which tokens was pocket unsure?

# %%
from toolkit import collect
from toolkit.widgets import EpisodeView

QUIET = {"workers": 0, "progress": False}
played = collect(policy, street, practice, seed=lesson.seed, **QUIET)
episode = played[1]
EpisodeView(episode, tokenizer=policy.tokenizer)

# %% [markdown]
# It is sure of the form of a command and of where it ends. It is unsure of the side,
# although the first line has told it: nobody has taught it yet to listen.
#
# The trainer computes these numbers again, from the line of ids and the weights. Let us
# do so too, once with the row before each token, and once with a mistake that every one
# of us has made: the row *of* the token.

# %% tags=["expected"]
import torch


def log_chances(ids):
    """Row t: what the model expects behind the first t + 1 ids, (T, V)."""
    with torch.no_grad():
        return policy.model(torch.tensor([ids])).logits[0].log_softmax(-1).numpy()


rows = log_chances(episode.ids)
places, recorded, at = [], [], 0
for turn in episode.turns:
    start = at + len(turn.observation_ids)
    at = start + len(turn.action_ids)
    places += range(start, at)
    recorded += turn.logprobs

for name, shift in (("row before the token", -1), ("row of the token", 0)):
    found = [rows[i + shift, episode.ids[i]] for i in places]
    gap = np.abs(np.subtract(found, recorded)).mean()
    print(f"{name}: {gap:.5f} away from the record, on the mean")

# %% [markdown]
# 0.00000 is no accident but a *proof*. If what the trainer computes agrees with what
# was noted while playing, then both saw the same ids in the same order under the same
# weights. Keep this number in mind, the **gap**: it will tell on most of the mistakes
# that follow.

# %% [markdown]
# ## 6. Four records of the same games
#
# Now we spoil it, in three ways that real code has gone wrong. The player stays as it
# is, and so does the trainer. Only the note that the one hands to the other is changed.
#
# - **the world's words**: what the world said is noted as if it had been sampled;
# - **the header**: so is the glue that asks for an answer, because messages were
#   encoded one by one and whole messages were marked;
# - **the first text**: most of the prompt is hidden from the trainer. The paper's
#   released code does so by a mask of the wrong length.
#
# A record is a list of `Action`s with the ids that were read and those that were said.


# %%
def worlds_words(action, is_first):
    read = () if is_first else action.observation_ids
    blank = (0.0,) * len(read)  # nobody sampled them, so there is no chance to note
    kept = action.observation_ids if is_first else ()
    return {
        "observation_ids": kept,
        "ids": read + action.ids,
        "logprobs": blank + action.logprobs,
    }


def header(action, is_first):
    read, asks = action.observation_ids[:-2], action.observation_ids[-2:]  # \n and >
    return {
        "observation_ids": read,
        "ids": asks + action.ids,
        "logprobs": (0.0, 0.0, *action.logprobs),
    }


def first_text(action, is_first):
    return {"observation_ids": action.observation_ids[-8:]} if is_first else {}


# %% [markdown]
# And a player that plays like pocket and keeps its record in one of these ways.

# %%
from dataclasses import replace

from toolkit.policies.models import ModelPolicy


def pocket(spoil):
    class Careless(ModelPolicy):
        def act(self, observations):
            pairs = zip(super().act(observations), observations, strict=True)
            # "The coin is in the …" stands in the first text of a game only
            return [replace(a, **spoil(a, "The coin" in o.text)) for a, o in pairs]

    fresh = load_policy("pocket")
    return Careless(fresh.model, fresh.tokenizer)


RECORDS = {
    "as it was": lambda action, is_first: {},
    "world's words": worlds_words,
    "header": header,
    "first text": first_text,
}

# %% [markdown]
# **Predict:** three tokens are said in each turn. How many will be trained in each of
# the four, and which has the fewest ids?


# %%
def in_training(name):
    """Play one game, and note it in one of the ways."""
    policy = pocket(RECORDS[name])
    return collect(policy, street, practice[1:2], seed=lesson.seed, **QUIET)[0]


for name in RECORDS:
    noted = in_training(name)
    per_turn = np.mean([len(turn.action_ids) for turn in noted.turns])
    print(f"{name}: {len(noted.ids)} ids, {per_turn:.1f} trained per turn")
show_tokens(in_training("world's words"), policy.tokenizer)

# %% [markdown]
# Compare with the picture in section 3. This one believes the record, and so does a
# trainer; in truth three tokens of each turn were sampled. All four games are the same,
# word for word. The trainer sees four different ones.

# %% [markdown]
# ## 7. What becomes of learning?
#
# A baseline first, then the same training four times: eight games, played eight times
# each, are a step. The coin pays 1, nothing else does, and GRPO compares the eight. The
# same games, the same chance, the same settings; only the record differs.
#
# **Predict:** write the four names down in the order of how well they will learn. Will
# any of them crash?

# %%
from toolkit import evaluate, train

before = evaluate(policy, street, exam, seed=1, **QUIET)
HOW = {
    "tasks": practice,
    "credit": "grpo",
    "learning_rate": 5e-4,
    "num_generations": 8,
    "per_device_train_batch_size": 64,  # eight games, eight times each
    "live": 64,
    "max_steps": lesson.pick(smoke=14, t4=40, full=40),
    "seed": lesson.seed,
    "save_strategy": "no",
}


def learn(name):
    folder = f"runs/{lesson.name}/{name}"
    return train(pocket(RECORDS[name]), street, output_dir=folder, **HOW, **QUIET)


runs = {name: learn(name) for name in RECORDS}

# %% tags=["end-state"]
from toolkit.lessons.show_runs import show_runs

show_runs(runs)

# %% tags=["expected"]
from toolkit.lessons.show import show_success

results = {"before": before}
for name, run in runs.items():
    results[f"record: {name}"] = evaluate(run.policy, street, exam, seed=1, **QUIET)
show_success(results)

# %% [markdown]
# Nothing crashed, and no loss looked strange. With the right record, pocket learns
# within ten steps to listen to the first line.
#
# - **The world's words.** Four of five trained tokens are the world's now. Lost games
#   are blamed, and with them the sentences that they consist of; but the world goes on
#   saying these, whatever their chance. The weights are pulled about for nothing, and
#   the player gets nowhere.
# - **The header.** Two tokens in five. It learns, but far more slowly. You would not
#   notice this one: given time, the curve rises.
# - **The first text.** The player hears the side, the trainer does not. So it sees
#   somebody going east and being praised, and somebody going west and being praised,
#   for no reason. What it can learn is habits, such as going on in the same direction.
#
# One seed is one seed. With three of them this exam gave 98 to 100 % as it was, 32 to
# 35 % with the world's words, 50 to 55 % with the header and 52 to 62 % without the
# first text, after 38 % before training.

# %% [markdown]
# ## 8. Would you have noticed?
#
# The trainer logs the gap of section 5 at each step, over all that it trains.
#
# **Predict:** four gaps. Which are zero?

# %%
from toolkit.training.events import steps_of

GAP = "sampling/sampling_logp_difference/mean"
for name, run in runs.items():
    steps = steps_of(run.events, "step")
    gaps = [step["log"][GAP] for step in (steps[0], steps[-1])]
    print(f"{name}: gap {gaps[0]:.4f} at the first step, {gaps[1]:.4f} at the last")

# %% [markdown]
# One of the four is 0, and it is the one that is right. A gap of 0.1 is enough to
# worry. `diagnose` looks at it, and so does the monitor. Have a look at the tokens
# below its curves: the world's words have an advantage.

# %%
from toolkit.widgets import TrainingMonitor

TrainingMonitor(runs["world's words"])

# %% [markdown]
# ## 9. A mistake without a gap
#
# The gap compares what is trained. It says nothing of what is *left out*. Suppose the
# end token is left out, as happens when it is also used as padding and padding is
# masked. Pocket ends its commands by habit, so it would not show here. So take a model
# of the same size that has read nothing, and let it imitate an expert: its loss looks
# at the same mask.
#
# **Predict:** both models below see the same 40 demonstrations. What will the one say
# that was never taught to stop?

# %%
from toolkit.policies.scripted import ExpertPolicy
from toolkit.training.budget import start_policy
from toolkit.training.imitation import ImitationConfig, fit

shown = collect(ExpertPolicy(), street, practice, **QUIET)


def imitate(end_is_trained):
    learner = start_policy("untrained", lesson.seed)
    data = [tokenize_episode(encode_episode(learner, e)) for e in shown]
    for tokens in data:
        for _, end in tokens.spans:
            tokens.action_mask[end - 1] = int(end_is_trained)
    effort = ImitationConfig(steps=30, batch_size=8, learning_rate=3e-3)
    losses = fit(learner, lambda order: [data[i] for i in order], len(data), effort)
    print(f"loss {losses[0]:.2f} at first, {losses[-1]:.4f} at last")
    return evaluate(learner, street, exam, seed=1, **QUIET)


# %% tags=["expected"]
taught = {"with the end token": imitate(True), "without": imitate(False)}
for name, result in taught.items():
    print(f"{name}: {result.episodes[0].turns[0].completion!r}")
show_success(taught)

# %% [markdown]
# The loss of the second is as good as that of the first, better even, for it has one
# thing less to learn. And it wins nothing, because it never stops talking: all its
# replies are cut off after 24 tokens. What finds this one is the *number* of trained
# tokens: `go east` and its end are three.
#
# So before you train, look at one episode as the trainer sees it, and check three
# things: the colours (`show_tokens`), the number of trained tokens per turn, and the
# gap.

# %% [markdown]
# ## 10. Now you

# %% [markdown]
# **Exercise.** Pick the log-probabilities out of a table, as in section 5. `rows[t]`
# has the log-probability of each word behind the first `t + 1` ids; `ids` is the line,
# and `mask` is 1 where the player spoke. Return one number for each token that it said.
# (`rows` is an array: `rows[t, i]` and `rows[t][i]` are the same.)


# %% exercise="pick_logprobs"
def pick_logprobs(rows, ids, mask):
    return [rows[t][ids[t]] for t in range(len(ids)) if mask[t]]  # mend this line


exercise = lesson.exercise("pick_logprobs")
exercise.check(pick_logprobs)

# %% [markdown]
# **Exercise.** A mask for a chat model. Of each turn you get four values: how many
# tokens the observation with its glue has, the header that asks for an answer, and the
# words that were sampled; then `ended`, whether the model ended its answer itself (the
# stub calls it `_`). Behind each answer stands one end token. If the answer was cut
# off, *we* put it there. Return one number for each token of the line, 1 where it is
# trained.


# %% exercise="chat_mask"
def chat_mask(turns):
    mask = []
    for seen, header, said, _ in turns:
        mask += [0] * seen + [1] * (header + said + 1)  # mend these lines
    return mask


exercise = lesson.exercise("chat_mask")
exercise.check(chat_mask)

# %% [markdown]
# **Exercise.** Four runs, seen from outside. In each a turn says three tokens, its end
# included.
#
# | run | tokens trained per turn | gap | what else is seen |
# |---|---|---|---|
# | A | 2.0 | 0.00 | replies become longer and longer |
# | B | 14.2 | 9.10 | success falls |
# | C | 3.0 | 0.25 | success moves up and down |
# | D | 3.0 | 0.00 | all eight games of each group are lost |
#
# Say for each what is wrong: `"world"` (its words are trained), `"prompt"` (the first
# text is hidden), `"end"` (the end token is left out), or `"none"` if the record is
# right and something else is wrong.

# %% exercise="symptoms"
symptoms = {"A": "none", "B": "end", "C": "none", "D": "prompt"}  # mend these

exercise = lesson.exercise("symptoms")
exercise.check(symptoms)

# %% [markdown]
# ## What you can do now
#
# You can lay an episode out as the trainer gets it, and say of each token who wrote it.
# You compute log-probabilities from the row before, and use their gap as a proof. You
# know four mistakes by sight: the world's words, the header, the first text, the end
# token; and you know which of them only slow learning down, which is worse, because
# nobody looks.
#
# **An open question.** Thoughts take room, so people do drop them from the past. Then
# each turn has a context of its own, and an episode is no longer one line. One could
# train on as many lines as there are turns, at many times the cost. What would you keep
# of a thought, and what does the trainer have to be told about it?
#
# **Open ends.** Hide a part of the prompt only, `[-16:]` instead of `[-8:]`, and look
# for the place where learning begins. Mark the world's words only in *won* games. Note
# the commands with a blank in front (`cut(" go east")`), as a template with one blank
# too many does. Write down first what you expect.
#
# **Next:** [lesson 02](02_worlds.ipynb), what makes a world hard?

# %% [markdown] tags=["guide"]
# ## Plan for 50 minutes
#
# - **0–5 min** Section 2: one person plays, everybody says which texts were read and
#   which were said.
# - **5–17 min** Section 3. Count on paper before the cell is run.
# - **17–25 min** Section 4, with the past that changes; leave the odd spelling out.
# - **25–33 min** Section 5: the table of four words, and the two gaps.
# - **33–45 min** Sections 6 to 8: bets on the four records, run, look at the gaps.
# - **45–50 min** Section 9 as a riddle: it has no gap, so how would you find it?
#   Exercises are for home.
#
# ## Plan for 90 minutes
#
# - **0–25 min** Sections 2 and 3, all cells.
# - **25–40 min** Section 4, with the chat template of a model that the class uses.
# - **40–52 min** Section 5, then exercise `pick_logprobs`.
# - **52–72 min** Sections 6 to 8. Four groups, one for each record: write down what
#   will happen and why, before the training is run.
# - **72–80 min** Section 9 and exercise `chat_mask`.
# - **80–90 min** Exercise `symptoms`, and the discussion below.
#
# ## What to show live
#
# - `show_tokens` in section 3 and again in section 6: the same game, twice.
# - `EpisodeView(episode, tokenizer=policy.tokenizer)`: the chance of each token, and
#   under *all that the policy had read* what a turn's context was.
# - `TrainingMonitor(runs["world's words"])`: the alert `sampler-mismatch`, and words of
#   the world that carry an advantage in the tokens below the curves.
#
# ## Common errors
#
# `pick_logprobs` begins with the row of the token itself; let people run into it, it is
# what the exercise is for. Whoever mends it with `zip(rows, ids[1:], mask)` reads the
# mask one place off; the check says so. In `chat_mask` the end token of an answer that
# was cut off is the fine point: a model that never chose to stop must not be praised or
# blamed for it. In talk, listen for "the model generates the observation": it reads it.
#
# ## Discussion
#
# **Why does the trainer need the world's words at all, if they are not trained?** As
# context: the chance of a word depends on all that stands before it. Masked from the
# *loss* is not the same as masked from *attention*. The record that hides the first
# text confuses the two.
#
# **Why did the record without the first text not stay at a coin's toss?** The player
# still reads the side, and what is praised are tokens behind it. Whatever in the
# weights carries the side to the command may be strengthened by the way. It just is not
# aimed at, and comes and goes from seed to seed.
#
# **A gap of 0.02 in a run on a GPU: is that a mistake?** Hardly. Two programs that
# compute in 16 bits differ by so much. It should be steady, and the same for all kinds
# of tokens. Compute in 32 bits once, to see.
#
# **Would the header be harmful in a model that always gets it right?** Its chance is
# near 1, so its gradient is near 0, and praise does little. Blame pushes it down all
# the same, and it takes a share of the mean over tokens. In the street it costs most of
# the speed.
#
# ## Expected numbers
#
# Sections 3 to 5 are the same everywhere, but for what pocket plays. Three seeds of the
# training in section 7, 14 steps and 40 exam games each, 38 % before: 98 to 100 % as it
# was, 32 to 35 % with the world's words, 50 to 55 % with the header, 52 to 62 % without
# the first text. Gaps at the first step: 0.0000, 8.8 to 8.9, 3.8 to 3.9, 0.1 to 0.2.
# Section 9, three seeds: 90 to 95 % with the end token, 0 % without. With half the
# batch (32 episodes) one seed of four fell into always going the same way, where all
# groups are silent, and stayed at 50 % with the right record: do not make it smaller.
#
# ## Without a GPU or the internet
#
# The lesson needs neither; the model ships with the package and the street is a file of
# it. Without any Python, print the notebook: the pictures stand in it, and sections 3
# and 5 can be done with pencil and paper.
#
# ## Exam questions
#
# **1.** An episode has a first observation of 20 tokens, an answer of 4 with its end
# token, a second observation of 10 and an answer of 3 with its end token. Give the
# lengths of prompt and completion, and the number of ones in the action mask.
#
# *Solution:* 20; 4 + 10 + 3 = 17; 7.
#
# **2.** A trainer decodes an answer to text and encodes the text again. Describe a case
# in which text and mask are right, and the gradient is not.
#
# *Solution:* the model spelt the word in other pieces than the tokenizer would. The
# text is the same, the ids are not; the trainer then pushes ids that were never
# sampled, under a chance that they never had.
#
# **3.** In a run, the gap is 0, all groups are mixed, and replies grow longer from step
# to step until all are cut off. Name the likely mistake, and one number that shows it.
#
# *Solution:* the end token is not trained (often because it is also the padding). The
# number of trained tokens per turn is one less than the number that was sampled.
