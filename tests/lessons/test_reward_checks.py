import pytest

from tests.rewards.made import episode, turn
from toolkit.lessons.reward_checks import check_mended, check_repeats, check_shaping
from toolkit.rewards.mix import Mix
from toolkit.rewards.terms import TERMS


def explode(*_):
    raise ZeroDivisionError("division by zero")


# ---- a term of one's own -------------------------------------------------------------


def commands(played):
    return [t.action for t in played.turns]


def same(played):
    said = commands(played)
    return [a == b for a, b in zip(said, ["", *said], strict=False)]


def repeats(played):
    return [-float(s) for s in same(played)]


REPEATS = {
    "nothing is charged yet": lambda e: [0.0] * len(e.turns),
    "pays for repeating": lambda e: [float(s) for s in same(e)],
    "bonus for playing on": lambda e: [float(not s) for s in same(e)],
    "at any time before": lambda e: [
        -float(c in commands(e)[:k]) for k, c in enumerate(commands(e))
    ],
    "about to be repeated": lambda e: [*repeats(e)[1:], 0.0],
    "first of a row": lambda e: [
        -float(a or b) for a, b in zip(same(e), [*same(e)[1:], False], strict=True)
    ],
    "at the end": lambda e: [0.0] * (len(e.turns) - 1) + [sum(repeats(e))],
    "18 in all": lambda e: [sum(repeats(e))] * len(e.turns),
    "5 numbers came back for 6 turns": lambda e: repeats(e)[1:],
    "Look at an agent": lambda e: [
        -float(s and c == "look") for s, c in zip(same(e), commands(e), strict=True)
    ],
    "list of numbers is needed": lambda e: sum(repeats(e)),
    "stopped with ZeroDivisionError": explode,
}


@pytest.mark.parametrize("message", REPEATS)
def test_wrong_terms_are_named(message):
    verdict = check_repeats(REPEATS[message])
    assert not verdict.passed
    assert message in verdict.message


def test_a_term_that_charges_repeats_passes():
    assert check_repeats(repeats).passed


# ---- a reward that cannot be hacked --------------------------------------------------

WORDS = [turn(), turn(said="sing", valid_action=False), turn()]
SILENT = [turn(valid_action=False)] * 6
PLAYED = [
    episode(*WORDS, won=True),
    episode(*WORDS, turn(), turn(), won=True, seed=1),
    episode(*WORDS, *WORDS),
    episode(*SILENT, seed=1),
]


def at_end(played, value):
    return [0.0] * (len(played.turns) - 1) + [float(value)]


@pytest.fixture(autouse=True)
def own_terms(monkeypatch):
    """Terms as a learner may have them."""
    monkeypatch.setitem(
        TERMS, "understood", lambda e: [t.info["valid_action"] for t in e.turns]
    )
    monkeypatch.setitem(TERMS, "brave", lambda e: at_end(e, not e.won))
    monkeypatch.setitem(TERMS, "harder", lambda e: at_end(e, e.task.seed))
    monkeypatch.setitem(TERMS, "first", lambda e: at_end(e, e.task.seed == 0))
    monkeypatch.setitem(TERMS, "broken", explode)


MENDED = {
    "bonus for each turn must go": {"success": 1, "understood": 0.0001},
    "silence is safer than trying": {"success": 9, "invalid_action": 3},
    "way to lose that earns as much": {"success": 1, "brave": 2},
    "point of the term": {"success": 1},
    "should notice that it is not understood": {"success": 1, "step_cost": 0.01},
    "the terms cancel": {"success": 1, "brave": 1},
    "pays all episodes alike": {"success": 0},
    "one term is so loud": {"success": 1, "invalid_action": 0.01, "first": 50},
    "of another game": {"success": 0.5, "invalid_action": 0.01, "harder": 1},
}


@pytest.mark.parametrize("message", MENDED)
def test_rewards_that_are_not_mended_are_told_why(message):
    verdict = check_mended(Mix(MENDED[message]), PLAYED)
    assert not verdict.passed
    assert message in verdict.message


def test_something_that_is_no_reward_is_told_so():
    assert "cannot be scored" in check_mended("success", PLAYED).message
    assert "cannot be scored" in check_mended(Mix({"broken": 1}), PLAYED).message


@pytest.mark.parametrize(
    "mix",
    [
        {"success": 1, "invalid_action": 0.02},
        {"progress": 1, "success": 0.5, "invalid_action": 0.02},
        {"success": 1, "understood": 0.02, "step_cost": 0.02},
    ],
)
def test_a_mended_reward_passes(mix):
    assert check_mended(Mix(mix), PLAYED).passed


# ---- shaping -------------------------------------------------------------------------


def shape(phi, discount):
    after = [*phi[1:], 0.0]
    return [discount * b - a for a, b in zip(phi, after, strict=True)]


def kept(phi, discount):
    return [discount * b - a for a, b in zip(phi, [*phi[1:], phi[-1]], strict=True)]


SHAPING = {
    "the discount is not used": lambda p, d: shape(p, 1.0),
    "neither the discount": lambda p, d: [*shape(p, 1.0)[:-1], 0.0],
    "last turn pays nothing": lambda p, d: [*shape(p, d)[:-1], 0.0],
    "last potential is kept": kept,
    "the potential itself": lambda p, d: p,
    "the potential after the turn. Without": lambda p, d: [d * v for v in [*p[1:], 0]],
    "sign is turned": lambda p, d: [-v for v in shape(p, d)],
    "at the wrong place": lambda p, d: [
        b - d * a for a, b in zip(p, [*p[1:], 0], strict=True)
    ],
    "one too early": lambda p, d: [b - a for a, b in zip([0, *p[:-1]], p, strict=True)],
    "too early": lambda p, d: [b - d * a for a, b in zip([0, *p[:-1]], p, strict=True)],
    "2 numbers came back for 3 turns": lambda p, d: shape(p, d)[:-1],
    "Look at the potentials": lambda p, d: shape(p, 0.5),
    "list of numbers is needed": lambda p, d: None,
    "stopped with ZeroDivisionError": explode,
}


@pytest.mark.parametrize("message", SHAPING)
def test_wrong_shaping_is_named(message):
    verdict = check_shaping(SHAPING[message])
    assert not verdict.passed
    assert message in verdict.message


def test_right_shaping_passes():
    assert check_shaping(shape).passed
