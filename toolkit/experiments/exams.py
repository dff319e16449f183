"""Exams: held-out games that a policy plays, and what is kept of them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.environments.base import make_env
from toolkit.experiments.preset import Exam, Preset

if TYPE_CHECKING:
    from toolkit.episodes.record import Episode
    from toolkit.policies.models import ModelPolicy
    from toolkit.rewards.agreement import Rate

KEPT = ("success", "low", "high", "n", "wins", "broken", "mean_turns", "points")
"""What is kept of an evaluation."""


def key(facts: Any) -> str:
    """Return a short name for everything that determines something."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def exam_path(folder: Path, exam: Exam) -> Path:
    """Return the file of an exam, named after everything that determines it."""
    facts = {k: v for k, v in asdict(exam).items() if k != "optional"}
    if exam.split == "test":  # as it was before an exam could name its split
        del facts["split"]
    if not exam.judges:  # as it was before an exam could have judges
        del facts["judges"]
    return folder / "exams" / f"{exam.env.rpartition('/')[2]}-{key(facts)}.json"


def take(
    exam: Exam, load: Callable[[], ModelPolicy], *, seed: int, live: int
) -> dict[str, Any]:
    """Let a policy sit an exam.

    Args:
        exam: What is played.
        load: Returns the policy.
        seed: Of its play.
        live: Episodes at the same time.

    Returns:
        What is kept of it, JSON-ready.
    """
    from toolkit.evaluation import evaluate

    policy, env = load(), make_env(exam.env, **exam.params)
    began = time.monotonic()
    found = evaluate(
        *(policy, env, exam.games),
        greedy=exam.greedy,
        samples=exam.samples,
        seed=seed,
        live=live,
        progress=False,
    )
    kept = {name: getattr(found, name) for name in KEPT}
    facts = {"exam": asdict(exam), "seconds": time.monotonic() - began, **kept}
    if exam.judges:
        first = [episode for episode in found.episodes if episode.sample == 0]
        facts["judges"] = {
            name: _compared(how, first) for name, how in exam.judges.items()
        }
    return facts


def exam_results(preset: Preset, folder: Path) -> dict[str, dict[str, Any]]:
    """Return what an experiment stores of the exams that a policy has sat."""
    found = {}
    for name, exam in preset.exams.items():
        if (path := exam_path(folder, exam)).is_file():
            facts = json.loads(path.read_text(encoding="utf-8"))
            found[name] = {k: round(facts[k], 4) for k in KEPT if k in facts}
            if exam.judges:
                found[name]["judges"] = facts["judges"]
    return found


def _compared(how: Any, episodes: Sequence[Episode]) -> dict[str, Any]:
    """Return how far a judge is right about episodes, and what it pays on average."""
    from toolkit.rewards import agreement, get_reward

    mix = get_reward(how["reward"])
    found = agreement(
        mix, "success", episodes, threshold=float(how.get("threshold", 0.5))
    )
    paid = mix.score(episodes, mask=True).sound().returns
    return {
        "n": len(paid),
        "paid": round(float(paid.mean()), 4),
        "accuracy": _value(found.accuracy),
        "auc": _value(found.auc),
        "lost_as_won": found.lost_as_won,
        "lost": found.lost_as_won + found.lost_as_lost,
        "won_as_lost": found.won_as_lost,
        "won": found.won_as_lost + found.won_as_won,
    }


def _value(rate: Rate | None) -> float | None:
    return None if rate is None else round(rate.value, 4)
