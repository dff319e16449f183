from toolkit.environments.base import Task
from toolkit.environments.game_logic import GameLogic
from toolkit.environments.games import game_file

KEYCARD = "the type J keycard"


def logic():
    return GameLogic(game_file(Task(env="textworld/w2-o3-q4", seed=1)).data)


def test_the_plan_is_the_walkthrough_at_first():
    assert logic().plan()[0] == "take type J keycard from mantle"
    assert len(logic().plan()) == 4


def test_events_of_the_interpreter_move_the_plan():
    state = logic()
    state.update(f"taking {KEYCARD} from the mantle")
    state.update("looking")
    state.update("singing")
    before = state.plan()
    state.update(f"removing {KEYCARD} from the mantle")
    assert state.plan() == before[-3:]
    assert "drop type J keycard" in state.admissible()


def test_surroundings_tell_what_can_be_seen():
    state = GameLogic(game_file(Task(env="textworld/simple-dense", seed=1)).data)
    first = state.surroundings()
    assert (first.name, first.exits) == ("bedroom", {"east": "closed"})
    assert first.lists == {"You carry": ()}
    state.update("opening the antique trunk")
    state.update("removing the old key from the antique trunk")
    assert state.surroundings().lists == {"You carry": ("old key",)}
    state.update("unlocking wooden door with the old key")
    assert state.surroundings().exits == {"east": "closed"}
    state.update("opening wooden door")
    state.update("going east")
    there = state.surroundings()
    assert there.name == "kitchen"
    assert there.exits["west"] == "open"
    assert there.room != first.room


def test_a_quest_that_is_lost_has_no_plan():
    state = GameLogic(game_file(Task(env="textworld/simple-dense", seed=1)).data)
    foods = [c.removeprefix("put ").removesuffix(" on stove") for c in state.plan()]
    assert "eat milk" not in state.admissible()
    for event in (
        "opening the antique trunk",
        "removing the old key from the antique trunk",
        "unlocking wooden door with the old key",
        "opening wooden door",
        "going east",
        "going south",
        f"removing the {foods[-1]} from the couch",
        f"eating the {foods[-1]}",
    ):
        assert state.plan()
        state.update(event)
    assert state.plan() is None
