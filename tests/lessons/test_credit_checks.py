import numpy as np
import pytest

from toolkit.lessons.credit_checks import (
    check_leave_one_out,
    check_same_room,
    check_token_returns,
)


def explode(*_):
    raise ZeroDivisionError("division by zero")


# ---- leave one out -------------------------------------------------------------------


def others(returns):
    return [(sum(returns) - r) / (len(returns) - 1) for r in returns]


def leave_one_out(returns):
    return [r - other for r, other in zip(returns, others(returns), strict=True)]


def standardised(returns, ddof):
    return (np.array(returns) - np.mean(returns)) / (np.std(returns, ddof=ddof) + 1e-4)


LEAVE_ONE_OUT = {
    "returns themselves": lambda g: g,
    "with the episode itself in it": lambda g: [r - np.mean(g) for r in g],
    "as in GRPO": lambda g: standardised(g, 1),
    "divided by the standard deviation": lambda g: standardised(g, 0),
    "sign is turned": lambda g: [-a for a in leave_one_out(g)],
    "sum of the others": lambda g: [r - (sum(g) - r) for r in g],
    "one fewer than the group": lambda g: [r - (sum(g) - r) / len(g) for r in g],
    "baseline alone": others,
    "4 numbers came back for 5 episodes": lambda g: leave_one_out(g)[1:],
    "Look at the returns": lambda g: [r - (sum(g) - r) / 4 for r in g],
    "list of numbers is needed": lambda g: None,
    "stopped with ZeroDivisionError": explode,
}


@pytest.mark.parametrize("message", LEAVE_ONE_OUT)
def test_wrong_baselines_are_named(message):
    verdict = check_leave_one_out(LEAVE_ONE_OUT[message])
    assert not verdict.passed
    assert message in verdict.message


def test_leaving_one_out_passes():
    assert check_leave_one_out(leave_one_out).passed


# ---- returns over tokens -------------------------------------------------------------


def token_returns(rewards, mask):
    running, found = 0.0, []
    for reward, sampled in zip(reversed(rewards), reversed(mask), strict=True):
        running += reward
        found.insert(0, running * sampled)
    return found


def lost_at_the_world(rewards, mask):
    running, found = 0.0, []
    for reward, sampled in zip(reversed(rewards), reversed(mask), strict=True):
        running = (running + reward) * sampled
        found.insert(0, running)
    return found


TOKEN_RETURNS = {
    "published mistake": lost_at_the_world,
    "world's tokens have numbers as well": lambda r, m: token_returns(r, [1] * len(m)),
    "own reward only": lambda r, m: r,
    "return of the whole episode": lambda r, m: [sum(r) * bit for bit in m],
    "from the front": lambda r, m: [sum(r[: t + 1]) * bit for t, bit in enumerate(m)],
    "own reward is left out": lambda r, m: [
        sum(r[t + 1 :]) * bit for t, bit in enumerate(m)
    ],
    "mask is inverted": lambda r, m: token_returns(r, [1 - bit for bit in m]),
    "7 numbers came back for 8 tokens": lambda r, m: token_returns(r, m)[1:],
    "Look at the rewards": lambda r, m: token_returns([max(v, 0.0) for v in r], m),
    "list of numbers is needed": lambda r, m: None,
    "stopped with ZeroDivisionError": explode,
}


@pytest.mark.parametrize("message", TOKEN_RETURNS)
def test_wrong_token_returns_are_named(message):
    verdict = check_token_returns(TOKEN_RETURNS[message])
    assert not verdict.passed
    assert message in verdict.message


def test_right_token_returns_pass():
    assert check_token_returns(token_returns).passed


# ---- same room -----------------------------------------------------------------------


def in_room(rooms, values, room):
    return [v for r, v in zip(rooms, values, strict=True) if r == room]


def means(rooms, values):
    return [np.mean(in_room(rooms, values, room)) for room in rooms]


def same_room(rooms, values):
    return np.subtract(values, means(rooms, values))


def without_itself(rooms, values, alone):
    found = []
    for i, (room, value) in enumerate(zip(rooms, values, strict=True)):
        rest = in_room(rooms[:i] + rooms[i + 1 :], values[:i] + values[i + 1 :], room)
        found.append(value - np.mean(rest) if rest else alone(value))
    return found


SAME_ROOM = {
    "compared with one mean": lambda r, v: np.subtract(v, np.mean(v)),
    "met once keeps its whole": lambda r, v: [
        x if r.count(room) == 1 else a
        for room, x, a in zip(r, v, same_room(r, v), strict=True)
    ],
    "means of the rooms alone": means,
    "and a room met once keeps": lambda r, v: without_itself(r, v, lambda x: x),
    "That is RLOO's way": lambda r, v: without_itself(r, v, lambda x: 0.0),
    "sign is turned": lambda r, v: -same_room(r, v),
    "so far only": lambda r, v: [
        x - np.mean(in_room(r[: i + 1], v[: i + 1], r[i])) for i, x in enumerate(v)
    ],
    "5 numbers came back for 6 turns": lambda r, v: same_room(r, v)[1:],
    "Look at the rooms": lambda r, v: [
        a if room != "attic" else 0.0
        for room, a in zip(r, same_room(r, v), strict=True)
    ],
    "list of numbers is needed": lambda r, v: None,
    "stopped with ZeroDivisionError": explode,
}


@pytest.mark.parametrize("message", SAME_ROOM)
def test_wrong_comparisons_in_a_room_are_named(message):
    verdict = check_same_room(SAME_ROOM[message])
    assert not verdict.passed
    assert message in verdict.message


def test_the_right_comparison_in_a_room_passes():
    assert check_same_room(same_room).passed
