import importlib

import pytest

from toolkit.environments.alfworld import stock
from toolkit.environments.alfworld.game_file import GameFile
from toolkit.errors import GameFileError, MissingExtraError


@pytest.fixture(scope="module")
def engine():
    pytest.importorskip("fast_downward")  # `make planner`
    return stock.StockEngine()


def test_code_in_a_grammar_is_refused_here_too(engine, games):
    game = games["pick_and_place_simple"]
    evil = game.grammar.replace("{r.name}", "{__import__('os').getcwd()}", 1)
    assert evil != game.grammar
    with pytest.raises(GameFileError, match="more than make a sentence"):
        engine.load(GameFile(domain=game.domain, grammar=evil, problem=game.problem))


def test_a_game_that_ends_the_process_is_a_broken_game(engine, games):
    game = games["pick_and_place_simple"]
    wrong = game.problem.replace("(pickupable ", "(unheard-of ", 1)
    with pytest.raises(GameFileError, match="TextWorld cannot load"):
        engine.load(GameFile(domain=game.domain, grammar=game.grammar, problem=wrong))


def test_without_the_planner_the_extra_is_named(monkeypatch):
    real = importlib.import_module

    def without(name):
        if name == "fast_downward":
            raise ImportError(name)
        return real(name)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(MissingExtraError, match="alfworld"):
        stock.StockEngine()
