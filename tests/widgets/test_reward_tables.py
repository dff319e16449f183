from dataclasses import replace

import pytest

from tests.html_checks import Outline
from tests.rewards.made import episode, scores, turn
from toolkit.environments.base import Task
from toolkit.episodes.record import StopReason
from toolkit.widgets.reward_state import Design
from toolkit.widgets.reward_tables import (
    cell,
    cut,
    episodes_table,
    game_names,
    games_table,
    how_ended,
    table_html,
    turns_table,
)

WON, LOST = scores([2, 4], most=4, won=True), scores([0, 1, 1], most=4)
BROKEN = replace(WON, stop_reason=StopReason.ENVIRONMENT_ERROR, error="it fell")


def of(seed, *played, env="toy"):
    return [replace(e, task=Task(env=env, seed=seed)) for e in played]


def design(episodes, mix, *requests):
    made = Design(episodes, mix, 1.0)
    for request in requests:
        made.handle(request)
    return made


def texts(table):
    return [[c["text"] for c in row] for row in table["rows"]]


def small(table, column):
    return [row[column].get("small", "") for row in table["rows"]]


# ---- games ---------------------------------------------------------------------------


def test_each_game_says_whether_it_teaches():
    played = [*of(0, WON, LOST), *of(1, LOST, LOST), *of(2, WON), *of(3, BROKEN)]
    table = games_table(design(played, "sparse"))
    assert [(row[0], row[1], row[3]) for row in texts(table)] == [
        ("0", "1 of 2", "teaches"),
        ("1", "0 of 2", "silent: all earn 0"),
        ("2", "1 of 1", "nothing: one episode, none to compare with"),
        ("3", "0 of 1", "nothing: not scored"),
    ]
    assert "Returns, 0 to +1.00" in table["heads"][2]
    assert table["place"] == ""
    assert [row[0]["pressed"] for row in table["rows"]] == [True, False, False, False]


def test_a_game_that_changes_says_what_it_was_and_counts_its_traps():
    move = {"do": "weight", "term": "step_cost", "value": -1}
    mix = {"success": 1, "step_cost": 0}
    table = games_table(design([WON, LOST, *of(1, LOST, LOST)], mix, move))
    assert texts(table)[0][3:] == ["silent: all earn +3.00", "1"]
    assert small(table, 3) == ["was: teaches", ""]
    assert [row[4].get("kind") for row in table["rows"]] == ["pain", None]


def test_names_of_games_are_as_short_as_can_be():
    def names(*episodes):
        return game_names(design(episodes, "sparse"))

    assert names(*of(3, WON), *of(5, WON)) == ["3", "5"]
    long = ["toy/train/3", "zoo/train/3"]
    assert names(*of(3, WON), *of(3, WON, env="zoo")) == long
    task = Task(env="toy", seed=3)
    brief = replace(WON, task=replace(task, params=(("goal", "brief"),)))
    assert names(*of(3, WON), brief) == ["3", "3 (goal=brief)"]


def test_many_games_are_paged():
    played = [e for seed in range(19) for e in of(seed, WON, LOST)]
    made = design(played, "sparse", {"do": "page", "of": "games", "page": 1})
    table = games_table(made)
    assert (table["place"], table["page"], table["is_last"]) == (
        "9 to 16 of 19",
        1,
        False,
    )
    assert texts(table)[0][0] == "8"
    made.handle({"do": "page", "of": "games", "page": 2})
    assert games_table(made)["is_last"]


# ---- episodes ------------------------------------------------------------------------


def test_each_episode_says_what_it_earns():
    table = episodes_table(design([WON, LOST, BROKEN], {"progress": 1}))
    assert texts(table) == [
        ["1", "won, 2 turns", "", "+1.00", "1 of 3", "+0.71"],
        ["2", "not won, 3 turns", "", "+0.25", "2 of 3", "-0.71"],
        ["3", "the world broke, 2 turns", "", "", "not scored", "–"],
    ]
    assert "progress +0.25" in table["rows"][1][2]["svg"]


