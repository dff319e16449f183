"""The model that plays SWE choice, and how it was taught."""

import pytest

from toolkit import evaluate, load_policy, make_env, tasks
from toolkit.episodes.rollout import collect
from toolkit.paths import assets_dir
from toolkit.policies.pocket_code import CHOICES, PARAMS, Trier
from toolkit.policies.scripted import RandomPolicy


def games(n, split="demonstration"):
    return tasks(CHOICES, split=split, n=n, **PARAMS)


def played(policy, n=32, split="demonstration"):
    env = make_env(CHOICES, **PARAMS)
    return collect(policy, env, games(n, split), workers=0, progress=False)


def test_a_tester_submits_only_what_passed():
    episodes = played(Trier(tests=True))
    for episode in episodes:
        if episode.turns[-1].completion == "submit":
            assert episode.won
    guesses = played(Trier(tests=False))
    assert sum(e.won for e in episodes) > sum(e.won for e in guesses)


def test_a_guesser_does_not_listen():
    episodes = played(Trier(tests=False))
    assert all(e.turns[-1].completion == "submit" for e in episodes)


@pytest.mark.slow
def test_it_plays_and_leaves_something_to_gain():
    policy = load_policy("pocket-code", device="cpu")
    env = make_env(CHOICES, **PARAMS)
    found = evaluate(
        policy, env, games(24, "validation"), samples=4, workers=0, progress=False
    )
    random = evaluate(
        RandomPolicy(),
        env,
        games(24, "validation"),
        samples=4,
        workers=0,
        progress=False,
    )
    assert 0.1 < found.success < 0.6
    assert random.success < 0.3


def test_it_is_small():
    files = (assets_dir() / "pocket-code").iterdir()
    assert sum(file.stat().st_size for file in files) <= 2.5e6
