import json

import pytest

from tests.html_checks import Outline
from tests.widgets.games import Says, Yard, token
from tests.widgets.test_base import connected, from_page, views
from toolkit.environments.base import make_env, tasks
from toolkit.widgets.base import LARGEST, message_size
from toolkit.widgets.stepper import TOKEN_TURNS, EnvStepper

assert Yard
ATTACK = "<script>alert(1)</script>"


def widget(*commands, policy=None, env="gates", plain=False, **params):
    made = EnvStepper(make_env(env, **params), policy, tasks(env, n=4)[3], plain=plain)
    for command in commands:
        made.type(command)
    return made


def test_a_turn_is_shown_with_what_came_of_it():
    view = widget("bcd").view
    assert view["first"] == "gate 3"
    assert view["status"] == "Turn 2 of 4"
    assert (view["score"], view["reward"]) == ("Score 0.06 of 1", "+0.06")
    (row,) = view["log"]
    assert (row["command"], row["answer"], row["reward"]) == ("bcd", "1: dcb", "+0.06")
    assert (row["mark"], row["who"], row["gain"]) == ("", "", True)
    assert view["announce"] == "1: dcb Turn 2 of 4"


@pytest.mark.parametrize(
    ("commands", "over", "status"),
    [
        (["x", "apple"], "won", "Won after 2 turns"),
        (["7"], "lost", "Lost after 1 turn"),
        (["x"] * 4, "turn_limit", "Not won: all 4 turns are used up"),
    ],
)
def test_the_end_is_told(commands, over, status):
    view = widget(*commands).view
    assert (view["over"], view["status"]) == (over, status)


def test_the_page_plays_through_the_comm():
    made = widget()
    comm = connected(made)
    from_page(comm, request={"id": 1, "do": "type", "text": "bcd"})
    from_page(comm, request={"id": 2, "do": "what-if", "text": "apple"})
    from_page(comm, request={"id": 3, "do": "undo"})
    first, second, third = views(comm)
    assert first["log"][0]["answer"] == "1: dcb"
    assert second["note"]["reward"] == "+1.06"
    assert second["note"]["text"] == "2: elppa"
    assert (third["log"], third["note"], third["answered"]) == ([], None, 3)


def test_python_plays_through_the_same_object():
    made = widget("b", "c")
    made.branch(1)
    made.type("apple")
    assert [t.action for t in made.turns] == ["b", "apple"]
    assert made.episode.won
    assert repr(made) == "EnvStepper(gates/train/3: won after 2 turns)"
    labels = [line["label"] for line in made.view["lines"]]
    assert labels == ["1: 2 turns", "2: 2 turns, won"]
    made.undo()
    made.restart()
    assert repr(made) == repr(widget())


def test_a_game_can_begin_in_its_middle():
    made = EnvStepper(make_env("gates"), commands=["b", "c"])
    assert [t.action for t in made.turns] == ["b", "c"]
    assert made.view["status"] == "Turn 3 of 4"
    made.undo()
    assert made.view["log"][-1]["answer"] == "1: b"


def test_the_policy_plays_to_the_end_or_to_the_first_problem():
    made = widget("b", policy=Says("x", "apple"))
    made.play_out()
    assert made.view["status"] == "Won after 3 turns"
    assert [row["who"] for row in made.view["log"]] == ["", "parrot", "parrot"]
    broken = widget(policy=Says("x", None, "apple"))
    broken.play_out()
    assert broken.view["turn"] == 1
    assert broken.view["note"]["kind"] == "problem"


def test_tokens_of_the_latest_turns_of_a_model_are_shown():
    told = token(text=" go", others=(("see", 0.5),))
    made = widget(policy=Says(*"x" * 8, tokens=[told]), max_turns=8)
    made.play_out()
    shown = [bool(row["tokens"]) for row in made.view["log"]]
    assert shown == [False] * (8 - TOKEN_TURNS) + [True] * TOKEN_TURNS
    expected = {"text": " go", "p": 0.25, "entropy": 1.5, "others": [["see", 0.5]]}
    assert made.view["log"][-1]["tokens"] == [expected]


def test_choices_map_and_lists_are_shown():
    view = widget("go north", env="yard").view
    assert view["choices"] == ["go east", "go south", "go west", "look"]
    assert view["lists"] == {"Seen": ["a tree"]}
    assert view["map"].startswith("<svg")
    assert view["legend"].startswith("You are in the yard. 2 rooms visited")


def test_a_plain_game_shows_the_text_alone():
    view = widget("go north", env="yard", plain=True).view
    assert (view["choices"], view["lists"], view["map"]) == ([], {}, "")
    assert view["plain"]


def test_what_a_world_or_a_player_writes_is_text():
    made = widget(ATTACK, env="yard", policy=Says(ValueError(ATTACK)))
    made.ask({"do": "model"})
    found = Outline(made.to_html())
    assert not found.having("script")
    assert f"> {ATTACK}" in found.text
    assert f"ValueError: {ATTACK}" in found.text
    assert "1: >tpircs/<" in found.text


def test_a_world_that_dies_leaves_the_widget_alive():
    made = widget("b", "b", dies=1)
    assert "the gate fell" in made.view["note"]["text"]
    assert "the gate fell" in Outline(made.to_html()).text
    made.undo()
    made.type("c")
    assert made.view["log"][0]["answer"] == "1: c"


def test_a_game_of_ten_thousand_turns():
    made = widget(plain=True, max_turns=20_000)
    for _ in range(9_999):
        made.game.type("x" * 60)
    made.type("c")
    made.undo()
    assert len(made.turns) == 9_999
    assert made.view["left_out"] + len(made.view["log"]) == 9_999
    assert message_size(made.view) < LARGEST


def test_messages_stay_small_whatever_a_world_writes():
    made = widget(
        env="yard", policy=Says(*["ä" * 4000] * 3, tokens=[token("ü" * 40)] * 99)
    )
    made.play_out()
    for _ in range(40):
        made.branch()
    made.ask({"do": "what-if", "text": "ö" * 9000})
    assert message_size(made.view) < LARGEST
    assert json.loads(json.dumps(made.view)) == made.view


def test_where_it_stands_is_told_before_it_could_start():
    from tests.widgets.test_game import EchoEnv

    made = EnvStepper(make_env("toy/raises"), task=tasks("toy/raises", n=1)[0])
    assert EchoEnv
    assert repr(made) == "EnvStepper(toy/raises/train/0: not started)"
    assert "no such game" in made.view["note"]["text"]
