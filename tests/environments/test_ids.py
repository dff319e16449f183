import pytest

from toolkit.environments.ids import with_settings


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
