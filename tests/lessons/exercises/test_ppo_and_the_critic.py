"""What lesson 10 and its exercises say, held against the package and by itself."""

import numpy as np
import pytest
import torch

from toolkit.lessons.exercises.ppo_and_the_critic import (
    chain_over_tokens,
    check_chain,
    check_explained,
    check_surprises,
    check_value_loss,
    explained,
    surprises,
    value_loss,
)
from toolkit.training.critic import explained_variance, value_losses
from toolkit.training.gae import gae_token, gae_turn


def test_the_answers_are_what_the_package_does():
    rng = np.random.default_rng(3)
    rewards, values = rng.normal(size=(2, 6)), rng.normal(size=(2, 6))
    how = {"gae_lambda": 0.0, "whitened": False}
    found = gae_turn(rewards.tolist(), values=values.tolist(), **how).advantages
    mine = surprises(rewards.ravel(), values.ravel(), [0, 0, 0, 0, 0, 1] * 2)
    assert np.allclose(mine, np.ravel(found))
    given = torch.tensor(values[0]), torch.tensor(rewards[0])
    assert explained(values[0], rewards[0]) == pytest.approx(explained_variance(*given))
    now, then, goal = (torch.tensor([v]) for v in (0.7, 0.1, -0.3))
    theirs = float(value_losses(now, then, goal, 0.2))
    assert value_loss(0.7, 0.1, -0.3, 0.2) == pytest.approx(theirs)


def test_the_chain_is_that_of_gae_over_tokens():
    mask, values = [1, 1, 0, 0, 1, 1], [0.5, 0.1, 9.0, 9.0, 0.4, 0.2]
    spans = [[(0, 2), (4, 6)]]
    rewards, how = [[0.3, 1.0]], {"values": [values], "spans": spans, "whitened": False}
    alone = gae_token(rewards, gae_lambda=0.0, **how).advantages[0]
    whole = gae_token(rewards, gae_lambda=0.9, **how).advantages[0]
    assert np.allclose(chain_over_tokens(alone, mask, 0.9), whole)


def from_the_front_and_reset(paid, mask, factor):
    running, found = 0.0, []
    for surprise, sampled in zip(paid, mask, strict=True):
        running = (surprise + factor * running) * sampled
        found.append(running)
    return found


def signed_correlation(values, earned):
    found = np.corrcoef(values, earned)[0, 1]
    return np.sign(found) * found**2


def signed_errors(now, then, target, clip):
    near = then + float(np.clip(now - then, -clip, clip))
    return max(now - target, near - target) ** 2 / 2


@pytest.mark.parametrize(
    ("check", "answer", "message"),
    [
        (check_surprises, lambda r, v, e: [0.3, 0.2, 0.3, -0.2, 0.4], "there is no"),
        (check_surprises, lambda r, v, e: [0.0], "1 numbers came back for 5 turns"),
        (check_chain, lambda p, m, f: [5, 6, 0, 0, 4, 8], "an advantage is"),
        (check_chain, lambda p, m, f: [1.0] * len(p), "an advantage is"),
        (check_chain, from_the_front_and_reset, "an advantage is"),
        (check_explained, lambda v, r: 0.5 if len(v) == 4 else 0.0, "1 minus"),
        (check_value_loss, lambda *c: 0.0, "half of the larger"),
    ],
)
def test_what_is_fitted_or_short_is_refused(check, answer, message):
    verdict = check(answer)
    assert not verdict.passed
    assert message in verdict.message


@pytest.mark.parametrize(
    ("check", "answer", "never"),
    [
        (check_explained, lambda v, r: np.mean((r - v) ** 2), "values vary"),
        (check_explained, lambda v, r: 1 - np.var(v + r) / np.var(r), "too high"),
        (check_explained, signed_correlation, "upside down"),
        (check_value_loss, signed_errors, "nothing is clipped"),
    ],
)
def test_no_mistake_is_taken_for_another(check, answer, never):
    verdict = check(answer)
    assert not verdict.passed
    assert never not in verdict.message


@pytest.mark.parametrize("check", [check_explained, check_value_loss])
@pytest.mark.parametrize("answer", [None, [1.0, 2.0], "0.5"])
def test_one_number_is_asked_for(check, answer):
    assert "one number is needed" in check(lambda *given: answer).message


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_wrong(bad):
    assert not check_surprises(lambda r, v, e: [bad] * len(r)).passed
    assert not check_chain(lambda p, m, f: [bad] * len(p)).passed
    assert not check_explained(lambda v, r: bad).passed
    assert not check_value_loss(lambda *case: bad).passed


def test_a_perfect_critic_explains_little_in_the_corridor():
    """Visits before the end, from the middle: 1, 2, 3, 2, 1 in the five rooms."""
    rooms = np.repeat([1, 2, 3, 4, 5], [1, 2, 3, 2, 1]) / 6
    of_luck = (rooms * (1 - rooms)).mean()
    assert 1 - of_luck / 0.25 == pytest.approx(0.148, abs=5e-4)


def test_the_mark_may_be_written_as_in_the_lesson():
    verdict = check_explained(lambda v, e: 1 - np.var(e - v) / np.var(e))
    assert verdict.passed, verdict
