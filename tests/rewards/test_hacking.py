from dataclasses import replace

import pytest

from tests.rewards.made import episode, scores, turn, walk
from toolkit.environments.base import make_env, tasks
from toolkit.episodes.record import StopReason
from toolkit.episodes.rollout import collect
from toolkit.policies.base import Action, Policy
from toolkit.policies.scripted import ExpertPolicy, RandomPolicy
from toolkit.rewards import Mix, check_reward, turn_term
from toolkit.rewards.hacking import WHAT, _waited, findings, instead

GAME = "textworld/w2-o3-q4"
WON = scores([1, 2, 3, 4], most=4, won=True)
LOST = scores([0, 0, 0, 0, 0, 0], most=4)


def codes(mix, *episodes, **options):
    found = check_reward(Mix(mix), episodes, **options)
    for finding in found:
        assert finding.code in WHAT
        returns = Mix(mix).score(finding.episodes).returns
        assert finding.returns == pytest.approx(tuple(returns))
    return [finding.code for finding in found]


# ---- losing --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mix",
    [
        {"success": 1.0},
        {"success": 1.0, "step_cost": 0.01},
        {"progress": 1.0},
        {"discovery": 1.0, "invalid_action": 0.05},
    ],
)
def test_honest_rewards_are_not_accused(mix):
    assert codes(mix, WON, LOST) == []


def test_the_papers_inverted_case_is_found():
    # as its code pays: a win 1 in all, a loss 1 for every milestone
    @turn_term
    def released(turn):
        won = turn.info["score"] == turn.info["max_score"]
        return turn.reward - 3.0 if won else turn.reward

    finding, *_ = check_reward(Mix({"released": 1.0}), [WON])
    assert finding.code == "losing_pays"
    assert finding.returns == (3.0, 1.0)  # three milestones, and then the turn limit
    lost, won = finding.episodes
    assert (len(lost.turns), lost.stop_reason) == (3, StopReason.TURN_LIMIT)
    assert won == WON
    assert "A loss after 3 turns earns 3, more than a win of the same game" in (
        finding.sentence
    )
    assert codes({"progress": 1.0}, WON) == []


def test_a_quick_loss_against_a_slow_win():
    slow = scores([0] * 9 + [1], most=1, won=True)
    dead = replace(scores([0], most=1), stop_reason=StopReason.LOST)
    assert codes({"success": 1.0, "step_cost": 0.05}, slow, dead) == []
    assert codes({"success": 1.0, "step_cost": 0.2}, slow, dead)[0] == "losing_pays"


def test_games_are_compared_with_themselves():
    # by its own points a loss of the long game beats a win of the short one
    short, long = scores([1], most=1, won=True), scores([1, 2], most=9, seed=1)
    assert codes({"game": 1.0}, short, long) == ["losing_pays"]
    won = scores(range(1, 10), most=9, won=True, seed=1)
    assert "losing_pays" not in codes({"game": 1.0}, short, long, won)


def test_a_reward_that_pays_nothing_makes_no_difference():
    (finding,) = check_reward(Mix({"success": 0.0}), [WON, LOST])
    assert finding.code == "losing_pays"
    assert "as much as" in finding.sentence


# ---- waiting -------------------------------------------------------------------------


def test_a_bonus_per_turn_pays_for_waiting():
    @turn_term
    def valid(turn):
        return turn.info["valid_action"]

    (finding,) = check_reward(Mix({"success": 9.0, "valid": 0.1}), [WON, LOST])
    assert finding.code == "waiting_pays"
    waited, stopped = finding.episodes
    assert len(waited.turns) == 6  # as long as the longest episode
    assert waited.turns[-1].action == "look"
    assert finding.returns == pytest.approx((0.6, 0.3))
    assert len(stopped.turns) == 3
    assert codes({"success": 9.0, "valid": 0.1}, WON, max_turns=200) == [
        "losing_pays",  # 200 turns of waiting are paid more than the win
        "waiting_pays",
    ]


def test_costs_that_make_play_worse_than_waiting():
    clumsy = episode(*[turn(valid_action=False)] * 6)
    won = replace(WON, task=clumsy.task)
    heavy, light = ({"success": 1.0, "invalid_action": w} for w in (0.5, 0.01))
    (finding,) = check_reward(Mix(heavy), [won, clumsy])
    assert finding.code == "waiting_pays"
    assert "wait for 6 turns earns 0" in finding.sentence
    assert codes(light, won, clumsy) == []


# ---- terms against each other --------------------------------------------------------


