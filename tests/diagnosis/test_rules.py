import inspect
from pathlib import Path

import pytest

from tests.diagnosis.made import ended, ends, run_of
from toolkit.diagnosis import RULES, Severity, diagnose
from toolkit.diagnosis.history import History

BY_ID = {rule.id: rule for rule in RULES}
TUTORIALS = Path(__file__).parents[2] / "tutorials"
LESSONS = {page.stem for page in TUTORIALS.glob("[0-9]*.ipynb")}


def rises(k):
    return 0.1 + 0.02 * k + 0.01 * (k % 2)


def lost(**facts):
    return {"silent_groups": 1.0, "success": 0.0, **facts}


def term(k, paid, spread):
    return {"terms": {"format": {"mean": paid, "spread": spread}}}


def falls(k, share):
    """Commands lose their form, and the games are lost."""
    return {"valid_rate": 0.9 if k < 2 else share, "success": float(k < 2)}


def late(success):
    return {**ends(turn_limit=28, won=4), "success": success}


def noisy(k, level, gain):
    return {"success": level + 0.1 * (-1) ** k + gain * (k >= 20)}


def memory(share):
    return {"gpu_memory": share}


CANCEL = {"reward_warnings": ["The weights cancel: all 8 episodes are worth 0."]}
FAULT = {"reward_warnings": ["The reward term 'x' failed in episode 0."]}
OUT = ended("failed", "OutOfMemoryError: CUDA out of memory.")
BUG = ended("failed", "ValueError: no such thing")
NAN = ended("failed", "RuntimeError: probability tensor contains either `inf`, `nan`")
CTRL_C = ended("failed", "KeyboardInterrupt: ")
GAP = "sampling/sampling_logp_difference/mean"
RATIO = "sampling/importance_sampling_ratio/mean"

