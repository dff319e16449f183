import json

import pytest

from tests.html_checks import Outline
from tests.training.gates import Gates
from toolkit.environments.base import make_env, tasks
from toolkit.episodes.record import StopReason
from toolkit.widgets.play import SHOWN, Game, Play


def game(**params):
    assert Gates  # registers the world
    return Game(make_env("gates", **params), tasks("gates", n=4)[3])


def widget(**params):
    return Play(make_env("gates", **params), tasks("gates", n=4)[3])


def test_a_command_is_played_and_shown():
    g = game()
    g.type("bcd")
    row = {"command": "bcd", "answer": "1: dcb", "reward": "+0.06", "valid": True}
    assert g.view["first"] == "gate 3"
    assert g.view["log"] == [row]
    assert g.view["status"] == "Turn 2 of 4"


@pytest.mark.parametrize(
    ("commands", "stop", "status"),
    [
        (["x", "apple"], StopReason.WON, "Won after 2 turns."),
        (["7"], StopReason.LOST, "Lost after 1 turn."),
        (["x"] * 4, StopReason.TURN_LIMIT, "Not won: all 4 turns are used up."),
    ],
)
def test_the_game_ends_and_takes_no_more(commands, stop, status):
    g = game()
    for command in [*commands, "bcd", "bcd"]:
        g.type(command)
    assert g.stop is g.episode.stop_reason is stop
    assert len(g.turns) == len(commands)
    assert g.view["status"] == status
    assert g.view["over"] == stop.value


def test_blank_commands_cost_no_turn():
    g = game()
    g.type("  ")
    assert not g.turns


def test_undo_goes_back_one_turn_and_out_of_the_end():
    g = game()
    g.type("bcd")
    before = g.view
    g.type("apple")
    assert g.stop
    g.undo()
    assert g.view == before
    g.type("mn")
    assert g.observation == "2: nm"
    for _ in range(5):
        g.undo()
    assert g.view["log"] == []
    assert g.observation == "gate 3"


def test_restart_plays_the_same_game_again():
    g = game()
    g.type("7")
    g.handle({"do": "restart"})
    assert (g.observation, g.stop, g.turns) == ("gate 3", None, [])


def test_the_record_is_an_episode_like_any_other():
    g = game()
    g.type("bcd")
    g.type("apple")
    turns = g.episode.turns
    assert [t.observation for t in turns] == ["gate 3", "1: dcb"]
    assert [t.action for t in turns] == ["bcd", "apple"]
    assert g.episode.total_reward == pytest.approx(0.06 + 1.06)
    assert g.episode.won
    assert game().episode.stop_reason is StopReason.INTERRUPTED


def test_a_world_that_breaks_is_told_and_can_be_begun_again():
    g = game(dies=1)
    for _ in range(2):
        g.handle({"do": "type", "text": "bcd"})
    assert g.problem == "RuntimeError: the gate fell"
    g.handle({"do": "restart"})
    assert not g.problem
    g.handle({"do": "type", "text": "bcd"})
    assert g.observation == "1: dcb"


@pytest.mark.parametrize("request_", [{}, {"do": "dance"}, {"do": "type"}, {"do": 3}])
def test_unknown_requests_change_nothing(request_):
    g = game()
    g.handle(request_)
    assert g.view == game().view


def test_two_games_do_not_share_a_world():
    env = make_env("gates")
    first, second = (Game(env, task) for task in tasks("gates", n=2))
    first.type("7")
    second.type("apple")
    assert second.stop is StopReason.WON
    assert first.stop is StopReason.LOST


def test_long_games_are_sent_in_part_and_kept_whole():
    g = game(max_turns=SHOWN + 9)
    for _ in range(SHOWN + 5):
        g.type("x")
    assert len(g.view["log"]) == SHOWN
    assert g.view["left_out"] == 5
    assert len(g.turns) == SHOWN + 5
    assert len(json.dumps(g.view)) < 50_000


def test_the_page_asks_and_gets_an_answer():
    play = widget()
    play.request = {"id": 1, "do": "type", "text": "bcd"}
    assert play.view["answered"] == 1
    assert play.view["log"][0]["answer"] == "1: dcb"
    play.request = {"id": 2, "do": "type", "text": ""}
    assert play.view["answered"] == 2  # so that the page stops waiting
    play.request = {"id": 3, "do": "undo"}
    assert play.view["log"] == []


def test_python_plays_through_the_same_object():
    play = widget()
    play.type("bcd")
    assert [t.action for t in play.turns] == ["bcd"]
    play.undo()
    play.type("apple")
    assert play.episode.won
    assert repr(play) == "Play(gates/train/3: Won after 1 turn.)"
    play.restart()
    assert repr(play) == repr(widget())


def test_pages_without_widgets_get_the_transcript():
    play = widget()
    play.type("<script>alert(1)</script>")
    data, _ = play._repr_mimebundle_()
    assert data["text/plain"] == "Play(gates/train/3: Turn 2 of 4)"
    assert "application/vnd.jupyter.widget-view+json" in data
    found = Outline(data["text/html"])
    assert not found.having("script")
    assert "> <script>alert(1)</script>" in found.text
    assert "gate 3" in found.text


def test_the_transcript_tells_of_a_problem():
    play = widget(dies=1)
    play.type("b")
    play.type("b")
    assert "the gate fell" in Outline(play.to_html()).text
