import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.widgets.recorded import episode, played, turn
from toolkit.widgets.alignment import (
    Kind,
    align,
    answer_to,
    differences,
    longest_common,
    word_diff,
)

SAME, COMMAND, OBSERVATION, ONLY = Kind


def aligned(*episodes):
    return [(row.turns, row.kind) for row in align(episodes)]


def length_by_table(a, b):
    """Return the length of the longest common subsequence the slow way."""
    above = [0] * (len(b) + 1)
    for x in a:
        row = [0]
        for j, y in enumerate(b):
            row.append(above[j] + 1 if x == y else max(above[j + 1], row[j]))
        above = row
    return above[-1]


@given(st.text("abcd", max_size=20), st.text("abcd", max_size=20))
def test_the_longest_common_part_is_one_and_is_the_longest(a, b):
    pairs = longest_common(a, b)
    assert all(a[i] == b[j] for i, j in pairs)
    assert [i for i, _ in pairs] == sorted({i for i, _ in pairs})
    assert [j for _, j in pairs] == sorted({j for _, j in pairs})
    assert len(pairs) == length_by_table(a, b)


@given(st.lists(st.text("nsw", max_size=8), min_size=1, max_size=4))
def test_every_turn_is_in_one_row_and_in_its_order(games):
    rows = align([played(game) for game in games])
    for n, game in enumerate(games):
        turns = [r.turns[n] for r in rows if r.turns[n] is not None]
        assert turns == list(range(len(game)))
    for row in rows:
        there = [k for k in row.turns if k is not None]
        assert there
        assert (row.kind is ONLY) == (len(there) < len(games))


def test_equal_episodes_do_not_differ():
    rows = align([played("nnw"), played("nnw")])
    assert [row.kind for row in rows] == [SAME] * 3
    assert differences(rows) == []


def test_where_they_part_stands_side_by_side():
    # after n they part, and both come by other ways from then on
    found = aligned(played("nnn"), played("nww"))
    assert found == [
        ((0, 0), SAME),
        ((1, 1), COMMAND),
        ((2, None), ONLY),
        ((None, 2), ONLY),
    ]


def test_what_is_met_again_later_is_lined_up():
    # s keeps the situation: the second loses two turns, and then follows the first.
    # They part at turn 2, where the first says w and the second s.
    found = aligned(played("nwn"), played("nsswn"))
    assert found[0] == ((0, 0), SAME)
    assert found[1] == ((1, 1), COMMAND)
    assert found[-1] == ((2, 4), SAME)
    assert [kind for _, kind in found[2:-1]] == [ONLY, ONLY]


def test_the_world_may_answer_otherwise():
    other = {"n": "A storm.", "nw": "Rain."}
    rows = align([played("nwn"), played("nwn", answers=other)])
    # the answers to turn 1 and 2 differ; what follows says the same and goes on
    assert [(r.turns, r.kind) for r in rows] == [
        ((0, 0), OBSERVATION),
        ((1, 1), OBSERVATION),
        ((2, 2), OBSERVATION),
    ]


def test_another_pay_for_the_same_is_a_difference():
    one, other = (episode(turn("A hall.", "go", reward)) for reward in (0.0, 1.0))
    assert aligned(one, other) == [((0, 0), OBSERVATION)]


def test_the_same_words_in_another_room_are_another_situation():
    def walk(*steps):
        return episode(*(turn("A room.", said, room=room) for said, room in steps))

    # the second goes east first; `look` in its room and in the hall look alike
    one = walk(("look", "hall"), ("look", "hall"))
    other = walk(("east", "barn"), ("look", "barn"), ("west", "hall"), ("look", "hall"))
    found = aligned(one, other)
    assert found[0] == ((0, 0), COMMAND)
    assert ((1, 3), SAME) in found
    # and where they stand in different rooms, nothing is matched by the words alone
    apart = aligned(
        walk(("go", "hall"), ("a", "hall")), walk(("go", "barn"), ("b", "barn"))
    )
    assert apart == [((0, 0), SAME), ((1, None), ONLY), ((None, 1), ONLY)]


def test_the_same_command_in_the_same_room_is_matched_at_last():
    def walk(first, seen):
        turns = turn("A hall.", first, room="barn"), turn(seen, "look", room="barn")
        return episode(*turns)

    found = aligned(walk("go", "A barn at day."), walk("run", "A barn at night."))
    assert found == [((0, 0), COMMAND), ((1, 1), OBSERVATION)]


def test_a_refused_command_is_what_was_said():
    refused = episode(turn("A hall.", "save", action="", completion="save"))
    assert aligned(refused, episode(turn("A hall.", "save")))[0][1] is SAME


def test_four_at_once():
    rows = align([played(text) for text in ("nn", "nn", "nw", "nws")])
    assert rows[0].turns == (0, 0, 0, 0)
    assert rows[1].turns == (1, 1, 1, 1)
    assert rows[1].kind is COMMAND
    assert rows[2].turns == (None, None, None, 2)


def test_episodes_without_turns():
    assert aligned(episode(), episode()) == []
    assert aligned(episode(), played("n")) == [((None, 0), ONLY)]


def test_the_last_answer_is_the_last_text():
    game = played("nn")
    assert answer_to(game, 0) == "You came by n."
    assert answer_to(game, 1) == "The end."


@pytest.mark.parametrize("alphabet", ["n", "nswe"])
def test_ten_thousand_turns_take_less_than_a_second(alphabet):
    text = [f"go {alphabet[k * k % 7 % len(alphabet)]}" for k in range(10_000)]
    one = episode(*(turn(f"Room {k % 90}", t) for k, t in enumerate(text)))
    other = episode(*(turn(f"Room {k % 80}", t) for k, t in enumerate(text)))
    start = time.process_time()
    rows = align([one, other])
    assert time.process_time() - start < 1
    assert len(rows) >= 10_000


def test_words_that_differ_are_found():
    ours, theirs = word_diff("You see a red door.", "You see a blue door.")
    assert ours == [(True, "You see a"), (False, " red"), (True, " door.")]
    assert theirs == [(True, "You see a"), (False, " blue"), (True, " door.")]


@given(st.text("ab \n"), st.text("ab \n"))
def test_pieces_are_the_whole_text(one, other):
    found = word_diff(one, other)
    if found:
        assert tuple("".join(t for _, t in side) for side in found) == (one, other)
