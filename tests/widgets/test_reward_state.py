import pytest

from tests.rewards.made import scores
from toolkit.errors import ConfigError
from toolkit.rewards import PRESETS, Mix
from toolkit.rewards.terms import TERMS, term
from toolkit.widgets.reward_state import EPISODES, Design, check_discount, slider_top

WON, LOST = scores([2, 4], most=4, won=True), scores([0, 1, 1], most=4)
OTHER = scores([0, 3], most=4, seed=1)
MIX = Mix({"success": 1, "step_cost": 0.1}, density=0.5)


@pytest.fixture(autouse=True)
def _own_terms():
    kept = dict(TERMS)
    yield
    TERMS.clear()
    TERMS.update(kept)


def design(*requests, episodes=(WON, LOST, OTHER), mix=MIX, discount=1.0):
    made = Design(episodes, mix, discount)
    for request in requests:
        made.handle(request)
    return made


@pytest.mark.parametrize("mix", ["dense_1", {"progress": 1, "density": 0.4}])
def test_a_reward_may_be_a_name_or_a_dictionary(mix):
    assert design(mix=mix).mix == PRESETS["dense_1"]


@pytest.mark.parametrize("mix", ["nix", {}, {"nix": 1}, None])
def test_what_means_no_reward_is_refused(mix):
    with pytest.raises(ConfigError):
        design(mix=mix)
    with pytest.raises(ConfigError, match="discount"):
        design(discount=0)


def test_weights_density_and_discount_move():
    made = design(
        {"do": "weight", "term": "success", "value": 0.25},
        {"do": "density", "value": 0.0},
        {"do": "discount", "value": 0.5},
    )
    assert made.mix == Mix({"success": 0.25, "step_cost": 0.1}, density=0.0)
    assert made.paid.scored.mix == made.mix
    assert made.paid.returns[0] == pytest.approx(0.25 * 0.5 - 0.1 * 1.5)
    assert made.before.returns[0] == pytest.approx(1 - 0.2)
    assert (made.has_changed, made.note) == (True, "")


def test_settings_of_a_term_stay():
    mix = Mix({"long": {"term": "length", "weight": 1, "limit": 300}})
    made = design({"do": "weight", "term": "long", "value": 2}, mix=mix)
    assert made.mix.terms["long"] == {"term": "length", "weight": 2, "limit": 300}


def test_a_density_that_was_not_set_is_not_set():
    mix = Mix({"progress": 1})
    made = design({"do": "density", "value": 0.5}, mix=mix)
    assert made.mix.density == 0.5
    made.handle({"do": "density", "value": 1})
    assert made.mix == mix


def test_all_goes_back_to_the_beginning_alone_or_together():
    made = design(
        {"do": "weight", "term": "success", "value": 50},
        {"do": "weight", "term": "step_cost", "value": -1},
        {"do": "density", "value": 1},
        {"do": "discount", "value": 0.9},
        {"do": "add", "term": "progress"},
    )
    made.handle({"do": "reset", "name": "success"})
    assert (made.mix.weights["success"], made.tops["success"]) == (1, 2)
    made.handle({"do": "reset", "name": "density"})
    made.handle({"do": "reset", "name": "discount"})
    assert (made.mix.density, made.discount) == (0.5, 1)
    made.handle({"do": "reset"})
    assert made.mix == MIX
    assert not made.has_changed


def test_terms_come_and_go():
    made = design({"do": "add", "term": "progress"})
    assert made.mix.weights["progress"] == made.tops["progress"] / 10 * 5 == 0.1
    made.handle({"do": "add", "term": "subgoal", "weight": 1, "goals": ["room"]})
    assert made.mix.settings("subgoal") == {"goals": ["room"]}
    made.handle({"do": "remove", "term": "success"})
    assert list(made.mix.terms) == ["step_cost", "progress", "subgoal"]
    assert "success" in dict(made.choices())