def test_ranks_and_returns_are_compared_with_the_beginning():
    move = {"do": "weight", "term": "step_cost", "value": 1}
    longer = scores([1, 1, 1, 2], most=4)
    made = design([WON, LOST, longer], {"progress": 1, "step_cost": 0}, move)
    table = episodes_table(made)
    assert [row[4] for row in texts(table)] == ["1 of 3", "2 of 3", "3 of 3"]
    assert small(table, 4) == ["", "▲ was 3", "▼ was 2"]
    assert small(table, 3) == ["was +1.00", "was +0.25", "was +0.50"]


def test_a_loss_that_is_paid_like_a_win_is_marked():
    table = episodes_table(design([WON, LOST], {"step_cost": -1}))
    assert table["rows"][1][3] == {"text": "+3.00", "small": "≥ a win", "kind": "pain"}


# ---- turns ---------------------------------------------------------------------------


def test_each_turn_says_what_it_is_paid_and_praised():
    made = design([WON, LOST], {"progress": 1, "step_cost": 0.5})
    made.handle({"do": "choose", "episode": 0})
    table = turns_table(made)
    assert table["heads"][3:] == ["GRPO", "RLOO", "PPO", "GiGPO"]
    first, last = table["rows"]
    assert [c["text"] for c in first[:4]] == ["1", "> go", "0", "+0.71"]
    assert first[1]["small"] == "A room."
    assert first[2]["small"] == "progress +0.50\nstep_cost -0.50"
    assert (first[3]["kind"], first[3]["size"]) == ("gain", 1)
    assert last[1]["small"] == "The end."


def test_advantages_say_what_they_were():
    move = {"do": "weight", "term": "success", "value": 0}
    made = design([WON, LOST], {"success": 1}, move)
    made.handle({"do": "choose", "episode": 0})
    grpo = turns_table(made)["rows"][0][3]
    assert grpo == {"text": "0", "small": "was +0.71", "kind": "dull", "size": 0}


def test_without_advantages_there_are_dashes():
    made = design([WON], {"success": 1})
    first = turns_table(made)["rows"][0]
    assert [c["text"] for c in first[3:]][:2] == ["–", "–"]
    masked = design([BROKEN, WON], {"success": 1}, {"do": "choose", "episode": 0})
    assert {c["text"] for c in turns_table(masked)["rows"][0][3:]} == {"–"}


def test_long_texts_are_cut_and_long_episodes_paged():
    long = episode(*(turn(said="x" * 999, seen="y\n" * 999) for _ in range(45)))
    made = design([long, WON], "sparse", {"do": "choose", "episode": 0})
    table = turns_table(made)
    assert table["place"] == "1 to 12 of 45"
    command = table["rows"][0][1]
    assert len(command["text"]) == 62
    assert len(command["small"]) == 90
    assert turns_table(design([episode(), WON], "sparse"))["rows"] == []


# ---- cells ---------------------------------------------------------------------------


@pytest.mark.parametrize("reason", list(StopReason))
def test_every_end_has_words(reason):
    words = how_ended(replace(WON, stop_reason=reason))
    assert words.endswith(", 2 turns")
    assert words.startswith("the world broke") == reason.is_broken
    assert how_ended(replace(WON, turns=WON.turns[:1])) == "won, 1 turn"


def test_html_escapes_what_is_told():
    attack = "<script>alert(1)</script>"
    rows = [
        [cell(attack, pressed=True), cell("x", small=attack, kind="gain", size=0.5)]
    ]
    table = {"of": "games", "caption": attack, "heads": [attack, "b"], "rows": rows}
    found = Outline(table_html({**table, "place": "1 to 2 of 3"}))
    assert not found.having("script")
    assert found.text.count(attack) == 4
    assert "(1 to 2 of 3)" in found.text
    assert found.having("th")[-1] == {
        "scope": "row",
        "aria-current": "true",
        "class": "chosen",
    }
    assert cut("abcd", 3) == "ab…"
