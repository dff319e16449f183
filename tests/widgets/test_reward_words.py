from dataclasses import replace

import pytest

from tests.rewards.made import scores
from toolkit.environments.base import Task
from toolkit.widgets.reward_state import Design
from toolkit.widgets.reward_words import FACTS, count, facts, problems, title, warnings

WON, LOST = scores([2, 4], most=4, won=True), scores([0, 1, 1], most=4)
TRAP = {"success": 1, "step_cost": -2}


def design(mix, *episodes, choose=None):
    made = Design(episodes, mix, 1.0)
    if choose is not None:
        made.handle({"do": "choose", "episode": choose})
    return made


def test_facts_are_told_with_what_they_were():
    made = design({"success": 1, "step_cost": 0}, WON, LOST)
    names = [name for name, _ in FACTS]
    assert [f["name"] for f in facts(made)] == names
    now = [f["now"] for f in facts(made)]
    assert now == ["1 of 1", "100 % of pairs", "0 of 1", "none"]
    assert {f["was"] for f in facts(made)} == {""}
    made.handle({"do": "weight", "term": "step_cost", "value": -2})
    now = [f["now"] for f in facts(made)]
    assert now == ["1 of 1", "0 % of pairs", "1 of 1", "step_cost, 91 %"]
    assert [f["was"] for f in facts(made)] == ["", "100 % of pairs", "0 of 1", "none"]
    assert facts(design("sparse", LOST))[1]["now"] == "no pair"


def test_a_loss_says_what_it_earns_more_than_a_win():
    lost = title(design(TRAP, WON, LOST, choose=1))
    assert lost == (
        "Game 0, episode 2: not won, 3 turns, return +6.00, "
        "rank 1 of 2. It was lost and earns 1 more than a win of this game."
    )
    assert title(design(TRAP, WON, LOST, choose=0)).endswith("rank 2 of 2.")
    even = title(design({"success": 1, "step_cost": -1}, WON, LOST, choose=1))
    assert even.endswith("It was lost and earns as much as a win of this game.")


@pytest.mark.parametrize(
    ("n", "words"), [(0, "no episodes"), (1, "1 episode of 1 game")]
)
def test_counts_are_in_plain_words(n, words):
    assert count(design("sparse", *[WON] * n)) == words
    other = replace(WON, task=Task(env="zoo", seed=0))
    assert count(design("sparse", WON, WON, other)) == "3 episodes of 2 games"


def test_warnings_lead_to_their_episode():
    found = warnings(design(TRAP, WON, LOST))
    assert "A loss after 3 turns earns 6, more than a win" in found[0]["text"]
    assert found[0]["see"] == 1
    assert "see" not in found[1]
    assert warnings(design("sparse", WON, LOST)) == []
    # where waiting would pay even more, what was played is told beside it
    far = {"success": 1, "step_cost": -1, "progress": -4}
    made = design(far, WON, LOST)
    texts = [w["text"] for w in warnings(made) if w.get("see") == 1]
    assert texts


def test_problems_name_their_credits_once():
    (why,) = problems(design("sparse", WON))
    assert why.startswith("No advantage under GRPO, RLOO, GiGPO: ")
    assert problems(design("sparse", WON, LOST)) == []