def test_a_term_that_drowns_the_others():
    talk = episode(*[turn(said="x" * 300)] * 4)
    chatty = replace(WON, turns=(turn(said="x" * 300), *WON.turns[1:]))
    played = [WON, talk, replace(LOST, turns=LOST.turns[:4]), chatty]
    found = check_reward(Mix({"success": 1.0, "length": 50.0}), played)
    (finding,) = [f for f in found if f.code == "term_drowns"]
    assert finding.sentence.startswith("'length' moves returns by 82 ")
    assert finding.episodes == (talk, WON)
    # winning may drown the rest, and a term that never differs is not drowned
    assert codes({"success": 50.0, "length": 0.1}, *played) == []
    assert codes({"success": 1.0, "invalid_action": 1.0}, WON, LOST) == []


def test_weights_that_cancel():
    played = [walk("ab", won=True), walk("abcd")]
    (finding, *_) = check_reward(
        Mix({"success": 2.0, "step_cost": -1.0}), [*played, walk("abcd")]
    )
    assert finding.code == "losing_pays"
    assert "weights_cancel" in codes({"success": 2.0, "step_cost": -1.0}, *played)


# ---- what cannot be used -------------------------------------------------------------


def test_nothing_to_look_at():
    assert codes({"success": 1.0}) == []
    dead = replace(WON, stop_reason=StopReason.ENVIRONMENT_ERROR)
    assert codes({"success": 1.0}, dead) == []
    assert codes({"success": 1.0}, scores([1], most=1, won=True)) == []


def test_episodes_for_which_a_term_fails_are_left_out():
    @turn_term
    def fragile(turn):
        return 1 / turn.info["max_score"]

    zero = scores([0, 0], most=0)
    assert codes({"success": 9.0, "fragile": -0.1}, WON, zero) == []


# ---- real games ----------------------------------------------------------------------


class Wait(Policy):
    """Looks around, for ever."""

    name = "wait"

    def act(self, observations):
        return [Action(text="look") for _ in observations]


@pytest.fixture(scope="module")
def real():
    games = tasks(GAME, split="test", n=3)
    return [
        collect(policy, GAME, games, workers=0, progress=False)
        for policy in (ExpertPolicy(), RandomPolicy(), Wait())
    ]


def test_rewards_of_real_games(real):
    expert, random, wait = real
    for name in ("success", "progress", "game", "discovery"):
        assert check_reward(Mix({name: 1.0}), expert, random + wait) == []
    bad = Mix({"success": 1.0, "step_cost": -0.2})
    found = [f.code for f in check_reward(bad, expert, random)]
    assert found[:2] == ["losing_pays", "waiting_pays"]


def test_waiting_in_the_record_is_waiting_in_the_world(real):
    """What is made up has the facts that the world gives."""
    *_, waits = real
    for played in waits:
        short = replace(played, turns=played.turns[:1])
        made = _waited(short, len(played.turns), "look")
        for a, b in zip(made.turns, played.turns, strict=True):
            same = ("score", "max_score", "room", "first_room", "won", "command")
            assert [a.info[k] for k in same] == [b.info[k] for k in same]
            assert (a.reward, a.action) == (b.reward, b.action)


def test_stopping_in_the_record_is_the_turn_limit_in_the_world(real):
    expert = real[0][0]
    limited = make_env(GAME, max_turns=len(expert.turns) - 1)
    (played,) = collect(
        ExpertPolicy(), limited, [expert.task], workers=0, progress=False
    )
    assert played.stop_reason is StopReason.TURN_LIMIT
    mix = Mix({"progress": 1.0, "step_cost": 0.1, "discovery": 0.3})
    found = check_reward(Mix({"step_cost": -1.0, "success": 0.1}), [expert])[
        0
    ].episodes[0]
    kept = len(played.turns)
    assert found.turns[:kept] == expert.turns[:kept]
    assert mix.score([played]).returns[0] == pytest.approx(
        mix.score([replace(found, turns=found.turns[:kept])]).returns[0]
    )


def test_findings_follow_weights_without_asking_a_term_again():
    asked = []

    @turn_term
    def counted(turn):
        asked.append(turn)
        return 1.0

    played = [WON, replace(WON, stop_reason=StopReason.ENVIRONMENT_ERROR), LOST]
    made = instead(played)
    assert made.sources == [0, 2]
    mix = Mix({"success": 1.0, "counted": 0.0})
    scored = [mix.score(e, mask=True) for e in (played, made.stopped, made.waited)]
    assert findings(played, made, *scored) == []
    count = len(asked)
    new = [s.reweighted({"counted": 0.5}) for s in scored]
    found = findings(played, made, *new)
    assert len(asked) == count
    assert found == check_reward(Mix({"success": 1.0, "counted": 0.5}), played)
    assert [f.code for f in found][:2] == ["losing_pays", "waiting_pays"]