def test_what_can_be_added_says_what_it_needs():
    term(lambda e, depth: [0.0] * len(e.turns), name="mine")
    choices = dict(design().choices())
    assert choices["subgoal"] == ["goals"]
    assert choices["mine"] == ["depth"]
    assert choices["format"] == []
    assert "success" not in choices


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"do": "weight", "term": "success", "value": None}, "finite"),
        ({"do": "weight", "term": "success", "value": float("nan")}, "finite"),
        ({"do": "weight", "term": "nix", "value": 1}, "no term 'nix'"),
        ({"do": "weight", "term": ["nix"], "value": 1}, "list"),
        ({"do": "weight"}, "term"),
        ({"do": "density", "value": 2}, "density"),
        ({"do": "discount", "value": "x"}, "discount"),
        ({"do": "add", "term": "subgoal"}, "goals"),
        ({"do": "add", "term": "success"}, "already"),
        ({"do": "add", "term": "nix"}, "no reward term"),
        ({"do": "choose", "episode": 99}, "no episode 99"),
        ({"do": "choose", "episode": "0"}, "no episode '0'"),
        ({"do": "page", "of": "nix", "page": 1}, "nix"),
        ({"do": "page", "of": "games", "page": "x"}, "x"),
        ({"do": "nix"}, "nix"),
        ({}, "None"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(request_, said):
    made = design({"do": "discount", "value": 0.5})
    was = made.mix, made.discount, made.episode, made.paid
    made.handle(request_)
    assert said in made.note
    assert (made.mix, made.discount, made.episode, made.paid) == was
    made.handle({"do": "discount", "value": 0.6})  # alive
    assert (made.note, made.discount) == ("", 0.6)


def test_the_last_term_stays():
    made = design({"do": "remove", "term": "success"})
    made.handle({"do": "remove", "term": "step_cost"})
    assert "only term" in made.note
    assert list(made.mix.terms) == ["step_cost"]


def test_a_slider_does_not_grow_under_the_hand():
    made = design({"do": "weight", "term": "success", "value": 2.0})
    assert made.tops["success"] == 2
    made.handle({"do": "weight", "term": "success", "value": 2.1})
    assert made.tops["success"] == 5
    made.handle({"do": "weight", "term": "success", "value": 0.1})
    assert made.tops["success"] == 5
    assert slider_top(0.05) == 0.1
    assert slider_top(1e-9) == 0.1
    assert slider_top(700) == 2000


def test_it_begins_with_the_loss_that_is_paid_best():
    made = design(mix={"success": 1, "step_cost": -1})
    assert (made.game, made.episode) == (0, 1)
    assert made.chosen == LOST
    assert design(episodes=[OTHER, WON, LOST]).chosen == LOST  # the game that teaches
    assert design(episodes=[OTHER]).chosen == OTHER


def test_choosing_turns_to_the_page():
    made = design(episodes=[*[LOST] * 20, OTHER])
    made.handle({"do": "choose", "episode": 19})
    assert list(made.rows("episodes")) == list(range(16, 20))
    assert (made.place, made.count("episodes")) == (19, 20)
    made.handle({"do": "choose", "episode": 20})
    assert (made.game, made.place, made.pages["episodes"]) == (1, 0, 0)
    made.handle({"do": "choose", "episode": 0})
    made.handle({"do": "page", "of": "episodes", "page": 1})
    assert made.rows("episodes")[0] == EPISODES
    for page, kept in ((99, 2), (-3, 0)):
        made.handle({"do": "page", "of": "episodes", "page": page})
        assert made.pages["episodes"] == kept


def test_findings_follow_the_reward_and_name_what_was_played():
    made = design({"do": "weight", "term": "step_cost", "value": -1})
    found = {finding.code: finding for finding in made.findings}
    assert made.games.episodes[made.evidence(found["losing_pays"])] is LOST
    assert made.evidence(found["waiting_pays"]) is None
    made.handle({"do": "reset"})
    assert made.findings == []


def test_without_episodes_the_reward_can_be_changed_all_the_same():
    made = design({"do": "weight", "term": "success", "value": 3}, episodes=[])
    made.handle({"do": "choose", "episode": 0})
    assert "no episode" in made.note
    made.handle({"do": "page", "of": "games", "page": 1})
    assert made.mix.weights["success"] == 3
    assert made.count("games") == 0


@pytest.mark.parametrize("value", [0, 1.1, True, None, float("nan"), "1"])
def test_discounts_that_are_none(value):
    with pytest.raises(ConfigError, match="discount"):
        check_discount(value)
