"""What people get wrong by lesson: one list for checks, diagnosis and guides."""

from __future__ import annotations

from toolkit.diagnosis.rules import RULES
from toolkit.lessons.broken_runs import BROKEN
from toolkit.lessons.exercises import exercises_of

NOTHING_LEARNS = "09_nothing_learns"
"""The lesson whose broken runs are named after their causes."""


def said_by_checks(lesson: str) -> dict[str, list[str]]:
    """Return what the checks of a lesson say to wrong answers, by exercise.

    Args:
        lesson: File name of the notebook, without its ending.
    """
    found = exercises_of(lesson)
    return {name: exercise.misconceptions() for name, exercise in found.items()}


def said_by_diagnosis(lesson: str) -> dict[str, str]:
    """Return what `diagnose` says of runs, by rule, where a lesson explains it.

    Lesson 09 has all that its broken runs lead to, with the causes as they are called
    there.

    Args:
        lesson: File name of the notebook, without its ending.
    """
    if lesson != NOTHING_LEARNS:
        return {rule.id: rule.why for rule in RULES if rule.lesson == lesson}
    whys = {rule.id: rule.why for rule in RULES}
    return {
        alert: f"{run.cause[:1].upper()}{run.cause[1:]}: {whys[alert]}"
        for run in BROKEN.values()
        for alert in run.alerts
    }
