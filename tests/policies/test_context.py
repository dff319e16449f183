import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.policies.context import Context, context_lengths

STOP = -1
turns = st.lists(
    st.tuples(st.integers(1, 9), st.integers(1, 4), st.booleans()), max_size=30
)


def context_of(history):
    return Context(rng=np.random.default_rng(0), history=history)


def play(context, turns, room=10**9):
    """Play turns of (observed ids, sampled ids, cut off).

    Yield the number of each turn, what the world wrote, what was to be read, and how
    much of what had been read before is kept.

    Ids count up, but for the stop token that closes an action which was cut off.
    """
    count = 0
    for k, (observed, sampled, is_open) in enumerate(turns):
        new = [STOP] * context.is_open + list(range(count, count + observed))
        if not context.make_room(len(new), room):
            return
        kept = context.read
        yield k, new, context.observe(new), kept
        count += observed
        context.act(range(count, count + sampled), is_open=is_open)
        context.read = len(context.seen)
        count += sampled


@given(turns, st.integers(2, 9))
def test_the_first_turn_and_the_newest_are_seen(turns, history):
    context = context_of(history)
    first = []
    for k, _, _, _ in play(context, turns):
        assert len(context.starts) == k + 1
        seen_turns = k + 1 - context.forgotten
        assert min(k + 1, 1 + history // 2) <= seen_turns <= history
        if k == 1:
            first = context.ids[: context.starts[1]]
        start, end = context.hidden
        assert context.seen == context.ids[:start] + context.ids[end:]
        if context.forgotten:
            assert context.seen[: len(first)] == first
            assert start == context.starts[1]
            assert end == context.starts[context.forgotten + 1]


@given(turns, st.integers(2, 9))
def test_what_is_read_adds_up_to_what_is_seen(turns, history):
    context, cache = context_of(history), []
    for _, _, new, kept in play(context, turns):
        cache = cache[:kept] + new
        assert cache == context.seen
        sampled = turns[len(context.starts) - 1][1]
        begin = cache[-1] + 1
        cache = cache + list(range(begin, begin + sampled))


@given(turns)
def test_nothing_is_forgotten_without_a_limit(turns):
    context = context_of(None)
    for _, new, read, _ in play(context, turns):
        assert context.seen == context.ids
        assert read == new


@given(turns, st.integers(4, 9), st.integers(20, 40))
def test_turns_that_do_not_fit_are_forgotten_too(turns, history, room):
    context = context_of(history)
    for _, _, _, _ in play(context, turns, room):
        assert len(context.seen) <= room
    played = len(context.starts)
    if played < len(turns):  # not even the first turn and the newest fit
        kept = context.starts[1] if played > 1 else len(context.ids) + context.is_open
        assert kept + turns[played][0] > room


def test_a_history_is_halved_when_it_is_full():
    context = context_of(4)
    seen = [
        (len(context.starts) - context.forgotten, kept)
        for _, _, _, kept in play(context, [(3, 2, False)] * 9)
    ]
    assert seen == [(1, 0), (2, 5), (3, 10), *[(4, 15), (3, 5)] * 3]


def test_a_stop_token_that_closes_what_is_forgotten_is_forgotten():
    context = context_of(2)
    turns = [(3, 2, True), (3, 2, True), (3, 2, True)]
    *_, (_, new, read, _) = play(context, turns)
    assert new[0] == STOP
    assert read == new[1:]
    assert context.seen[:-2] == [0, 1, 2, 3, 4, STOP, *new[1:]]


@pytest.mark.parametrize("acted", [1, 5])
def test_an_action_that_is_no_longer_the_last_has_no_length(acted):
    context = context_of(2)
    list(play(context, [(3, 2, False)] * 3))
    context.sampled = acted
    assert context.make_room(2, 10**9)
    assert context.sampled == 0


@given(turns, st.integers(2, 9))
def test_contexts_are_as_long_as_what_was_seen_when_they_ended(turns, history):
    turns = [(observed, sampled, False) for observed, sampled, _ in turns]
    context, ends = context_of(history), {}
    for (*_,) in play(context, turns):
        at = context.hidden
        turn = turns[len(context.starts) - 1]
        ends[at] = len(context.seen) + turn[1]
    lengths = context_lengths([sum(turn[:2]) for turn in turns], history)
    assert lengths == (list(ends.values()) or [0])
    whole, first = sum(t[0] + t[1] for t in turns), sum(turns[0][:2]) if turns else 0
    assert sum(lengths) <= 2 * (whole - first) + len(lengths) * first
