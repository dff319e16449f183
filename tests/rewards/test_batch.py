import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import ConfigError
from toolkit.rewards.batch import batches, cut_middle, pad_right


@given(text=st.text(max_size=50), room=st.integers(4, 60))
def test_what_fits_is_left_alone_and_the_rest_keeps_both_ends(text, room):
    cut = cut_middle(text, room, "...")
    if len(text) <= room:
        assert cut == text
    else:
        head, tail = cut.split("...", 1) if "..." not in text else (cut[:1], "")
        assert len(cut) == room
        assert text.startswith(head)
        assert text.endswith(tail)


def test_ids_are_cut_like_characters():
    assert cut_middle(list(range(10)), 5, [-1]) == [0, 1, -1, 8, 9]


def test_no_room_for_a_transcript_is_an_error():
    with pytest.raises(ConfigError, match="Shorten the rubric"):
        cut_middle("abcdef", 3, "...")


@given(lengths=st.lists(st.integers(1, 300), max_size=40), limit=st.integers(1, 600))
def test_batches_hold_each_text_once_and_keep_to_the_limit(lengths, limit):
    found = list(batches(lengths, limit))
    assert sorted(i for batch in found for i in batch) == list(range(len(lengths)))
    for batch in found:
        widest = max(lengths[i] for i in batch)
        assert len(batch) == 1 or widest * len(batch) <= limit


def test_padding_stands_on_the_right_and_is_masked():
    padded = pad_right([[5, 6, 7], [8]], 0, "cpu")
    assert padded["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert padded["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
