import pytest

from tests.html_checks import Outline
from tests.widgets.games import Yard
from toolkit.environments.base import make_env, tasks
from toolkit.environments.surroundings import Surroundings
from toolkit.widgets.game import Game
from toolkit.widgets.game_map import Map, _enter, explored, map_svg

assert Yard


def walked(*commands, env="yard"):
    game = Game(make_env(env, max_turns=50), None, tasks(env, n=1)[0])
    for command in commands:
        game.type(command)
    return explored(game.state)


def test_only_visited_rooms_are_on_the_map():
    found = walked("go north", "go west")
    cells = {"(0, 0)": (0, 0), "(0, -1)": (0, -1), "(-1, -1)": (-1, -1)}
    assert found.cells == cells
    assert found.here == "(-1, -1)"
    drawn = Outline(map_svg(found))
    assert len(drawn.having("rect")) == 3
    assert "(1, 1)" not in map_svg(found)


def test_exits_that_were_not_tried_are_told_and_those_walked_are_not():
    found = walked("go north")
    assert sorted(found.unseen) == [
        ("(0, -1)", "east"),
        ("(0, -1)", "west"),
        ("(0, 0)", "east"),
        ("(0, 0)", "south"),
        ("(0, 0)", "west"),
    ]
    assert len(Outline(map_svg(found)).having("circle")) == 5


def test_undo_takes_a_room_off_the_map():
    game = Game(make_env("yard"), None, tasks("yard", n=1)[0])
    game.type("go north")
    game.handle({"do": "undo"})
    assert list(explored(game.state).rooms) == ["(0, 0)"]


def test_names_are_escaped():
    text = map_svg(walked())
    assert "here &lt;b&gt;&amp;" in text
    assert not Outline(text).having("b")


def test_commands_that_do_not_move_draw_no_way():
    found = walked("go nowhere", "say north")  # it moves whoever ends on a direction
    assert found.ways == {("(0, 0)", "north"), ("(0, -1)", "south")}
    assert walked("look").ways == set()


def test_rooms_that_would_lie_on_each_other_are_moved_apart():
    found = Map()
    for key, command in [("a", ""), ("b", "go east"), ("c", "w"), ("d", "jump")]:
        _enter(found, Surroundings(room=key, name=key), command)
    assert found.cells == {"a": (0, 0), "b": (1, 0), "c": (-1, 0), "d": (2, 0)}
    assert len(set(found.cells.values())) == 4


def test_a_closed_door_is_marked():
    found = Map()
    room = Surroundings(room="a", name="hall", exits={"east": "closed", "north": ""})
    _enter(found, room, "")
    doors = [r for r in Outline(map_svg(found)).having("rect") if "class" in r]
    assert [door["class"] for door in doors] == ["door closed"]


@pytest.mark.parametrize("far", [3, 30])
def test_rooms_far_away_are_not_drawn(far):
    found = Map()
    for k in range(far + 1):
        _enter(found, Surroundings(room=str(k), name=f"n{k}"), "go east" if k else "")
    assert len(Outline(map_svg(found)).having("rect")) == 3
    assert found.summary.startswith(f"You are in the n{far}. {far + 1} rooms visited")


def test_places_without_ways_between_them_are_no_rooms():
    found = Map()
    for command, place in (("", "middle of the room"), ("go to shelf 1", "shelf 1")):
        _enter(found, Surroundings(room=place, name=place), command)
    assert found.summary == "You are at: shelf 1. 2 places visited."


def test_a_world_without_rooms_has_no_map():
    found = walked(env="gates")
    assert map_svg(found) == found.summary == ""
