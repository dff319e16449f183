"""Pillar 2, what the agent is paid: functions of a recorded episode."""

from toolkit.rewards.terms import REWARDS, Reward, discovery, game, get_reward, sparse

__all__ = ["REWARDS", "Reward", "discovery", "game", "get_reward", "sparse"]