FIRES = {
    "not-finite": [
        run_of(4, log=lambda k: {"loss": None if k == 3 else 0.1}),
        run_of(4, rollouts=lambda k: {"entropy": None if k > 1 else 0.2}),
        run_of(6, log=lambda k: {"grad_norm": None if k > 2 else 0.1}),
        run_of(2, end=NAN),
    ],
    "memory": [run_of(2, facts=memory(0.95)), run_of(2, end=OUT)],
    "failed": [run_of(2, end=BUG), run_of(0, end=BUG)],
    "dead-environment": [
        run_of(1, rollouts=lambda k: ends(environment_error=32)),
        run_of(5, rollouts=lambda k: ends(environment_timeout=7, won=25)),
    ],
    "reward-fails": [run_of(2, rollouts=lambda k: {"reward_failed": 7, **FAULT})],
    "weights-cancel": [run_of(2, rollouts=lambda k: CANCEL)],
    "learning-rate": [
        run_of(4, rollouts=lambda k: falls(k, 0.42)),
        run_of(4, rollouts=lambda k: {"valid_rate": 0.9 * (k < 2), "success": k < 2}),
        run_of(12, rollouts=lambda k: {"entropy": 0.2 if k < 6 else 0.9}),
        run_of(12, log=lambda k: {"grad_norm": 0.8 if k < 6 else 9.0}),
        run_of(4, log=lambda k: {"clip_ratio/region_mean": 0.31}),
        run_of(4, log=lambda k: {"kl": 2.1}),
    ],
    "sampler-mismatch": [
        run_of(3, log=lambda k: {GAP: 0.11}),
        run_of(3, log=lambda k: {RATIO: 0.75}),
    ],
    "token-limit": [run_of(1, rollouts=lambda k: ends(token_limit=10, won=22))],
    "context-limit": [run_of(1, rollouts=lambda k: ends(context_limit=10, won=22))],
    "no-gradient": [
        run_of(
            3,
            rollouts=lambda k: {"silent_groups": 0.7},
            log=lambda k: {"grad_norm": 9e-8},
        ),
        run_of(3, log=lambda k: {"grad_norm": 0.0}),
    ],
    "silent-no-exploration": [
        run_of(3, rollouts=lambda k: {"silent_groups": 1.0, "entropy": 0.001}),
        run_of(3, rollouts=lambda k: lost(entropy=0.001)),
    ],
    "silent-too-hard": [run_of(3, rollouts=lambda k: lost())],
    "silent-mixed": [run_of(3, rollouts=lambda k: {"silent_groups": 0.75})],
    "silent-too-easy": [run_of(3, rollouts=lambda k: lost(success=1.0, entropy=0.001))],
    "reward-hacking": [
        run_of(12, rollouts=lambda k: {"mean_return": 1 + 0.0105 * k}),
        run_of(12, rollouts=lambda k: {"mean_return": 1.0 * (k > 5) + k % 2}),
        run_of(12, rollouts=lambda k: {"mean_return": rises(k)}),
        run_of(20, rollouts=lambda k: {"mean_return": rises(k), "success": 0.0}),
    ],
    "invalid-commands": [run_of(5, rollouts=lambda k: {"valid_rate": 0.59})],
    "turn-limit": [
        run_of(5, rollouts=lambda k: late(0.18)),
        run_of(5, rollouts=lambda k: {**ends(turn_limit=28, won=4), "success": 0.125}),
    ],
    "entropy-collapse": [
        run_of(12, rollouts=lambda k: {"entropy": 0.2 * (k < 6), "success": 0.7}),
        run_of(12, rollouts=lambda k: {"entropy": 0.2 if k < 6 else 0.04}),
    ],
    "length-explosion": [
        run_of(12, rollouts=lambda k: {"action_tokens": 960 if k < 6 else 2500})
    ],
    "length-collapse": [
        run_of(12, rollouts=lambda k: {"action_tokens": 960 if k < 6 else 380})
    ],
    "useless-critic": [
        run_of(20, log=lambda k: {"explained_variance": -0.01}),
        run_of(
            25,
            log=lambda k: {"explained_variance": 0.9 if k < 5 else 0.0},
            value_warmup_steps=5,
        ),
    ],
    "too-slow": [
        run_of(50, end=ended("finished", "time")),
        run_of(3, stop_after_minutes=5, max_steps=60),
        run_of(3, stop_after_minutes=5),
        run_of(30, end=ended("finished", "time"), max_steps=60),
    ],
    "plateau": [
        run_of(40, rollouts=lambda k: noisy(k, 0.7, 0.015)),
        run_of(40, rollouts=lambda k: {"success": 0.5 + 0.05 * (k % 2)}),
    ],
    "saturated-term": [
        run_of(15, rollouts=lambda k: term(k, 0.03, 0.0)),
        run_of(15, rollouts=lambda k: term(k, 0.3, 0.0)),
    ],
    "loss-zero": [
        run_of(1, log=lambda k: {"loss": 9e-4, "grad_norm": 1.2e-6}),
        run_of(1, log=lambda k: {"loss": 1e-9}),
    ],
}

