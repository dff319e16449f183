import json
from dataclasses import replace

import pytest

from tests.html_checks import Outline
from tests.rewards.made import episode, scores, turn
from tests.widgets.test_base import connected, from_page, views
from toolkit.environments.base import Task
from toolkit.episodes.record import StopReason
from toolkit.rewards import Mix
from toolkit.rewards.terms import TERMS, term, turn_term
from toolkit.training.credit import grpo, rloo
from toolkit.training.gae import gae_turn
from toolkit.training.gigpo import gigpo
from toolkit.widgets.base import LARGEST, message_size
from toolkit.widgets.reward_designer import NO_TOKENS, TOO_MUCH, RewardDesigner
from toolkit.widgets.reward_tables import number

ATTACK = "<script>alert(1)</script>"
WON, LOST = scores([2, 4], most=4, won=True), scores([0, 1, 1], most=4)
LONG = scores([0, 2, 2, 3], most=4)
MIX = Mix({"success": 1, "progress": 0.5, "step_cost": 0.1}, density=0.5)


@pytest.fixture(autouse=True)
def _own_terms():
    kept = dict(TERMS)
    yield
    TERMS.clear()
    TERMS.update(kept)


def by_model(played):
    ids = {"observation_ids": tuple(range(9)), "action_ids": (1, 2)}
    return replace(played, turns=tuple(replace(t, **ids) for t in played.turns))


