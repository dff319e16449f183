"""An experiment whose numbers are made up, but look like those of a real one."""

from __future__ import annotations

import math
import random

from toolkit.statistics import wilson

EXAMS = ["w2-o3-q4", "w4-o6-q8"]
STARTS = (0.62, 0.24)
ENDS = {
    "ppo": ("PPO (credit for each token)", (0.93, 0.62)),
    "grpo": ("GRPO", (0.86, 0.48)),
    "rloo": ("RLOO", (0.84, 0.50)),
    "reinforce_pp": ("Reinforce++", (0.79, 0.41)),
    "gigpo": ("GiGPO", (0.88, 0.55)),
}
PAPER = {
    "ppo": {"w2-o3-q4": [0.15, 0.88], "w4-o6-q8": [0.01, 0.59]},
    "grpo": {"w2-o3-q4": [0.15, 0.18], "w4-o6-q8": [0.01, 0.02]},
    "rloo": {"w2-o3-q4": [0.15, 0.51], "w4-o6-q8": [0.01, 0.0]},
    "reinforce_pp": {"w2-o3-q4": [0.15, 0.18], "w4-o6-q8": [0.01, 0.0]},
}


def exam(share, n=100):
    wins = max(0, min(n, round(share * n)))
    low, high = wilson(wins, n)
    turns = round(12 - 5 * share, 2)
    return {"success": wins / n, "low": low, "high": high, "n": n, "mean_turns": turns}


def run(seed, ends):
    """Return a run that ends about at `ends`, one success for each exam."""
    rng = random.Random(f"{seed} {ends}")
    low, high = STARTS[0], ends[0]
    curve = [
        min(1, low + (high - low) * (1 - math.exp(-i / 20)) + rng.gauss(0, 0.07))
        for i in range(60)
    ]
    shares = [end + rng.gauss(0, 0.04) for end in ends]
    return {
        "seed": seed,
        "before": {e: exam(s) for e, s in zip(EXAMS, STARTS, strict=True)},
        "after": {e: exam(s) for e, s in zip(EXAMS, shares, strict=True)},
        "curve": [round(share, 3) for share in curve],
        "episodes": 1920,
        "minutes": 1.4,
        "stopped": "finished",
    }


def result(name="algorithms", seeds=(0, 1, 2)):
    """Return a finished experiment with five arms and two exams."""
    return {
        "name": name,
        "title": "Which algorithm?",
        "question": "Does it matter how the reward of an episode is shared among its "
        "turns and tokens, once everything else is equal?",
        "setting": "The pocket model plays TextWorld, 60 optimiser steps of 32 "
        "episodes. The paper trained Qwen2.5-1.5B for some thousand steps.",
        "seeds": list(seeds),
        "n": 100,
        "start": "pocket",
        "exams": EXAMS,
        "arms": {
            arm: {
                "label": label,
                "settings": {"credit": arm, "learning_rate": 7e-4},
                "runs": [run(seed, ends) for seed in seeds],
            }
            for arm, (label, ends) in ENDS.items()
        },
        "paper": PAPER,
        "paper_source": "Table 10, Qwen2.5-1.5B, one seed",
        "claims": [
            claim("PPO raises success", "ppo", "before"),
            claim("PPO beats RLOO", "ppo", "rloo"),
            claim(
                "GRPO beats PPO on the harder games", "grpo", "ppo", EXAMS[1], "gain"
            ),
            claim("GRPO beats RLOO", "grpo", "rloo"),
        ],
        "findings": [
            "Every estimator learns from the same start; in the paper two fail.",
            "The critic pays off most where episodes are long.",
        ],
        "limits": ["One small model, one family of games.", "Three seeds."],
        "made": {
            "minutes": 31.2,
            "versions": {"python": "3.11.7", "toolkit": "0.1.0", "trl": "1.16.0"},
            "command": f"toolkit experiment {name}",
        },
    }


def claim(text, better, than, on=EXAMS[0], measure="success"):
    other = than if than == "before" else [than, on]
    return {"text": text, "better": [better, on], "than": other, "measure": measure}
