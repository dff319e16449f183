import random
import time

import psutil
import pytest

from tests.environments.alfworld.conftest import likely
from toolkit.environments.alfworld import expert, generator, stock
from toolkit.environments.alfworld.engine import FastEngine, Reach, entities
from toolkit.environments.alfworld.facts import Facts
from toolkit.environments.alfworld.game_file import GameFile
from toolkit.environments.alfworld.pddl import (
    UnsupportedPddlError,
    parse_domain,
    parse_problem,
)
from toolkit.errors import GameFileError

STEPS = 25
PARTS = 12


@pytest.fixture(scope="module")
def theirs():
    pytest.importorskip("fast_downward")  # `make planner`
    return stock.StockEngine()


def told(engine):
    """What an engine tells of facts; the fast one also keeps types among them."""
    return {fact for fact in engine.facts() if not fact[0].startswith("type ")}


def assert_same_game(game, theirs, *, seed, steps=STEPS):
    """Play one random game in both engines, and compare all that can be seen."""
    ours, rng = FastEngine(), random.Random(seed)
    ours.load(game)
    theirs.load(game)
    assert ours.reset() == theirs.reset()
    for _ in range(steps):
        assert ours.admissible() == theirs.admissible()
        assert told(ours) == told(theirs)
        assert ours.won() == theirs.won()
        command = likely(rng, ours.admissible())
        assert ours.step(command) == theirs.step(command), command


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(generator.TOOL))
def test_generated_games_are_the_same_in_both_engines(kind, games, theirs):
    assert_same_game(games[kind], theirs, seed=1)


def test_a_generated_game_is_the_same_in_both_engines(games, theirs):
    assert_same_game(games["look_at_obj_in_light"], theirs, seed=2, steps=12)


def test_a_game_is_won_on_the_same_step_in_both_engines(games, theirs):
    game = games["pick_two_obj_and_place"]
    ours = FastEngine()
    ours.load(game)
    theirs.load(game)
    assert ours.reset() == theirs.reset()
    for command in expert.plan(ours):
        assert not theirs.won()
        assert ours.step(command) == theirs.step(command)
        assert ours.won() == theirs.won()
    assert theirs.won()


def test_two_real_games_are_the_same_in_both_engines(real_games, theirs):
    for i, (_, game) in enumerate(real_games[5::60]):
        assert_same_game(game, theirs, seed=i, steps=6)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
def test_all_real_games_are_the_same_in_both_engines(part, real_games, theirs):
    """TextWorld takes about five minutes for 120 games, hence the parts."""
    for i, (_, game) in list(enumerate(real_games))[part::PARTS]:
        assert_same_game(game, theirs, seed=i)


def test_names_number_the_things_of_a_kind_downwards():
    objects = "apple_bar_1 apple_bar_2 sink_bar_1_bar_sinkbasin agent1"
    facts = "(a apple_bar_1 apple_bar_2) (b sink_bar_1_bar_sinkbasin agent1)"
    text = f"(:objects {objects} - object) (:init {facts}) (:goal (a agent1 agent1))"
    named = entities(parse_problem(f"(define (problem p) {text})"))
    assert {key: e.name for key, e in named.items()} == {
        "apple_bar_1": "apple 2",
        "apple_bar_2": "apple 1",
        "sink_bar_1_bar_sinkbasin": "sinkbasin 1",
        "agent1": "agent1 ",
    }


def test_an_impossible_command_changes_nothing(engine):
    before = told(engine), engine.admissible()
    for command in ("", "go to moon 1", "look at me", "take", "win"):
        assert engine.step(command) == ("Nothing happens.", False)
    assert (told(engine), engine.admissible()) == before


def test_going_where_one_is_is_no_command(engine):
    first = next(c for c in engine.admissible() if c.startswith("go to "))
    assert engine.step(first)[1]
    assert first not in engine.admissible()
    assert engine.step(first) == ("Nothing happens.", False)


def test_a_reset_brings_back_the_start(engine):
    fresh = told(engine), engine.admissible()
    rng = random.Random(0)
    for _ in range(20):
        engine.step(likely(rng, engine.admissible()))
    assert told(engine) != fresh[0]
    engine.reset()
    assert (told(engine), engine.admissible()) == fresh


