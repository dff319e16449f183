import pytest

from toolkit.environments.arguments import check_goal, check_max_turns, check_names
from toolkit.environments.textworld import TextWorldEnv
from toolkit.errors import ConfigError


@pytest.mark.parametrize("turns", [0, -1, 1.5, True, "6"])
def test_a_turn_limit_is_a_positive_whole_number(turns):
    with pytest.raises(ConfigError, match="at least one turn"):
        check_max_turns(turns)


def test_what_is_right_is_let_through():
    check_max_turns(None)
    check_max_turns(1)
    check_goal("brief")
    check_names(TextWorldEnv, {"goal": "x", "expert": True})


def test_near_matches_are_named():
    with pytest.raises(ConfigError, match="brief"):
        check_goal("brie")
    with pytest.raises(ConfigError, match="max_turns"):
        check_names(TextWorldEnv, {"max_turn": 3})