def many(n, turns=15, size=8):
    return [
        replace(
            scores(
                sorted((i * k * 7) % 9 for k in range(turns)), most=9, won=i % 3 == 0
            ),
            task=Task(env="toy", seed=i // size),
        )
        for i in range(n)
    ]


# ---- the page ------------------------------------------------------------------------


def test_a_moved_slider_changes_scores_advantages_and_code():
    made = RewardDesigner([WON, LOST, LONG], MIX)
    comm = connected(made)
    from_page(comm, request={"id": 1, "do": "weight", "term": "success", "value": 0})
    from_page(comm, request={"id": 2, "do": "choose", "episode": 2})
    first, second = views(comm)
    assert (first["terms"][0]["value"], first["terms"][0]["was"]) == (0, 1)
    assert "'success': 0.0" in first["code"]
    assert first["episodes"]["rows"][0][3]["small"] == "was +1.30"
    assert first["changed"]
    assert second["title"].startswith("Game 0, episode 3: not won")
    assert second["answered"] == 2


def test_the_first_view_tells_what_the_reward_does():
    view = RewardDesigner([WON, LOST, *many(4)], {"step_cost": -1}).view
    assert view["head"] == "6 episodes of 1 game, 3 won, toy"
    facts = {f["name"]: f["now"] for f in view["facts"]}
    assert facts["Games that teach"] == "1 of 1"
    assert facts["Losses paid like a win"] == "3 of 3"
    assert facts["Loudest term beside success"] == "step_cost, 100 %"
    assert view["announce"].startswith("1 of 1 games teach. Game 0, episode")


def test_the_same_from_python():
    made = RewardDesigner([WON, LOST], "dense")
    made.set_weight("progress", 2)
    made.set_density(0.4)
    made.set_discount(0.9)
    made.add("subgoal", 0.5, goals=["room"])
    made.add("format")
    made.remove("format")
    made.choose(1)
    subgoal = {"weight": 0.5, "goals": ["room"]}
    assert made.mix == Mix({"progress": 2, "subgoal": subgoal}, density=0.4)
    assert made.discount == 0.9
    assert made.view["title"].startswith("Game 0, episode 2")
    assert made.view["terms"][1]["settings"] == "goals=['room']"
    made.reset()
    assert repr(made) == (
        "RewardDesigner(2 episodes of 1 game, Mix({'progress': 1.0}))"
    )


# ---- the export is what was shown ----------------------------------------------------


@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_the_code_makes_the_reward_that_was_shown(discount):
    broken = replace(WON, stop_reason=StopReason.ENVIRONMENT_ERROR)
    made = RewardDesigner([WON, LOST, broken, LONG], MIX, discount=discount)
    made.set_weight("step_cost", 0.07)
    made.set_density(0.35)
    made.choose(3)
    names: dict = {}
    exec(made.to_code(), names)
    reward = names["reward"]
    assert reward == made.mix
    assert (f"discount={discount}" in made.to_code()) == (discount != 1)

    paid = reward.score(made.episodes, mask=True).turn_rewards
    assert paid == made.scored.turn_rewards
    how = {"group_size": 4, "discount": discount}
    seen = [[t.observation for t in e.turns] for e in made.episodes]
    values = made.design.paid.expected
    again = {
        "GRPO": grpo(paid, **how),
        "RLOO": rloo(paid, **how),
        "PPO": gae_turn(paid, values=values, discount=discount, gae_lambda=0.95)[0],
        "GiGPO": gigpo(paid, anchors=seen, **how),
    }
    assert again == made.advantages
    for k, row in enumerate(made.view["turns"]["rows"]):
        assert row[2]["text"] == number(paid[3][k])
        shown = [c["text"] for c in row[3:]]
        assert shown == [number(values[3][k]) for values in again.values()]
    returns = [r and sum(discount**k * x for k, x in enumerate(r)) for r in paid]
    assert [row[3]["text"] for row in made.view["episodes"]["rows"]] == [
        "" if r is None else number(r) for r in returns
    ]


def test_a_term_of_your_own_is_a_slider_like_any_other():
    @turn_term
    def polite(t):
        return "please" in t.completion

    kind = episode(turn(said="please go"), turn())
    made = RewardDesigner([kind, LOST], {"success": 1})
    assert {"name": "polite", "needs": ""} in made.view["choices"]
    made.add("polite", 0.3)
    assert made.view["terms"][1]["value"] == 0.3
    assert made.scored.returns.tolist() == [0.3, 0]


# ---- tokens --------------------------------------------------------------------------


def test_advantages_lie_on_the_tokens_of_a_model():
    made = RewardDesigner([by_model(WON), by_model(LONG)], "dense")
    made.choose(1)
    strip = made.view["strip"]
    label = Outline(strip).having("svg")[0]["aria-label"]
    assert "turns 1 to 3, GRPO: -0.71, -0.71, -0.71" in label
    assert "turns 4 to 4, GiGPO" in label
    assert "url(#hatch" in strip
    assert made.view["no_tokens"] == ""


def test_a_scripted_player_has_turns_alone():
    view = RewardDesigner([WON, LOST], "dense").view
    assert (view["strip"], view["no_tokens"]) == ("", NO_TOKENS)
    assert len(view["turns"]["rows"]) == 3


# ---- bad input -----------------------------------------------------------------------


def test_no_episodes():
    made = RewardDesigner([], "dense")
    made.set_weight("progress", 0.5)
    assert "There are no episodes" in made.view["title"]
    assert "There are no episodes" in Outline(made.to_html()).text
    assert made.view["games"] is None
    assert made.advantages == {}
    assert "Mix({'progress': 0.5})" in made.to_code()


def test_two_environments_are_compared_game_by_game():
    other = [replace(e, task=Task(env="zoo", seed=0)) for e in (WON, LOST)]
    view = RewardDesigner([WON, *other, LOST], "dense").view
    assert "2 environments, compared game by game" in view["head"]
    names = [row[0]["text"] for row in view["games"]["rows"]]
    assert names == ["toy/train/0", "zoo/train/0"]


def test_what_cannot_be_scored_is_told_and_counted():
    @turn_term
    def odd(t):
        return float("nan") if t.info["score"] > 3 else 0.1

    broken = replace(LOST, stop_reason=StopReason.ENVIRONMENT_ERROR, error="it fell")
    made = RewardDesigner([WON, LOST, broken, LONG], {"success": 1})
    made.choose(2)
    assert made.view["title"].endswith("it teaches nothing: it fell")
    made.add("odd")
    assert made.view["head"].endswith("2 not scored, toy")
    assert "'odd' failed in episode 0" in made.view["warnings"][0]["text"]
    made.choose(0)
    assert made.view["title"].endswith("it teaches nothing: It returned nan.")
    made.remove("odd")
    assert made.view["head"].endswith("1 not scored, toy")


def test_a_term_that_raises_leaves_the_widget_alive():
    @turn_term
    def odd(t):
        raise ZeroDivisionError(ATTACK)

    made = RewardDesigner([WON, LOST], {"success": 1, "odd": 1})
    assert "ZeroDivisionError" in made.view["warnings"][0]["text"]
    assert made.view["games"]["rows"][0][3]["text"] == "nothing: not scored"
    assert not Outline(made.to_html()).having("script")
    made.remove("odd")
    assert made.view["games"]["rows"][0][3]["text"] == "teaches"


def test_a_game_played_once_has_ppo_alone():
    view = RewardDesigner([WON], "dense").view
    (why,) = view["problems"]
    assert why.startswith("No advantage under GRPO, RLOO, GiGPO: Group-relative credit")
    assert [c["text"] for c in view["turns"]["rows"][0][3:]].count("–") == 3


def test_weights_that_cancel_are_told():
    made = RewardDesigner([WON, LOST], {"success": 1, "step_cost": 0})
    made.set_weight("step_cost", -1)
    texts = [w["text"] for w in made.view["warnings"]]
    assert sum("The weights cancel" in text for text in texts) == 1
    shown = [w["see"] for w in made.view["warnings"] if "see" in w]
    assert shown == [1]  # the loss that is paid like the win
    assert any("Nobody played this" in text for text in texts)  # to wait


def test_what_cannot_be_done_is_told():
    made = RewardDesigner([WON, LOST], "sparse")
    made.add("subgoal")
    assert "'subgoal' cannot be made" in made.view["note"]
    assert made.view["announce"] == made.view["note"]
    assert "cannot be made" in Outline(made.to_html()).text
    made.set_weight("success", 0.5)
    assert made.view["note"] == ""


# ---- size ----------------------------------------------------------------------------


def test_five_hundred_episodes(record_property):
    from time import perf_counter

    made = RewardDesigner([by_model(e) for e in many(500)], MIX)
    times = []
    for k in range(20):
        start = perf_counter()
        made.set_weight("success", 1 - k / 20)
        times.append(1000 * (perf_counter() - start))
    record_property("ms_per_move", sorted(times)[10])
    print(f"{sorted(times)[10]:.0f} ms a move, {message_size(made.view)} bytes")
    assert message_size(made.view) < LARGEST
    assert made.view["games"]["place"] == "1 to 8 of 63"
    assert made.scored.returns.shape == (500,)


def test_an_episode_of_ten_thousand_turns():
    long = scores([k / 9_999 for k in range(10_000)], most=1)
    made = RewardDesigner([by_model(long), by_model(WON)], "dense")
    made.set_weight("progress", 0.5)
    made.choose(0)
    made.ask({"do": "page", "of": "turns", "page": 499})
    assert made.view["turns"]["place"] == "5989 to 6000 of 10000"
    assert message_size(made.view) < LARGEST


def test_messages_stay_small_whatever_was_written():
    wide = [turn(said="ä" * 999, seen="ö" * 9999) for _ in range(20)]
    played = [
        replace(
            by_model(episode(*wide, won=k % 2 == 0)),
            policy="ü" * 99,
            task=Task(env="é" * 99, seed=k // 8, params=(("goal", "à" * 99),)),
        )
        for k in range(80)
    ]
    for k in range(12):
        name = f"term {k} {'ß' * 20}"
        term(lambda e, k=k: [k / 99] * len(e.turns), name=name)
    mix = {"success": 1, **{name: 0.1 for name in TERMS if name.startswith("term ")}}
    made = RewardDesigner(played, mix)
    made.set_weight("success", 0.5)
    assert message_size(made.view) < LARGEST
    for k in range(12, 24):
        term(lambda e: [0.3] * len(e.turns), name=f"term {k} {'ß' * 20}")
        made.add(f"term {k} {'ß' * 20}")
        assert message_size(made.view) < LARGEST
    assert (made.view["strip"], made.view["no_tokens"]) == ("", TOO_MUCH)
    assert made.view["unlisted"] == 1
    assert json.loads(json.dumps(made.view)) == made.view


# ---- static --------------------------------------------------------------------------


def test_static_html_tells_all_that_matters():
    made = RewardDesigner([by_model(WON), by_model(LONG)], MIX)
    found = Outline(made.to_html())
    for words in (
        "Games",
        "teaches",
        "success × 1",
        "density 0.5",
        "Advantage of each",
    ):
        assert words in found.text
    for words in ("GRPO RLOO PPO GiGPO", "reward = Mix(", "no trained critic"):
        assert words in found.text
    assert len(found.having("table")) == 3
    assert any("RLOO" in svg["aria-label"] for svg in found.having("svg"))


def test_what_a_world_or_a_player_wrote_is_text():
    odd = episode(turn(said=ATTACK, seen=ATTACK), turn(said=ATTACK), final=ATTACK)
    odd = replace(odd, policy=ATTACK, task=Task(env=ATTACK, seed=0))
    made = RewardDesigner([odd, odd], "sparse")
    found = Outline(made.to_html())
    assert not found.having("script")
    assert found.text.count(ATTACK) >= 5
