"""A small repository with one lesson, made by hand, and a sandbox or none."""

import json

import pytest

from toolkit.errors import SandboxError
from toolkit.lessons import masters
from toolkit.sandbox import open_sandbox

MASTER = """# %% [markdown]
# # What is left out?
#
# ![A line that rises](end-state)
#
# Read [the guide](guides/04_credit.md).
#
# Budget: a minute of your time.

# %%
from toolkit.lessons.start import start

lesson = start("04_credit")

# %% tags=["expected", "end-state"]
class Picture:
    def _repr_mimebundle_(self, **_):
        return {"text/html": "<svg/>", "image/svg+xml": "<svg/>", "text/plain": "words"}

Picture()

# %% [markdown]
# ## Now you
#
# **Exercise.** The others' mean.

# %% exercise="leave_one_out"
kept = 1


def leave_one_out(returns):
    return returns  # mend this line


exercise = lesson.exercise("leave_one_out")
exercise.check(leave_one_out)

# %%
print("step 1  1.5 s  0.2 min left")

# %%
if False:
    # %pip install nothing
    pass
"""
NOTES = """
# %% [markdown] tags=["guide"]
# ## Plan for 50 minutes
# Begin.
# ## Plan for 90 minutes
# Begin later.
# ## What to show live
# All.
# ## Common errors
# Some.
# ## Discussion
# Why?
# ## Expected numbers
# Few.
# ## Without a GPU or the internet
# The same.
# ## Exam questions
# None.
"""


@pytest.fixture(name="sandbox", scope="module")
def _sandbox(tmp_path_factory):
    """Skip where this machine has no sandbox."""
    try:
        open_sandbox(tmp_path_factory.mktemp("sandbox")).close()
    except SandboxError as error:
        pytest.skip(str(error))


@pytest.fixture(name="master")
def _master(tmp_path, monkeypatch):
    """A lesson with one exercise, in a repository of its own."""
    known = tmp_path / "lessons.json"
    known.write_text(json.dumps({}), encoding="utf-8")
    monkeypatch.setattr(masters, "facts_path", lambda: known)
    path = tmp_path / "tutorials" / "src" / "04_credit.py"
    path.parent.mkdir(parents=True)
    path.write_text(MASTER + NOTES, encoding="utf-8")
    return path