def tiny(effect, start="(x a)"):
    """A game with one thing and one action, `press`."""
    domain = f"""(define (domain d) (:types thing) (:action press :parameters
        (?t - thing) :precondition (on-table ?t) :effect (and {effect})))"""
    rules = '{"intro": [{"rhs": "Hello."}], "done": [{"rhs": "Click."}]}'
    action = 'action press { template :: "press"; feedback :: "#done#"; }'
    made = FastEngine()
    made.load(
        GameFile(
            domain=domain,
            grammar=f'grammar :: """{rules}"""; {action}',
            problem=f"""(define (problem p) (:objects a - thing)
                (:init (on-table a) {start}) (:goal (never a)))""",
        )
    )
    assert made.reset() == "Hello."
    return made


def test_what_is_made_true_and_false_at_once_is_true():
    engine = tiny("(x ?t) (not (x ?t)) (z ?t)", start="")
    assert engine.step("press") == ("Click.", True)
    assert ("x", "a") in engine.facts()
    assert ("not_x", "a") not in engine.facts()
    assert any(engine._true.of("x", "a"))


def test_a_switch_goes_on_and_off():
    engine = tiny("(when (x ?t) (not (x ?t))) (when (not (x ?t)) (x ?t))")
    states = []
    for _ in range(3):
        engine.step("press")
        states.append(bool(engine._true.of("x", "a")))
    assert states == [False, True, False]


def test_what_is_true_again_is_no_longer_told_to_be_false(engine):
    rng = random.Random(0)
    for _ in range(40):
        engine.step(likely(rng, engine.admissible()))
    facts = told(engine)
    negated = {f for f in facts if f[0].startswith("not_")}
    assert negated
    assert not {(f[0].removeprefix("not_"), *f[1:]) for f in negated} & facts


def test_what_becomes_false_is_told_as_a_fact(engine):
    go = next(c for c in engine.admissible() if c.startswith("go to "))
    (start,) = engine.facts().of("atlocation", None, None)
    engine.step(go)
    assert start not in engine.facts()
    assert ("not_atlocation", *start[1:]) in engine.facts()


def test_a_fact_that_could_never_hold_is_not_possible():
    domain = parse_domain(
        """(define (domain d) (:types thing) (:action heat :parameters (?t - thing)
        :precondition (and (raw ?t) (hot-stove)) :effect (cooked ?t))
        (:action light :parameters () :precondition (match) :effect (hot-stove)))"""
    )
    changing = {"cooked", "hot-stove"}
    egg = [("raw", "egg"), ("type thing", "egg"), ("type thing", "pan")]
    cold = Reach(domain.values(), Facts(egg), changing)
    assert not cold.possible(("cooked", "egg"))
    warm = Reach(domain.values(), Facts([*egg, ("match",)]), changing)
    assert warm.possible(("cooked", "egg"))
    assert not warm.possible(("cooked", "pan"))


def test_a_domain_with_more_of_pddl_is_left_to_the_stock_engine(games):
    game = games["pick_and_place_simple"]
    more = game.domain.replace("(:action look", "(:derived (x) (y)) (:action look", 1)
    with pytest.raises(UnsupportedPddlError, match="derived"):
        FastEngine().load(
            GameFile(domain=more, grammar=game.grammar, problem=game.problem)
        )


def test_a_grammar_without_words_for_an_action_is_refused(games):
    game = games["pick_and_place_simple"]
    mute = game.grammar.replace("action OpenObject", "action Unlock")
    with pytest.raises(GameFileError, match="no words for 'openobject'"):
        FastEngine().load(
            GameFile(domain=game.domain, grammar=mute, problem=game.problem)
        )


def test_a_step_takes_milliseconds(games):
    """Ten times faster than TextWorld would be 10 ms; generous, for busy machines."""
    engine, rng = FastEngine(), random.Random(0)
    engine.load(games["pick_heat_then_place_in_recep"])
    engine.reset()
    start = time.process_time()
    for _ in range(200):
        engine.step(likely(rng, engine.admissible()))
    assert time.process_time() - start < 2.0


@pytest.mark.slow
def test_memory_stays_flat_over_500_games(games):
    engine, memory = FastEngine(), psutil.Process()
    kinds = sorted(games)

    def play(rounds):
        for i in range(rounds):
            engine.load(games[kinds[i % len(kinds)]])
            engine.reset()
            for command in engine.admissible()[:3]:
                engine.step(command)

    play(60)
    before = memory.memory_info().rss
    play(500)
    assert memory.memory_info().rss - before < 10_000_000