SILENT = {
    "not-finite": [
        run_of(4, log=lambda k: {"loss": None if k == 1 else 0.1}),
        run_of(4, log=lambda k: {"grad_norm": None if k > 1 else 0.1}),
        run_of(4, rollouts=lambda k: {"entropy": None, "action_tokens": 0}),
        run_of(2, end=BUG),
    ],
    "memory": [run_of(2, facts=memory(0.9)), run_of(2, end=BUG)],
    "failed": [run_of(2, end=CTRL_C), run_of(2, end=ended("finished", "finished"))],
    "dead-environment": [
        run_of(1, rollouts=lambda k: ends(environment_error=6, won=26)),
        run_of(3, rollouts=lambda k: ends(environment_error=32 * (k < 2), won=9)),
        run_of(1, rollouts=lambda k: ends(interrupted=32)),
    ],
    "reward-fails": [run_of(2, rollouts=lambda k: {"reward_failed": 6, **FAULT})],
    "weights-cancel": [
        run_of(1, rollouts=lambda k: CANCEL),
        run_of(2, rollouts=lambda k: FAULT),
        run_of(3, rollouts=lambda k: CANCEL if k < 2 else {}),
    ],
    "learning-rate": [
        run_of(4, rollouts=lambda k: falls(k, 0.5)),
        run_of(12, log=lambda k: {"grad_norm": 0.8 if k < 6 else 7.5}),
        run_of(4, log=lambda k: {"kl": 1.9}),
        run_of(4, rollouts=lambda k: {"valid_rate": 0.9 * (k < 2), "success": 0.5}),
        run_of(4, rollouts=lambda k: {"valid_rate": 0.2}),
        run_of(12, rollouts=lambda k: {"entropy": 0.2 if k < 6 else 0.7}),
        run_of(12, log=lambda k: {"grad_norm": 7.0 if k == 7 else 0.8}),
        run_of(4, log=lambda k: {"clip_ratio/region_mean": 0.2, "kl": 1.0}),
    ],
    "sampler-mismatch": [
        run_of(3, log=lambda k: {RATIO: 1.19}),
        run_of(2, log=lambda k: {GAP: 0.5}),
        run_of(3, log=lambda k: {GAP: 0.09, RATIO: 1.1}),
        run_of(5, log=lambda k: {GAP: 0.5 * (k < 4)}),
    ],
    "token-limit": [run_of(1, rollouts=lambda k: ends(token_limit=9, won=23))],
    "context-limit": [run_of(1, rollouts=lambda k: ends(context_limit=9, won=23))],
    "no-gradient": [
        run_of(3, log=lambda k: {"grad_norm": 1.1e-7}),
        run_of(2, log=lambda k: {"grad_norm": 0.0}),
        run_of(3, rollouts=lambda k: lost(), log=lambda k: {"grad_norm": 0.0}),
    ],
    "silent-no-exploration": [
        run_of(2, rollouts=lambda k: lost(entropy=0.001)),
        run_of(3, rollouts=lambda k: lost(entropy=0.001, silent_groups=0.7)),
        run_of(3, rollouts=lambda k: lost(entropy=0.03)),
    ],
    "silent-too-hard": [
        run_of(3, rollouts=lambda k: lost(silent_groups=0.7)),
        run_of(2, rollouts=lambda k: lost()),
        run_of(3, rollouts=lambda k: lost(success=0.2)),
    ],
    "silent-mixed": [
        run_of(2, rollouts=lambda k: lost(success=0.5)),
        run_of(3, rollouts=lambda k: {"silent_groups": 0.7}),
        run_of(3, rollouts=lambda k: lost()),
    ],
    "silent-too-easy": [
        run_of(2, rollouts=lambda k: lost(success=1.0)),
        run_of(3, rollouts=lambda k: lost(success=1.0, silent_groups=0.7)),
        run_of(3, rollouts=lambda k: lost(success=0.8)),
    ],
    "reward-hacking": [
        run_of(12, rollouts=lambda k: {"mean_return": 1 + 0.0067 * k}),
        run_of(12, rollouts=lambda k: {"mean_return": 0.7 * (k > 5) + k % 2}),
        run_of(20, rollouts=lambda k: {"mean_return": rises(k), "success": rises(k)}),
        run_of(20, rollouts=lambda k: {"mean_return": k % 3}),
        run_of(11, rollouts=lambda k: {"mean_return": rises(k)}),
        run_of(20, rollouts=lambda k: {"mean_return": rises(k), "success": 1.0}),
    ],
    "invalid-commands": [
        run_of(4, rollouts=lambda k: {"valid_rate": 0.1}),
        run_of(5, rollouts=lambda k: {"valid_rate": 0.61}),
    ],
    "turn-limit": [
        run_of(4, rollouts=lambda k: late(0.1)),
        run_of(5, rollouts=lambda k: late(0.25)),
        run_of(9, rollouts=lambda k: {**ends(turn_limit=25, won=7), "success": 0.2}),
    ],
    "entropy-collapse": [
        run_of(12, rollouts=lambda k: {"entropy": 0.2 if k < 6 else 0.06}),
        run_of(12, rollouts=lambda k: {"entropy": 0.2 * (k < 6), "success": 0.9}),
        run_of(5, rollouts=lambda k: {"entropy": 0.2 * (k < 2)}),
    ],
    "length-explosion": [
        run_of(12, rollouts=lambda k: {"action_tokens": 960 if k < 6 else 2300})
    ],
    "length-collapse": [
        run_of(12, rollouts=lambda k: {"action_tokens": 960 if k < 6 else 400}),
        run_of(
            12,
            rollouts=lambda k: {
                "action_tokens": 960 if k < 6 else 300,
                "success": rises(k),
            },
        ),
    ],
    "useless-critic": [
        run_of(19, log=lambda k: {"explained_variance": -0.5}),
        run_of(20, log=lambda k: {"explained_variance": 0.1}),
        run_of(24, log=lambda k: {"explained_variance": 0.0}, value_warmup_steps=5),
    ],
    "too-slow": [
        run_of(2, stop_after_minutes=1),
        run_of(3, stop_after_minutes=10, max_steps=60),
        run_of(3, max_steps=10**6),
        run_of(57, end=ended("finished", "time"), max_steps=60),
    ],
    "plateau": [
        run_of(40, rollouts=lambda k: noisy(k, 0.5, 0.025)),
        run_of(39, rollouts=lambda k: {"success": 0.5}),
        run_of(40, rollouts=lambda k: {"success": 0.01 * k}),
        run_of(40, rollouts=lambda k: {"success": 0.85}),
    ],
    "saturated-term": [
        run_of(15, rollouts=lambda k: term(k, 0.02, 0.0)),
        run_of(15, rollouts=lambda k: term(k, 0.3, 0.1)),
        run_of(15, rollouts=lambda k: term(k, 0.0, 0.0)),
        run_of(14, rollouts=lambda k: term(k, 0.3, 0.0)),
        run_of(15, rollouts=lambda k: {**term(k, 0.3, 0.0), "success": 1.0}),
    ],
    "loss-zero": [
        run_of(1, log=lambda k: {"loss": 1.1e-3}),
        run_of(1, log=lambda k: {"loss": 0.0, "grad_norm": 8e-7}),
        run_of(1, log=lambda k: {"loss": 0.01}),
        run_of(1, log=lambda k: {"loss": 0.0, "grad_norm": 0.0}),
    ],
}


