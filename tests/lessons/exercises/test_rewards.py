import itertools

import pytest

from toolkit.lessons.exercises.rewards import (
    _games,
    check_mended,
    check_repeats,
    check_shaping,
    repeats,
    shape,
)
from toolkit.rewards.mix import Mix
from toolkit.rewards.terms import TERMS

(PLAYED,) = _games()


def charge_looks(episode):
    turns = zip(repeats(episode), episode.turns, strict=True)
    return [v if turn.action == "look" else 0.0 for v, turn in turns]


@pytest.mark.parametrize(
    ("check", "answer", "message"),
    [
        (
            check_repeats,
            lambda e: repeats(e)[1:],
            "5 numbers came back for 6 turns",
        ),
        (check_repeats, charge_looks, "Look at an agent"),
        (
            check_shaping,
            lambda p, d: shape(p, d)[:-1],
            "2 numbers came back for 3 turns",
        ),
        (check_shaping, lambda p, d: shape(p, 0.5), "Look at the potentials"),
    ],
)
def test_answers_that_fit_the_example_alone_are_refused(check, answer, message):
    verdict = check(answer)
    assert not verdict.passed
    assert message in verdict.message


def said(episode):
    return [turn.action for turn in episode.turns]


def counts_all(episode):
    return [-said(episode)[:k].count(a) for k, a in enumerate(said(episode))]


def by_completion(episode):
    words = [turn.completion for turn in episode.turns]
    return [0.0, *(-float(a == b) for a, b in itertools.pairwise(words))]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (counts_all, "at any time before"),
        (by_completion, "Compare their `action`"),
    ],
)
def test_other_mistakes_with_repeats_are_named(answer, message):
    verdict = check_repeats(answer)
    assert not verdict.passed
    assert message in verdict.message


def changed(potentials):
    return [b - a for a, b in itertools.pairwise([*potentials, 0.0])]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda p, d: [d * v for v in changed(p)], "to that alone"),
        (lambda p, d: [-v for v in changed(p)], "sign is turned"),
        (lambda p, d: [d * b - a for a, b in itertools.pairwise([0, *p])], "too early"),
    ],
)
def test_other_mistakes_with_shaping_are_named(answer, message):
    verdict = check_shaping(answer)
    assert not verdict.passed
    assert message in verdict.message


# ---- rewards with terms of a learner's own -------------------------------------------


def at_end(played, value):
    return [0.0] * (len(played.turns) - 1) + [float(value)]


def explode(_):
    raise ZeroDivisionError("division by zero")


@pytest.fixture(autouse=True)
def own_terms(monkeypatch):
    """Terms as a learner may have them."""
    own = {
        "understood": lambda e: [t.info["valid_action"] for t in e.turns],
        "brave": lambda e: at_end(e, not e.won),
        "harder": lambda e: at_end(e, e.task.seed),
        "first": lambda e: at_end(e, e.task.seed == 0),
        "broken": explode,
    }
    for name, term in own.items():
        monkeypatch.setitem(TERMS, name, term)


MENDED = {
    "bonus for each turn must go": {"success": 1, "understood": 0.0001},
    "way to lose that earns as much": {"success": 1, "brave": 2},
    "the terms cancel": {"success": 1, "brave": 1},
    "one term is so loud": {"success": 1, "invalid_action": 0.01, "first": 50},
    "of another game": {"success": 0.5, "invalid_action": 0.01, "harder": 1},
    "cannot be scored": {"broken": 1},
    "earns more than one that is": {"success": 1, "understood": -0.05},
    "their weight is positive": {"success": 1, "invalid_action": -0.02},
}


@pytest.mark.parametrize("message", MENDED)
def test_rewards_that_are_not_mended_are_told_why(message):
    verdict = check_mended(Mix(MENDED[message]), PLAYED)
    assert not verdict.passed
    assert message in verdict.message


@pytest.mark.parametrize(
    "mix",
    [
        {"progress": 1, "success": 0.5, "invalid_action": 0.02},
        {"success": 1, "understood": 0.02, "step_cost": 0.02},
    ],
)
def test_there_are_several_ways_to_mend_it(mix):
    assert check_mended(Mix(mix), PLAYED).passed
