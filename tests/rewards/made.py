"""Episodes made by hand."""

from hypothesis import strategies as st

from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn

TASK = Task(env="toy", seed=0)
COSTS = ("step_cost", "invalid_action", "format", "length")
PLAIN = ("success", "progress", "game", "discovery", *COSTS)
"""Terms without settings that must be given."""


def turn(*, said="go", reward=0.0, seen="A room.", **info):
    facts = {"score": 0.0, "max_score": 1.0, "valid_action": True}
    facts |= {"room": "hall", "first_room": "hall", "progress": 0.0}
    return Turn(
        observation=seen,
        completion=said,
        action=said,
        reward=reward,
        info=facts | info,
    )


def episode(*turns, won=False, reason=None, seed=0, final="The end."):
    reason = reason or (StopReason.WON if won else StopReason.TURN_LIMIT)
    task = Task(env="toy", seed=seed)
    turns = tuple(turns)
    return Episode(task=task, turns=turns, stop_reason=reason, final_observation=final)


def scores(points, *, most, won=False, seed=0):
    """An episode that had these points after each turn."""
    before = [0, *points]
    turns = [
        turn(score=float(p), max_score=float(most), reward=float(p - b))
        for p, b in zip(points, before, strict=False)
    ]
    return episode(*turns, won=won, seed=seed)


def walk(rooms, *, won=False):
    """An episode that was in these rooms after each turn."""
    return episode(*(turn(room=room) for room in rooms), won=won)


@st.composite
def episodes(draw, max_turns=6):
    """An episode with facts of all kinds."""
    n = draw(st.integers(0, max_turns))
    won = n > 0 and draw(st.booleans())
    most = draw(st.integers(1, 5))
    turns = [
        turn(
            said=draw(st.sampled_from(["go", "look\naround", "x" * 150, "y" * 999])),
            reward=draw(st.integers(-2, 2)) / 2,
            score=float(draw(st.integers(0, most))),
            max_score=float(most),
            valid_action=draw(st.booleans()),
            room=draw(st.sampled_from(["hall", "attic", "cellar"])),
            progress=draw(st.integers(0, 4)) / 4,
        )
        for _ in range(n)
    ]
    return episode(*turns, won=won, seed=draw(st.integers(0, 2)))
