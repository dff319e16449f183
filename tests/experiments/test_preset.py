"""Every file of experiments/ loads, and what is wrong in one is named."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from toolkit.errors import ConfigError
from toolkit.experiments.preset import Start, load_preset, preset_path
from toolkit.experiments.runner import Job
from toolkit.training.budget import Budget
from toolkit.training.settings import read_config

FOLDER = Path(__file__).parents[2] / "experiments"
SETTINGS = {"quickstart", "alfworld_cpu"}  # of `toolkit train`, and no experiments
PRESETS = sorted(p for p in FOLDER.glob("*.yaml") if p.stem not in SETTINGS)
SCALES = sorted((FOLDER / "scales").glob("*.yaml"))
SMALL = {
    "title": "Which?",
    "question": "One or the other.",
    "setting": "Small.",
    "exams": {"houses": {"env": "textworld/w2-o3-q4"}},
    "settings": {"env": "textworld/w2-o3-q4", "max_steps": 3},
    "arms": {"a": {"credit": "grpo"}, "b": {"label": "B", "credit": "rloo"}},
}


def written(folder, **changes):
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}))
    return path


@pytest.mark.parametrize("path", PRESETS, ids=lambda p: p.stem)
@pytest.mark.parametrize("scale", [None, *SCALES], ids=lambda p: getattr(p, "stem", ""))
def test_an_experiment_loads_and_all_its_settings_are_known(path, scale, tmp_path):
    preset = load_preset(path, scale)
    assert preset.title.endswith("?")
    assert preset.limits, "say what it cannot show"
    assert len(preset.seeds) >= 3
    for arm in preset.arms.values():
        job = Job(arm=arm, seed=0, out=tmp_path)
        assert (job.episodes > 0) == (job.steps > 0)
        assert not job.is_done


def test_every_arm_of_the_budget_spends_all_of_it(tmp_path):
    for arm in load_preset(FOLDER / "budget.yaml").arms.values():
        shown = arm.start.demonstrations
        split = Budget().split(Fraction(10 * shown, 1000))
        assert split.demonstrations == shown
        assert Job(arm=arm, seed=0, out=tmp_path).episodes == split.episodes


def test_household_tasks_are_trained_alone_as_in_the_experiment():
    path = FOLDER / "alfworld_cpu.yaml"
    settings = yaml.safe_load(path.read_text())
    arm = load_preset(FOLDER / "alfworld.yaml").arms["six"]
    assert settings.pop("policy") == arm.start.policy
    assert settings.pop("output_dir").startswith("runs/")
    assert settings == arm.settings
    assert read_config(path).learning_rate == arm.settings["learning_rate"]


def test_arms_share_settings_and_differ_in_what_is_their_own(tmp_path):
    preset = load_preset(written(tmp_path))
    a, b = preset.arms.values()
    assert (a.label, b.label) == ("a", "B")
    assert a.settings == {**SMALL["settings"], "credit": "grpo"}
    assert b.differs == {"credit": "rloo"}


def test_a_start_is_a_name_or_says_what_is_shown_first(tmp_path):
    shown = {"demonstrations": 5, "env": "textworld/w2-o3-q4"}
    arms = {"a": {}, "b": {"start": shown}}
    preset = load_preset(written(tmp_path, start="mine", arms=arms))
    assert preset.arms["a"].start == Start(policy="mine")
    assert preset.arms["b"].start == Start(policy="mine", **shown)


def test_equal_arms_share_a_folder_whatever_they_are_called(tmp_path):
    preset = load_preset(written(tmp_path))
    a, b = (Job(arm=arm, seed=0, out=tmp_path) for arm in preset.arms.values())
    same = load_preset(written(tmp_path, arms={"c": {"credit": "grpo"}}))
    again = Job(arm=same.arms["c"], seed=0, out=tmp_path)
    assert again.folder == a.folder != b.folder
    assert Job(arm=same.arms["c"], seed=1, out=tmp_path).folder != a.folder


def test_a_scale_replaces_start_and_settings(tmp_path):
    scale = tmp_path / "large.yaml"
    own = {"small": {"arms": {"b": {"max_steps": 7}}}}
    facts = {
        **{"start": "big", "settings": {"max_steps": 9}, "presets": own},
        **{"seeds": [4], "worlds": {"w2-o3-q4": "w4-o6-q8"}},
    }
    scale.write_text(yaml.safe_dump(facts))
    preset = load_preset(written(tmp_path), scale)
    assert preset.name == "small-large"
    assert preset.seeds == (4,)
    assert [a.settings["max_steps"] for a in preset.arms.values()] == [9, 7]
    assert {a.start.policy for a in preset.arms.values()} == {"big"}
    assert {a.settings["env"] for a in preset.arms.values()} == {"textworld/w4-o6-q8"}
    assert preset.exams["houses"].env == "textworld/w4-o6-q8"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": {}}, "no arms"),
        ({"arms": ["grpo", "rloo"]}, "must be a mapping"),
        ({"seeds": 3}, "must be a list"),
        ({"exams": {}}, "no exams"),
        ({"titl": "?"}, "'titl'"),
        ({"title": None, "start": {"plicy": "x"}}, "'plicy'.*\n.*\n.*policy"),
        ({"exams": {"x": {"params": {}}}}, "exam 'x' is incomplete"),
        ({"paper": {"c": {"houses": [0, 1]}}}, "arm 'c'"),
        ({"claims": [{"text": "", "better": ["a", "x"], "than": "before"}]}, "'x'"),
        ({"claims": [{"text": "", "better": ["a", "houses"]}]}, "claim"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        load_preset(written(tmp_path, **changes))


def test_what_is_measured_must_be_known(tmp_path):
    assert load_preset(written(tmp_path)).measure == "success"
    with pytest.raises(ConfigError, match=r"'point'[\s\S]*points"):
        load_preset(written(tmp_path, measure="point"))


def test_an_unknown_experiment_is_answered_with_those_there_are(monkeypatch):
    monkeypatch.chdir(FOLDER.parent)
    with pytest.raises(ConfigError, match="algorithms") as caught:
        preset_path("algorithmz")
    assert "Did you mean" in str(caught.value)


def test_a_file_that_is_no_experiment(tmp_path):
    for text in ("- 1\n", "a: [\n"):
        (tmp_path / "x.yaml").write_text(text)
        with pytest.raises(ConfigError, match=r"x\.yaml"):
            load_preset(tmp_path / "x.yaml")


@pytest.mark.parametrize(
    "path", sorted((FOLDER / "results").glob("*.json")), ids=lambda p: p.stem
)
def test_published_results_say_what_their_preset_says(path):
    preset = load_preset(FOLDER / f"{path.stem}.yaml")
    published = json.loads(path.read_text())
    assert published["findings"], "run `toolkit experiment` again after looking"
    for key in ("title", "setting", "seeds", "claims", "findings", "limits"):
        told = getattr(preset, key)
        assert published[key] == (told if isinstance(told, str) else list(told)), key
