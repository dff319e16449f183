"""The checklist of lesson 11: what an experiment lacks to be fair."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from toolkit.environments.base import Task
from toolkit.experiments.preset import Preset, load_preset
from toolkit.experiments.tables import count
from toolkit.training.plan import make_curriculum
from toolkit.training.settings import make_config

_PLAIN = (None, "shuffled", {"name": "shuffled"})
"""Ways to say that an arm has no curriculum."""
_GAMES = {"curriculum", "env", "n_tasks"}
"""Settings in which arms may differ: they say what is played."""


def read_recipe(given: Mapping[str, Any]) -> Preset:
    """Read an experiment as the command line does, and try the settings of its arms.

    Args:
        given: What would stand in the YAML file.

    Raises:
        ConfigError: If the toolkit would refuse it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.yaml"
        path.write_text(yaml.safe_dump(given), encoding="utf-8")
        preset = load_preset(path)
    for arm in preset.arms.values():
        config = make_config(**arm.settings)
        game = Task(env=config.env, seed=0, split="train")
        make_curriculum(config.curriculum or "shuffled", [game])
    return preset


def missing_in(preset: Preset, easy: str, hard: str) -> str:
    """Return what an experiment lacks, the first thing of the checklist.

    Args:
        preset: Asks whether the easier world first helps in the harder one.
        easy: Id of the easier world.
        hard: Id of the harder one.
    """
    arms = [arm.settings for arm in preset.arms.values()]
    alone = [how.get("env") for how in arms if how.get("curriculum") in _PLAIN]
    staged = [how for how in arms if "stages" in (how.get("curriculum") or "")]
    orders = [[s.get("env") for s in how["curriculum"]["stages"]] for how in staged]
    differ = ", ".join(_differing(arms))
    exams = [(exam.env, exam.split) for exam in preset.exams.values()]
    worlds = {*alone, *(world for order in orders for world in order)}
    questions = [
        (hard in worlds or not worlds - {easy}, "the hard world that comes in is in no "
         "arm. Write `easy` and `hard`, not the ids of two worlds."),
        (orders, "no arm has stages. A mixture shows all worlds by turns; an order is "
         "another thing."),
        (any((o[0], o[-1]) == (easy, hard) for o in orders), "the stages do not go "
         "from the easier world to the harder one."),
        (hard in alone, "the hard world alone is missing. Without it, what is easy "
         "first compared with?"),
        (not differ, f"the arms differ in {differ}, too. What would have helped, that "
         "or the order? More steps alone may win."),
        (all(map(_arrives, staged)), "the stages before the last take the whole "
         "training. The harder world never comes."),
        ({split for _, split in exams} == {"test"}, "an exam takes place on games that "
         "training or tuning may use. Which split is nobody's?"),
        ((hard, "test") in exams, "the hard world is the one that counts, and it is "
         "not examined."),
        ((easy, "test") in exams, "whether the easy world is forgotten meanwhile, no "
         "exam looks at."),
        (len({*preset.seeds}) >= 3, f"it has {count(len({*preset.seeds}), 'seed')}. An "
         "interval over two runs is too wide to tell anything; take three."),
    ]  # fmt: skip
    return next((text for holds, text in questions if not holds), "")


def _differing(arms: list[dict[str, Any]]) -> list[str]:
    """Name the settings in which arms differ, but for the games they play."""
    names = {name for how in arms for name in how} - _GAMES
    return sorted(n for n in names if any(h.get(n) != arms[0].get(n) for h in arms))


def _arrives(how: Mapping[str, Any]) -> bool:
    """Tell whether training is long enough for the last stage to begin."""
    before_last = len(how["curriculum"]["stages"]) - 1
    batches = how["curriculum"].get("batches") or 0
    return bool(before_last * batches < how.get("max_steps", math.inf))
