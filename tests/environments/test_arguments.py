import pytest

from toolkit.environments.arguments import (
    check_choices,
    check_goal,
    check_max_turns,
    check_names,
)
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
    check_choices({"level": None, "other": 3}, {"level": (None, 1), "left_out": ()})


def test_near_matches_are_named():
    with pytest.raises(ConfigError, match="brief"):
        check_goal("brie")
    with pytest.raises(ConfigError, match=r"level is 4.*\n.*None, 1"):
        check_choices({"level": 4}, {"level": (None, 1)})
    with pytest.raises(ConfigError, match="mean 'ratio'"):
        check_choices({"reward": "ration"}, {"reward": ("ratio", "binary")})
    with pytest.raises(ConfigError, match="max_turns"):
        check_names(TextWorldEnv, {"max_turn": 3})
