import random

import numpy as np
import pytest
import torch

from toolkit.errors import ConfigError
from toolkit.lessons.start import PROFILES, Lesson, pick_profile, start


@pytest.fixture(autouse=True)
def _leave_no_trace(monkeypatch):
    monkeypatch.delenv("TOOLKIT_PROFILE", raising=False)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_one_line_tells_what_the_numbers_depend_on(capsys, monkeypatch):
    monkeypatch.setenv("TOOLKIT_PROFILE", "smoke")
    lesson = start("00_quickstart", seed=3)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    for part in ("00_quickstart", "profile smoke", lesson.precision, "seed 3", "torch"):
        assert part in out
    assert lesson.profile == "smoke"


def test_the_same_seed_draws_the_same():
    def draw(seed):
        start("x", seed=seed)
        return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002

    assert draw(1) == draw(1)
    assert all(a != b for a, b in zip(draw(1), draw(2), strict=True))


def test_smoke_runs_on_one_thread(monkeypatch):
    torch.set_num_threads(2)
    monkeypatch.setenv("TOOLKIT_PROFILE", "full")
    start("x")
    assert torch.get_num_threads() == 2
    monkeypatch.setenv("TOOLKIT_PROFILE", "smoke")
    start("x")
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("profile", PROFILES)
def test_sizes_follow_the_profile(profile):
    lesson = Lesson(name="x", seed=0, profile=profile, device="cpu", precision="fp32")
    assert lesson.pick(smoke="smoke", t4="t4", full="full") == profile


def test_unknown_profiles_are_refused():
    with pytest.raises(ConfigError, match="Did you mean 'smoke'"):
        pick_profile("smok", "cpu")
