from dataclasses import replace

import pytest

from tests.rewards.games import play
from tests.rewards.judge_server import serve
from toolkit.episodes.record import StopReason
from toolkit.errors import ConfigError, JudgeError
from toolkit.rewards import Endpoint, agreement, judged
from toolkit.rewards.batch import BatchReward
from toolkit.statistics import wilson


class Says(BatchReward):
    """A judge whose verdict is what the agent says last (`?`: it fails)."""

    def batch(self, episodes):
        return [self.read(episode.turns[-1].completion) for episode in episodes]

    def read(self, text):
        return JudgeError("Lost.", "No idea.") if text == "?" else [float(text)]


def games(*verdicts, same_task=False):
    """Episodes from pairs of the judge's verdict and whether it was won."""
    return [
        play(
            str(verdict),
            seed=0 if same_task else i,
            sample=i,
            stop=StopReason.WON if won else StopReason.LOST,
        )
        for i, (verdict, won) in enumerate(verdicts)
    ]


MIXED = [(0.9, 1), (0.8, 1), (0.3, 1), (0.6, 0), (0.1, 0), (0.2, 0), (0.3, 0), (0, 0)]


def test_counts_rates_and_auc_by_hand():
    found = agreement(Says(), "success", games(*MIXED))
    assert (found.won_as_won, found.won_as_lost) == (2, 1)
    assert (found.lost_as_won, found.lost_as_lost) == (1, 4)
    # 6 of 8 right; always "lost" would be right for 5 of 8
    assert found.accuracy.value == 0.75
    assert (found.accuracy.low, found.accuracy.high) == pytest.approx(wilson(6, 8))
    assert found.baseline == 0.625
    assert found.won_found.value == pytest.approx(2 / 3)
    assert (found.won_found.low, found.won_found.high) == pytest.approx(wilson(2, 3))
    assert found.lost_found.value == 0.8
    # of 15 pairs 0.9 and 0.8 beat 5 each; 0.3 beats 0.1, 0.2, 0 and ties with 0.3
    assert found.auc.value == pytest.approx((5 + 5 + 3.5) / 15)
    assert found.auc.n == 15
    assert found.auc.low < found.auc.value < found.auc.high <= 1


def test_perfect_and_reversed_judges():
    right = agreement(Says(), "success", games((1, 1), (0, 0), (0.9, 1), (0.2, 0)))
    assert (right.accuracy.value, right.auc.value) == (1.0, 1.0)
    wrong = agreement(Says(), "success", games((0, 1), (1, 0), (0.2, 1), (0.9, 0)))
    assert (wrong.accuracy.value, wrong.auc.value) == (0.0, 0.0)


def test_a_judge_that_always_says_the_same_is_unmasked():
    found = agreement(Says(), "success", games((1, 1), *[(1, 0)] * 3))
    assert (found.auc.value, found.baseline, found.accuracy.value) == (0.5, 0.75, 0.25)


def test_the_threshold_moves_the_counts_and_not_the_auc():
    low = agreement(Says(), "success", games(*MIXED), threshold=0.25)
    assert (low.won_as_won, low.lost_as_won) == (3, 2)
    assert low.auc == agreement(Says(), "success", games(*MIXED)).auc


def test_the_auc_ranks_as_the_verified_reward_does():
    lost = [
        replace(e, turns=(replace(e.turns[0], reward=points),))
        for e, points in zip(
            games((0.1, 0), (0.2, 0), (0.9, 0)), (1.0, 2.0, 2.0), strict=True
        )
    ]
    found = agreement(Says(), "game", lost)
    assert (found.auc.value, found.auc.n) == (1.0, 2)
    assert found.won_found is None
    assert agreement(Says(), "success", lost).auc is None


def test_episodes_of_one_task_tell_less():
    apart = agreement(Says(), "success", games(*MIXED * 4))
    alike = agreement(Says(), "success", games(*MIXED * 4, same_task=True))
    assert alike.accuracy.value == apart.accuracy.value
    assert alike.accuracy.high - alike.accuracy.low > (
        apart.accuracy.high - apart.accuracy.low
    )


def test_failed_and_broken_episodes_are_counted_apart():
    broken = play("1", seed=99, stop=StopReason.ENVIRONMENT_ERROR)
    found = agreement(Says(), "success", [*games(*MIXED, ("?", 1)), broken])
    assert (found.failed, found.broken) == (1, 1)
    assert found.accuracy.n == 8
    assert "1 failed, 1 with a broken world" in str(found)
    assert "<table>" in found._repr_html_()


@pytest.mark.parametrize("episodes", [[], games(("?", 1))])
def test_nothing_judged_is_an_error(episodes):
    with pytest.raises(ConfigError, match="cannot be measured"):
        agreement(Says(), "success", episodes)


def test_a_plain_reward_can_be_measured_too():
    found = agreement(lambda e: [float(e.won)], "success", games(*MIXED))
    assert found.accuracy.value == 1.0


def test_a_judge_over_http_is_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path))

    def reply(body, n):  # believes every agent that says it has won
        return "5" if "agent| I won" in body["messages"][0]["content"] else "1"

    episodes = [
        play("I won", seed=0, stop=StopReason.WON),
        play("I won", seed=1, stop=StopReason.LOST),
        play("take key", seed=2, stop=StopReason.WON),
        play("sleep", seed=3, stop=StopReason.LOST),
    ]
    with serve(reply) as server:
        judge = judged(Endpoint(url=server.url, model="judge"), "Win.")
        found = agreement(judge, "success", episodes)
    assert (found.lost_as_won, found.won_as_lost, found.auc.value) == (1, 1, 0.5)
