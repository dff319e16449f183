"""Pillar 2, what the agent is paid: functions of a recorded episode."""

from toolkit.rewards.density import defer
from toolkit.rewards.hacking import Finding, check_reward
from toolkit.rewards.mix import PRESETS, Mix, get_reward
from toolkit.rewards.scored import Fault, Scored
from toolkit.rewards.terms import TERMS, Term, term, turn_term

__all__ = [
    "PRESETS",
    "TERMS",
    "Fault",
    "Finding",
    "Mix",
    "Scored",
    "Term",
    "check_reward",
    "defer",
    "get_reward",
    "term",
    "turn_term",
]
