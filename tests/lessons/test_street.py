from toolkit import check_env, collect, make_env, tasks
from toolkit.lessons.street import GAMES, STREET
from toolkit.policies.scripted import ExpertPolicy, RandomPolicy

QUIET = {"workers": 0, "progress": False}


def test_the_street_is_a_sound_world():
    assert check_env(STREET).passed


def test_the_expert_wins_in_three_turns_and_no_other_way_does():
    street, games = make_env(STREET), tasks(STREET, split="test")
    assert len(games) == GAMES
    played = collect(ExpertPolicy(), street, games, **QUIET)
    assert all(e.won and len(e.turns) == 3 for e in played)
    wandered = collect(RandomPolicy(), street, games, **QUIET)
    firsts = {e.turns[0].action for e in wandered if e.won}
    assert firsts == {"go east", "go west"}
    for e in wandered:  # who sets out in the wrong direction is out of time
        right = "east" in e.turns[0].observation.split(".")[0]
        assert e.turns[0].action == ("go east" if right else "go west") or not e.won


def test_only_the_first_line_tells_the_side():
    street = make_env(STREET)
    west, east = (
        street.reset(options={"task": task})[0] for task in tasks(STREET, n=2)
    )
    assert west.partition("\n")[2] == east.partition("\n")[2]
    assert (west.split(".")[0][-4:], east.split(".")[0][-4:]) == ("west", "east")
