import json
import os
from importlib import metadata
from importlib.util import find_spec

import pytest
from packaging.requirements import Requirement

from toolkit import cli, doctor
from toolkit.doctor import Check, check_extra, check_package
from toolkit.sandbox import Level, detect_level


@pytest.fixture(scope="module")
def checks():
    return {c.name: c for c in doctor.inspect()}


@pytest.mark.slow  # imports the whole core
def test_this_installation_works(checks):
    broken = [c for c in checks.values() if c.state == "broken"]
    assert broken == []
    assert doctor.works(checks.values())


def test_the_versions_in_use_are_named(checks):
    for name in ("trl", "transformers", "peft", "datasets", "textworld"):
        assert checks[name].value.startswith(metadata.version(name))
    assert "1.16" in checks["trl"].value
    assert checks["ipykernel"].value == metadata.version("ipykernel")


def test_the_choices_are_explained(checks):
    import torch

    assert checks["device"].value.startswith(("cpu", "cuda", "mps"))
    assert checks["precision"].value.startswith(("bf16: ", "fp16: ", "fp32: "))
    assert checks["threads"].value.startswith(f"{torch.get_num_threads()} of ")
    assert torch.__version__ in checks["torch build"].value


def test_every_extra_has_its_command(checks):
    extras = {n.removeprefix("extra "): c for n, c in checks.items() if "extra " in n}
    assert set(extras) >= {"alfworld", "colab", "dev", "games", "swe", "vllm"}
    assert extras["swe"].value == "installed"  # pytest runs this
    for name, check in extras.items():
        assert check.state == "ok" or f"[{name}]" in check.fix


def test_the_sandbox_is_named(checks):
    check = checks["sandbox"]
    assert check.value.startswith(detect_level().label)
    assert (check.state == "ok") is detect_level().isolated


def test_without_a_sandbox_it_is_said_how_to_get_one(monkeypatch):
    monkeypatch.setattr(doctor, "detect_level", lambda: Level.LIMITS)
    monkeypatch.setattr(doctor, "missing", lambda level: f"no {level.value}.")
    check = doctor._sandbox()
    assert check.state == "missing"
    assert check.value.startswith("limits (trusted code only); bubblewrap: no bubble")
    assert "apt-get install bubblewrap" in check.fix


def test_the_cache_folder_is_named(checks):
    assert os.environ["TOOLKIT_CACHE"] in checks["cache"].value
    assert "GiB free" in checks["cache"].value


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "file" / "cache"))
    check = doctor._cache()
    assert check.state == "broken"
    assert "TOOLKIT_CACHE" in check.fix


@pytest.mark.parametrize(
    ("requirement", "value", "fix"),
    [
        ("no-such-thing>=1", "not installed", 'pip install "no-such-thing>=1"'),
        ("pytest<2", "(range <2)", 'pip install "pytest<2"'),
    ],
)
def test_a_wrong_package_breaks_the_core(requirement, value, fix):
    check = check_package(Requirement(requirement))
    assert (check.state, check.fix) == ("broken", fix)
    assert value in check.value


def test_a_package_that_cannot_be_imported(tmp_path, monkeypatch):
    (tmp_path / "damaged.py").write_text("raise RuntimeError('half an upgrade')")
    info = tmp_path / "damaged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: damaged\nVersion: 1.0")
    monkeypatch.syspath_prepend(tmp_path)
    check = check_package(Requirement("damaged>=1"))
    assert check.state == "broken"
    assert "RuntimeError: half an upgrade" in check.value


def test_an_extra_lists_what_it_lacks():
    wanted = [Requirement("pytest>=1"), Requirement("no-such-thing"), Requirement("z")]
    check = check_extra("zoo", wanted)
    assert check.value == "lacks no-such-thing, z"
    assert check.state == "missing"
    assert check.fix == 'pip install "multiturn-rl-toolkit[zoo]"'


def test_an_extra_of_an_extra_is_looked_into():
    check = check_extra("vllm", [Requirement("trl[vllm]>=1.16")])
    assert ("vllm" in check.value) is (find_spec("vllm") is None)


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("missing", 0), ("broken", 1)])
def test_exit_code_and_json(state, code, monkeypatch, capsys):
    found = [Check(name="trl", value="1.16.0", state=state, fix="mend it")]
    monkeypatch.setattr(doctor, "inspect", lambda: found)
    assert cli.main(["doctor", "--json"]) == code
    report = json.loads(capsys.readouterr().out)
    assert report["works"] is (code == 0)
    assert report["checks"][0] == {
        "name": "trl", "value": "1.16.0", "state": state, "fix": "mend it",
    }  # fmt: skip
    assert cli.main(["doctor"]) == code
    assert "trl  1.16.0" in capsys.readouterr().out
