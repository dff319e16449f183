import json
import xml.etree.ElementTree as ET

import pytest

from tests.html_checks import Outline
from tests.models import tiny_policy
from tests.test_transcript import changed, episode, turn
from tests.training.gates import Gates
from tests.training.runs import run_small
from toolkit.environments.base import make_env, tasks
from toolkit.episodes.rollout import collect
from toolkit.episodes.tokens import tokenize_episode
from toolkit.errors import ConfigError
from toolkit.evaluation import summarise
from toolkit.lessons.show import (
    show_advantages,
    show_credit,
    show_curves,
    show_episodes,
    show_estimates,
    show_group_shares,
    show_learning,
    show_lost_and_won,
    show_report,
    show_success,
    show_tokens,
)


def outline(view):
    return Outline(view._repr_mimebundle_()["text/html"])


def test_success_is_drawn_with_its_intervals():
    view = show_success({"random": (0.25, 0.1, 0.5), "expert": (1.0, 0.9, 1.0)})
    assert repr(view) == "random: 25% won (10% to 50%)\nexpert: 100% won (90% to 100%)"
    (svg,) = outline(view).having("svg")
    assert "expert 100 %, interval 90 % to 100 %" in svg["aria-label"]


def test_an_evaluation_can_be_drawn():
    result = summarise([episode(1, won=True), episode(2)])
    assert "me: 50% won" in show_success({"me": result}).text


def test_the_picture_alone_is_a_file_on_white():
    view = show_success({"a": (0.5, 0.2, 0.8)})
    root = ET.fromstring(view._repr_mimebundle_()["image/svg+xml"])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root[0].get("fill") == "#fff"


def test_styles_reach_nothing_outside():
    css = show_credit([["go"]], [[1.0]], title="x")._repr_mimebundle_()["text/html"]
    rules = css.partition("<style>")[2].partition("</style>")[0]
    depth, selectors, text = 0, [], ""
    for letter in rules:
        depth += (letter == "{") - (letter == "}")
        if letter == "{" and depth == 1:
            selectors.append(text.rpartition("*/")[2].strip())
        text = "" if letter in "{}" else text + letter
    assert depth == 0
    assert selectors
    assert all(s.startswith(".toolkit-view") for s in selectors)


def test_episodes_stand_side_by_side():
    view = show_episodes({"Lost": episode(1), "Won": episode(1, turn(1.0), won=True)})
    assert [c for c in outline(view).texts if c in ("Lost", "Won")] == ["Lost", "Won"]
    assert view.text == "Lost: look [turn_limit]\nWon: look [won]"


def test_lost_and_won():
    change = changed([episode(1)], [episode(1, won=True)])
    view = show_lost_and_won(change)
    assert view.text == "1 games better, 0 worse, of 1."
    assert "Before training" in outline(view).text


def play():
    """Return a policy and an episode that it played."""
    assert Gates
    policy = tiny_policy()
    games = tasks("gates", n=1)
    (played,) = collect(policy, make_env("gates"), games, workers=0, progress=False)
    return policy, played


def test_tokens_that_were_sampled_are_set_apart():
    policy, played = play()
    view = show_tokens(played, policy.tokenizer)
    found = outline(view)
    sampled = sum(len(t.action_ids) for t in played.turns)
    assert len(found.having("b")) == sampled + 1  # one in the key
    assert len(found.having("span")) == len(played.ids) - sampled + 1
    assert "".join(found.texts).startswith("sampled by the policywritten by the world")
    assert "g⏎" not in "".join(found.texts)
    assert "⏎>" in "".join(found.texts)
    assert (
        view.text
        == f"{sampled} of {len(played.ids)} tokens were sampled by the policy."
    )


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
    assert view.text == "grpo: 1 of 2 silent\nnone: 2 of 2 silent"
    label = outline(view).having("svg")[0]["aria-label"]
    assert "grpo: 100 %, silent; none: silent, silent" in label


def test_estimates_stand_beside_the_truth():
    view = show_estimates({"critic": {"1": [0.0, 2.0], "0": [1.0]}}, truth=1, title="A")
    assert view.text.splitlines() == [
        "A: +1.00 in truth",
        "critic, 1: +1.00 with deviation 1.00",
        "critic, 0: +1.00 with deviation 0.00",
    ]


def test_curves_tell_their_ends():
    curves = {"kl": {"k1": [0.0, 2.0, 1.0]}}
    view = show_curves(curves, x=[0, 1, 2], x_name="steps", title="A")
    assert view.text.splitlines() == [
        "A, by steps",
        "kl, k1: from 0.00 to 1.00, least 0.00, most 2.00",
    ]
    assert outline(view).having("svg")


@pytest.mark.slow
def test_learning_is_read_from_the_run(tmp_path):
    run = run_small(tmp_path, max_steps=2)
    held = summarise([episode(1, won=True), episode(2)])
    view = show_learning(run, held, held)
    assert view.text.startswith("Won in training, step by step: ")
    assert view.text.count("%") == 2
    assert "8 episodes" in outline(view).having("svg")[0]["aria-label"]


def test_a_report_is_drawn_or_asked_for(tmp_path):
    path = tmp_path / "report.json"
    numbers = {"success": 0.25, "low": 0.2, "high": 0.3, "n": 100}
    path.write_text(json.dumps({"before": numbers, "after": numbers}))
    assert "after training: 25% won (20% to 30%)" in show_report(path).text


def test_without_any_report_it_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setattr("toolkit.lessons.show.assets_dir", lambda: tmp_path)
    view = show_report(tmp_path / "none.json")
    assert "toolkit quickstart" in outline(view).text
