import pytest

from toolkit.environments.ids import called, with_settings
from toolkit.errors import ConfigError


@pytest.mark.parametrize(
    ("env", "settings"),
    [
        ("a/b", {}),
        ("a/b?", {}),
        ("a/b?n=3&x=0.5&word=two words", {"n": 3, "x": 0.5, "word": "two words"}),
        ("a/b?flag", {"flag": ""}),
        ("a/b?yes=true&no=false", {"yes": True, "no": False}),
    ],
)
def test_settings_behind_an_id(env, settings):
    assert with_settings(env, {}) == ("a/b", settings)


def test_parameters_win_over_settings():
    assert with_settings("a/b?n=3&m=4", {"n": 5}) == ("a/b", {"n": 5, "m": 4})


class Shut:
    def __init__(self, env, *, max_turns=1):
        self.env, self.max_turns = env, max_turns


class Wide(Shut):
    def __init__(self, env, *, size=2, **wanted):
        super().__init__(env, **wanted)


def test_an_argument_of_a_base_class_arrives():
    made = called(Wide, "wide/a", {"max_turns": 3})
    assert (made.env, made.max_turns) == ("wide/a", 3)


def test_a_misspelt_argument_is_named_with_the_near_ones():
    wanted = r"(?s)wide cannot be made.*'max_turn'.*mean 'max_turns'"
    with pytest.raises(ConfigError, match=wanted):
        called(Wide, "wide", {"size": 3, "max_turn": 3})


def test_other_type_errors_are_not_explained_away():
    def broken(env):
        return env + 1

    with pytest.raises(TypeError, match="concatenate"):
        called(broken, "wide", {})
