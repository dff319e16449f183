import pytest

from toolkit.environments.base import Task
from toolkit.episodes.record import StopReason, Turn
from toolkit.widgets.game_state import (
    Began,
    Branched,
    GameState,
    Note,
    Played,
    Point,
    Step,
    Switched,
    Told,
    Undone,
    reduce,
)

TASK = Task(env="gates", seed=3)


def step(command, *, stop=None, who="human", reward=0.5):
    turn = Turn(observation="", completion=command, action=command, reward=reward)
    return Step(
        turn=turn, then=Point(observation=f"after {command}"), stop=stop, who=who
    )


def after(*events):
    state = GameState(task=TASK)
    for event in (Began(Point(observation="a gate"), 9), *events):
        state = reduce(state, event)
    return state


A, B, C = Played(step("a")), Played(step("b")), Played(step("c"))
WIN = Played(step("win", stop=StopReason.WON))


def commands(state):
    return [[s.turn.completion for s in line] for line in state.lines]


@pytest.mark.parametrize(
    ("events", "lines", "current"),
    [
        ([], [[]], 0),
        ([A, B], [["a", "b"]], 0),
        ([A, Undone()], [[]], 0),
        ([Undone()], [[]], 0),
        ([A, WIN, B], [["a", "win"]], 0),  # the game is over
        ([A, WIN, Undone(), B], [["a", "b"]], 0),
        ([A, B, Branched(1), C], [["a", "b"], ["a", "c"]], 1),
        ([A, B, Branched(2), C], [["a", "b"], ["a", "b", "c"]], 1),
        ([A, WIN, Branched(0), C], [["a", "win"], ["c"]], 1),
        ([A, Branched(2)], [["a"]], 0),  # no such turn
        ([A, Branched(-1)], [["a"]], 0),
        ([Branched(0)], [[]], 0),  # there is nothing to keep
        ([A, Branched(0), B, Switched(0), C], [["a", "c"], ["b"]], 0),
        ([A, Switched(1)], [["a"]], 0),
        ([A, Switched(-1)], [["a"]], 0),
        ([A, Branched(1), Undone(), B], [["a"], ["b"]], 1),
        ([A, Branched(1), B, Began(Point(), 9)], [["a"], []], 1),
    ],
)
def test_lines(events, lines, current):
    state = after(*events)
    assert commands(state) == lines
    assert state.current == current
    assert state.line == state.lines[current]


def test_the_point_is_where_the_line_ends():
    assert after().point.observation == "a gate"
    assert after(A, B).point.observation == "after b"
    assert after(A, B, Undone()).point.observation == "after a"
    assert after(A, B, Undone(), Undone()).point.observation == "a gate"


def test_a_note_lasts_until_something_happens():
    note = Note(kind="hint", text="go")
    told = after(A, Told(note))
    assert told.note == note
    for event in (B, Undone(), Branched(1), Switched(0), Began(Point(), 9), Told()):
        assert reduce(told, event).note is None
    assert commands(told) == [["a"]]


def test_the_record():
    state = after(A, B, WIN)
    assert state.stop is state.episode.stop_reason is StopReason.WON
    assert state.episode.won
    assert state.total_reward == state.episode.total_reward == 1.5
    assert state.episode.final_observation == "after win"
    assert state.episode.policy == "human"
    assert after(A).episode.stop_reason is StopReason.INTERRUPTED
    assert after().episode.policy == "human"


def test_the_record_names_everyone_who_played():
    pocket = Played(step("x", who="pocket"))
    assert after(pocket).episode.policy == "pocket"
    assert after(A, pocket, B, pocket).episode.policy == "human+pocket"