def cases(table):
    return [
        pytest.param(name, events, id=f"{name}-{i}")
        for name, several in table.items()
        for i, events in enumerate(several)
    ]


def test_every_rule_is_tested_for_firing_and_for_silence():
    assert list(FIRES) == list(SILENT) == list(BY_ID)


@pytest.mark.parametrize(("name", "events"), cases(FIRES))
def test_it_fires_and_is_shown(name, events):
    seen = BY_ID[name].check(History.of(events))
    assert seen is not None
    assert 0 <= seen.since <= len(events)
    assert name in [alert.id for alert in diagnose(events)]


@pytest.mark.parametrize(("name", "events"), cases(SILENT))
def test_it_is_silent(name, events):
    assert BY_ID[name].check(History.of(events)) is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_what_its_alert_needs(rule):
    assert rule.why.endswith(".")
    assert ". " not in rule.why  # one sentence: an alert has three
    assert all(remedy[-1] not in ".!" for remedy in rule.remedies)
    assert rule.lesson in LESSONS
    assert inspect.getdoc(rule.check)
    assert rule.id not in rule.hides
    assert set(rule.hides) <= set(BY_ID)


def test_thresholds_are_those_of_the_check():
    assert BY_ID["turn-limit"].thresholds == {
        "share": 0.8,
        "success": 0.2,
        "rollouts": 5,
    }


def test_rules_stand_in_the_order_of_severity():
    order = [list(Severity).index(rule.severity) for rule in RULES]
    assert order == sorted(order)
