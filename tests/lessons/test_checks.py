import pytest

from tests.html_checks import Outline
from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.lessons.checks import (
    Verdict,
    check_action_mask,
    check_gradient_tokens,
    check_returns_to_go,
)


def to_go(rewards, discount):
    out, following = [], 0.0
    for reward in reversed(rewards):
        following = reward + discount * following
        out.insert(0, following)
    return out


def explode(*_):
    raise ZeroDivisionError("division by zero")


RETURNS = {
    "the discount is not used": lambda r, d: to_go(r, 1.0),
    "return of the whole episode": lambda r, d: [to_go(r, d)[0]] * len(r),
    "from the start": lambda r, d: [
        sum(d**i * v for i, v in enumerate(r[: k + 1])) for k in range(len(r))
    ],
    "own reward only": lambda r, d: r,
    "own reward is left out": lambda r, d: [*to_go(r, d)[1:], 0.0],
    "order is reversed": lambda r, d: to_go(r, d)[::-1],
    "2 numbers came back for 3 turns": lambda r, d: to_go(r, d)[1:],
    "list of numbers is needed": lambda r, d: None,
    "must hold numbers": lambda r, d: ["a", "b", "c"],
    "stopped with ZeroDivisionError": explode,
    "discount times the number of the next": lambda r, d: to_go(r, 0.5),
    "discount times the number": lambda r, d: [
        sum(d ** (i - k) * v for i, v in enumerate(r) if i >= k and v > 0)
        for k in range(len(r))
    ],
}


@pytest.mark.parametrize("message", RETURNS)
def test_wrong_returns_are_named(message):
    verdict = check_returns_to_go(RETURNS[message])
    assert not verdict.passed
    assert message in verdict.message


def test_right_returns_pass():
    assert check_returns_to_go(to_go).passed


def mask(turns):
    return [bit for seen, said in turns for bit in [0] * seen + [1] * said]


MASKS = {
    "inverted": lambda turns: [1 - m for m in mask(turns)],
    "the world's tokens are trained": lambda turns: [1] * len(mask(turns)),
    "only the last action": lambda turns: (
        [0] * (len(mask(turns)) - turns[-1][1]) + [1] * turns[-1][1]
    ),
    "first observation is missing": lambda turns: mask(turns)[turns[0][0] :],
    "3 numbers came back for 15": lambda turns: [0, 1, 0],
    "only 0 and 1": lambda turns: [2 * m for m in mask(turns)],
    "places are not": lambda turns: [
        bit for seen, said in turns for bit in [1] * said + [0] * seen
    ],
    "3 tokens are trained": lambda turns: [  # end tokens left out
        bit for seen, said in turns for bit in [0] * seen + [1] * (said - 1) + [0]
    ],
    "not on": lambda turns: mask([(3, 2), (4, 1), (2, 3)]),
    "list of numbers is needed": lambda turns: None,
    "stopped with ZeroDivisionError": explode,
}


@pytest.mark.parametrize("message", MASKS)
def test_wrong_masks_are_named(message):
    verdict = check_action_mask(MASKS[message])
    assert not verdict.passed
    assert message in verdict.message


def test_the_right_mask_passes():
    assert check_action_mask(mask).passed


def played():
    sizes = [(10, 4), (6, 5), (7, 2)]
    turns = tuple(
        Turn(
            observation="o",
            completion="c",
            action="c",
            reward=0.0,
            observation_ids=(1,) * seen,
            action_ids=(2,) * said,
            logprobs=(0.0,) * said,
        )
        for seen, said in sizes
    )
    task = Task(env="toy", seed=1)
    return Episode(task=task, turns=turns, stop_reason=StopReason.LOST)


@pytest.mark.parametrize(
    ("guess", "part"),
    [
        (34, "every token"),
        (23, "the world's tokens"),
        (3, "counts commands"),
        (8, "ends each command"),
        (10, "close"),
        (20, "11 of 34"),
    ],
)
def test_wrong_counts_are_named(guess, part):
    verdict = check_gradient_tokens(guess, played())
    assert not verdict.passed
    assert part in verdict.message


def test_the_right_count_passes():
    assert check_gradient_tokens(11, played()).passed


def test_a_verdict_is_readable_as_text_and_on_a_page():
    verdict = Verdict(passed=False, message="look at <this>")
    assert repr(verdict) == "Not yet: look at <this>"
    assert "Not yet: look at <this>" in Outline(verdict._repr_html_()).text
