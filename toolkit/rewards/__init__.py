"""What the agent is paid: functions of a recorded episode."""

from toolkit.rewards.agreement import agreement
from toolkit.rewards.batch import BatchReward
from toolkit.rewards.density import defer
from toolkit.rewards.hacking import Finding, check_reward
from toolkit.rewards.judge_endpoint import Endpoint
from toolkit.rewards.judged import judged
from toolkit.rewards.likelihood import likelihood
from toolkit.rewards.mix import PRESETS, Mix, get_reward
from toolkit.rewards.reward_model import reward_model
from toolkit.rewards.scored import Fault, Scored
from toolkit.rewards.terms import TERMS, Term, term, turn_term

__all__ = [
    "PRESETS",
    "TERMS",
    "BatchReward",
    "Endpoint",
    "Fault",
    "Finding",
    "Mix",
    "Scored",
    "Term",
    "agreement",
    "check_reward",
    "defer",
    "get_reward",
    "judged",
    "likelihood",
    "reward_model",
    "term",
    "turn_term",
]
