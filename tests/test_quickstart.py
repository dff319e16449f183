"""The quickstart, played for real but cut short."""

import json
from pathlib import Path

import pytest
import yaml

from toolkit.errors import ConfigError
from toolkit.quickstart import SETTINGS, TRAINING_GAMES, WORLD, WORLD_PARAMS, quickstart

ROOT = Path(__file__).parent.parent


def test_time_must_be_positive():
    with pytest.raises(ConfigError, match="above zero"):
        quickstart(minutes=0)


def test_the_yaml_file_says_the_same():
    text = (ROOT / "experiments" / "quickstart.yaml").read_text()
    said = yaml.safe_load(text)
    ours = {k: v for k, v in SETTINGS.items() if k != "save_strategy"}
    assert {k: said[k] for k in ours} == ours
    assert (said["env"], said["env_params"]) == (WORLD, WORLD_PARAMS)
    assert said["n_tasks"] == TRAINING_GAMES


@pytest.mark.slow
def test_it_runs_to_the_report_however_short_the_time(tmp_path):
    page = quickstart(minutes=0.01, out=tmp_path / "run")
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert {"before", "after", "minutes", "episodes", "seed", "versions"} <= set(report)
    for moment in ("before", "after"):
        assert report[moment]["n"] == 100
        assert 0 <= report[moment]["low"] <= report[moment]["high"] <= 1
    # the shipped model walks but does not search: room to learn, and something to
    # learn from
    assert 0.15 <= report["before"]["success"] <= 0.65
    # on the paper's games it was taught by an expert
    papers = report["all"]["paper's games, greedy"]["before"]
    assert papers["success"] >= 0.2
    # a step is always played, and after three seconds time was up
    assert report["episodes"] in range(32, 10 * 32, 32)
