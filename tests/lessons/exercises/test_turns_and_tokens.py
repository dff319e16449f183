import pytest

from toolkit.lessons.exercises.turns_and_tokens import (
    chat_mask,
    check_chat_mask,
    check_pick_logprobs,
    check_symptoms,
    pick_logprobs,
)


def test_answers_that_fit_the_example_alone_are_caught():
    def fitted(rows, ids, mask):
        places = (2, 3, 5) if len(ids) == 6 else (1,)
        return [rows[t - 1][ids[t]] for t in places]

    assert "Look at the mask" in check_pick_logprobs(fitted).message
    first = chat_mask([(4, 2, 3, True), (3, 2, 1, False), (2, 2, 2, True)])
    assert "21 tokens" not in check_chat_mask(lambda turns: first).message
    assert not check_chat_mask(lambda turns: first).passed


def test_masks_of_another_length_or_with_other_numbers_are_told_so():
    short = check_chat_mask(lambda turns: chat_mask(turns)[:-1])
    assert "Behind each answer" in short.message
    twos = check_chat_mask(lambda turns: [2 * bit for bit in chat_mask(turns)])
    assert "only 0 and 1" in twos.message


def test_a_mean_in_place_of_numbers_is_no_answer():
    verdict = check_pick_logprobs(lambda *a: sum(pick_logprobs(*a)) / 3)
    assert "list of numbers" in verdict.message


@pytest.mark.parametrize(
    "answer", [None, {}, {"A": "end"}, dict.fromkeys("ABCD", "mask"), "ABCD"]
)
def test_answers_that_are_none_are_told_so(answer):
    assert not check_symptoms(answer).passed


def test_rows_may_be_indexed_as_in_the_lesson():
    def picked(rows, ids, mask):
        return [rows[t - 1, ids[t]] for t in range(len(ids)) if mask[t]]

    assert check_pick_logprobs(picked).passed


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        (lambda turns: chat_mask(turns)[::-1], "where the parts do"),
        (lambda turns: [0, *chat_mask(turns)[:-1]], "where the parts do"),
        (lambda turns: chat_mask([(a, b, c, True) for a, b, c, _ in turns]), "ours"),
    ],
)
def test_a_mask_that_fits_no_part_is_not_called_a_part_of_it(spoilt, says):
    assert says in check_chat_mask(spoilt).message
