import ast
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import toolkit
import toolkit.widgets

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FOLDERS = ("benchmarks", "docs", "notebooks", "tests", "toolkit", "tutorials")
SOURCES = sorted(p for f in FOLDERS for p in (ROOT / f).rglob("*.py"))
APPLE = {"sys_platform": "darwin", "platform_machine": "arm64"}


def python(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


def requirements(*extras: str) -> list[Requirement]:
    options = PROJECT["optional-dependencies"]
    lines = [*PROJECT["dependencies"], *(r for e in extras for r in options[e])]
    return [Requirement(line) for line in lines]


def applies(requirement: Requirement, **platform: str) -> bool:
    environment = {**default_environment(), **platform}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def test_import_takes_less_than_300_ms():
    code = (
        "import time; start = time.process_time(); import toolkit;"
        "print(time.process_time() - start)"  # other processes do not count
    )
    assert min(float(python(code)) for _ in range(5)) < 0.3


def test_import_loads_nothing_heavy():
    code = "import sys, toolkit, toolkit.cli; print(*sys.modules)"
    heavy = {"gymnasium", "numpy", "textworld", "torch", "transformers", "trl"}
    assert not heavy & set(python(code).split())


@pytest.mark.parametrize("package", [toolkit, toolkit.widgets])
def test_public_names_resolve_and_are_documented(package):
    assert [n for n in package.__all__ if not getattr(package, n).__doc__] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        package.nothing  # noqa: B018  (the access is the test)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_are_short(path):
    text = path.read_text()
    lines, longest = text.splitlines(), 60
    if path.parent in (ROOT / "notebooks", ROOT / "tutorials" / "src"):
        # their prose stands in comments
        lines, longest = [x for x in lines if x and not x.startswith("#")], 15
    assert len(lines) <= 400
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, functions) and node.end_lineno - node.lineno >= longest
    ]
    assert long == []


@pytest.mark.parametrize("platform", [{}, APPLE], ids=["here", "apple-silicon"])
def test_constraints_satisfy_every_dependency(platform):
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(x) for x in lines if x and not x.startswith("#")]
    tested = {
        canonicalize_name(p.name): str(p.specifier).removeprefix("==")
        for p in pins
        if applies(p, **platform)
    }
    wrong = [
        str(r)
        for r in requirements("dev", "alfworld", "docs", "games", "smollm2")
        if applies(r, **platform)
        and not r.specifier.contains(tested.get(canonicalize_name(r.name), "0"))
    ]
    assert wrong == []


def test_colab_keeps_its_own_torch_numpy_and_widgets():
    colab = {"torch": "2.6.0", "numpy": "2.0.2", "ipywidgets": "7.7.1"}
    wanted = requirements("colab")
    for r in wanted:
        assert r.name not in colab or r.specifier.contains(colab[r.name]), r
    assert not {"ipykernel", "pillow"} & {r.name for r in wanted}


@pytest.mark.slow
def test_a_wheel_brings_the_experiments_along(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", tmp_path], cwd=ROOT, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    code = (
        "from toolkit.experiments.preset import load_preset\n"
        "from toolkit.lessons.show import here_or_above\n"
        "print(here_or_above('experiments/results/algorithms.json').resolve())\n"
        "print(load_preset('curriculum', 'qwen2.5-0.5b').title)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "installed")},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assets = tmp_path / "installed" / "toolkit" / "assets"
    assert found[0] == str(assets / "experiments" / "results" / "algorithms.json")
    assert found[1].endswith("?")


def test_version_is_the_same_everywhere():
    assert f"\nversion: {toolkit.__version__}\n" in (ROOT / "CITATION.cff").read_text()
