import re

import pytest

from tests.models import tiny_policy
from toolkit.environments.base import tasks
from toolkit.environments.textarena import TwoPlayerGame
from toolkit.episodes.duel import duel
from toolkit.episodes.record import StopReason
from toolkit.episodes.store import load_episodes, save_episodes
from toolkit.errors import ConfigError, TaskError
from toolkit.policies.base import Action, Policy

pytest.importorskip("textarena", reason="needs the extra games")
NAME = "textarena/TicTacToe-v0"


class Lines(Policy):
    """Player 0 and player 1 of every game say their lines."""

    def __init__(self, *lines):
        self.lines = lines

    def start(self, *, greedy=False):
        self.said, self.seen, self.dropped = {}, {}, []

    def act(self, observations):
        return [self.line(o) for o in observations]

    def line(self, o):
        k = self.said[o.episode] = self.said.get(o.episode, -1) + 1
        self.seen.setdefault(o.episode, []).append(o.text)
        text = self.lines[o.episode % 2][k]
        stop = StopReason.CONTEXT_LIMIT if text == "stop" else None
        return Action(text=text, stop=stop)

    def drop(self, episodes):
        self.dropped += episodes


def played(*lines, n=1, **options):
    policy = Lines(*lines)
    return policy, duel(policy, tasks(NAME, n=n), **options)


WINNING = ["[0]", "[1]", "[2]"], ["[3]", "[4]"]


def test_one_game_is_two_episodes():
    policy, (first, second) = played(*WINNING)
    assert (first.stop_reason, second.stop_reason) == (StopReason.WON, StopReason.LOST)
    assert (first.sample, second.sample) == (0, 1)
    assert first.turn_rewards == [0.0, 0.0, 1.0]
    assert second.turn_rewards == [0.0, -1.0]
    assert [turn.action for turn in second.turns] == ["[3]", "[4]"]
    assert first.turns[-1].info["won"]
    assert second.turns[-1].info["lost"]
    assert first.turns[-1].info["player"] == 0
    assert first.final_observation == second.final_observation == "Player 0 has won!"
    assert policy.dropped == [0, 1]


def test_each_side_reads_its_own_texts():
    policy, (first, second) = played(*WINNING)
    assert "You are Player 0" in first.turns[0].observation
    assert "You are Player 1" in second.turns[0].observation
    assert "cell 0" in second.turns[0].observation
    assert "cell 3" in first.turns[1].observation
    assert "You are" not in first.turns[1].observation
    for k, episode in enumerate((first, second)):
        assert policy.seen[k] == [turn.observation for turn in episode.turns]


def test_a_draw_is_won_by_nobody_and_costs_nothing():
    lines = ["[0]", "[1]", "[5]", "[6]", "[8]"], ["[2]", "[3]", "[4]", "[7]"]
    _, both = played(*lines)
    assert [e.total_reward for e in both] == [0.0, 0.0]
    assert not any(e.won or e.turns[-1].info["lost"] for e in both)


def test_invalid_moves_are_told_and_lose_when_repeated():
    _, (first, second) = played(["[0]", "what?", "[0]"], ["[1]"])
    assert [t.info["valid_action"] for t in first.turns] == [True, False, False]
    assert "invalid move" in first.turns[2].observation
    assert (first.total_reward, second.total_reward) == (-1.0, 1.0)
    assert second.won


def test_a_player_who_never_had_a_turn_has_no_result():
    _, (first, second) = played(["what?", "what?"], [])
    assert first.stop_reason is StopReason.LOST
    assert second.turns == ()
    assert second.stop_reason.is_broken


def test_the_end_of_one_context_ends_the_game():
    _, (first, second) = played(["[0]", "stop"], ["[1]"])
    assert first.stop_reason is StopReason.CONTEXT_LIMIT
    assert second.stop_reason.is_broken
    assert "Player 0" in second.error


def test_a_turn_limit():
    _, both = played(["[0]", "[1]"], ["[3]", "[4]"], max_turns=2)
    assert [e.stop_reason for e in both] == [StopReason.TURN_LIMIT] * 2


def test_a_game_that_breaks_breaks_both_sides(monkeypatch):
    def play(self, action):
        raise RuntimeError("no dice")

    monkeypatch.setattr(TwoPlayerGame, "play", play)
    _, both = played(["[0]"], [])
    assert [e.stop_reason for e in both] == [StopReason.ENVIRONMENT_ERROR] * 2
    assert "no dice" in both[0].error


def test_a_model_plays_itself_many_games_at_once(tmp_path):
    episodes = duel(tiny_policy(), tasks(NAME, n=3))
    assert len(episodes) == 6
    assert [e.sample for e in episodes] == [0, 1] * 3
    turns = [turn for e in episodes for turn in e.turns]
    assert all(len(t.action_ids) == len(t.logprobs) > 0 for t in turns)
    assert duel(tiny_policy(), tasks(NAME, n=3))[0].turns[0].action_ids == (
        episodes[0].turns[0].action_ids
    )
    save_episodes(episodes, tmp_path / "duel.jsonl")
    assert list(load_episodes(tmp_path / "duel.jsonl")) == episodes


def test_what_is_wrong_is_said():
    with pytest.raises(TaskError, match="by 2"):
        duel(Lines(), tasks("textarena/TowerOfHanoi-v0", n=1))
    for wrong in ({"max_turns": 0}, {"seed": -1}):
        with pytest.raises(ConfigError, match=re.escape(next(iter(wrong))[:4])):
            duel(Lines(), tasks(NAME, n=1), **wrong)
