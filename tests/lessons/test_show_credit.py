import xml.etree.ElementTree as ET

import pytest

from tests.lessons.test_show import outline, play
from toolkit.episodes.tokens import tokenize_episode
from toolkit.errors import ConfigError
from toolkit.lessons.show_credit import (
    show_advantages,
    show_credit,
    show_estimates,
    show_group_shares,
    show_pay,
)


def test_pay_is_a_table():
    columns = {"progress": [0.25, -0.5], "cost": [0.0, -1.0]}
    view = show_pay(["take key", "<go> east"], columns, title="Paid")
    assert len(outline(view).having("table")) == 1
    assert repr(view).startswith("Paid\nprogress: take key +0.25, <go> east -0.5")


def test_credit_is_coloured_by_sign_and_strength():
    view = show_credit([["a", "b"], ["c"]], [[1.0, -0.5], [0.0]], title="Advantages")
    cells = outline(view).having("td")
    assert "42 157 82 / 60%" in cells[0]["style"]
    assert "208 69 58 / 35%" in cells[1]["style"]
    assert "128 128 128 / 10%" in cells[2]["style"]
    assert view.text == "Advantages\nA: +1.00, -0.50\nB: +0.00"


def test_advantages_of_turns_and_of_tokens_lie_on_the_same_tokens():
    policy, played = play()
    tokens = tokenize_episode(played)
    by_turn = [float(k + 1) for k in range(len(played.turns))]
    by_token = [0.0] * (len(tokens.completion_ids) + 2)  # padded, as in a batch
    for value, (start, end) in zip(by_turn, tokens.spans, strict=True):
        by_token[start:end] = [value] * (end - start)
    view = show_advantages(
        {"A": played},
        {"turns": [by_turn], "tokens": [by_token], "masked": [[]]},
        tokenizer=policy.tokenizer,
        title="Credit",
    )
    title, turns, same, masked = view.text.splitlines()
    assert title == "Credit"
    numbers = turns.removeprefix("A, turns: ")
    assert numbers.startswith("+1.00")
    assert same == f"A, tokens: {numbers}"
    assert set(masked.removeprefix("A, masked: ").split(", ")) == {"0"}
    (svg,) = outline(view).having("svg")
    assert f"A, turns: {numbers}" in svg["aria-label"]
    ET.fromstring(view._repr_mimebundle_()["image/svg+xml"])


def test_numbers_of_other_episodes_are_refused():
    policy, played = play()
    one_more = [1.0] * (len(played.turns) + 1)
    for rows, message in (
        ([[1.0], [1.0]], "for 2 episodes; 1 are shown"),
        ([one_more], f"{len(one_more)} numbers for an episode"),
    ):
        with pytest.raises(ConfigError, match=message):
            show_advantages({"A": played}, {"x": rows}, tokenizer=policy.tokenizer)


def test_silent_groups_are_counted():
    advantages = {"grpo": [[1.0], [-1.0, -1.0], [0.0], [0.0]], "none": [[1e-16]] * 4}
    view = show_group_shares(advantages, group_size=2)
    assert view.text == (
        "grpo: 1 of 2 silent (100 %, silent)\nnone: 2 of 2 silent (silent, silent)"
    )
    label = outline(view).having("svg")[0]["aria-label"]
    assert "grpo: 100 %, silent; none: silent, silent" in label


def test_estimates_stand_beside_the_truth():
    view = show_estimates({"critic": {"1": [0.0, 2.0], "0": [1.0]}}, truth=1, title="A")
    assert view.text.splitlines() == [
        "A: +1.00 in truth",
        "critic, 1: +1.00 with deviation 1.00",
        "critic, 0: +1.00 with deviation 0.00",
    ]
