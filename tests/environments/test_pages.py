"""The pages in docs/environments say what the code does."""

import doctest
import inspect
import itertools
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.environments.swe_gym.conftest import forget
from tests.environments.swe_gym.tiny_tasks import make_tasks, write_rows
from toolkit.environments import countdown_games, splits, textworld
from toolkit.environments.alfworld import sources
from toolkit.environments.base import env_class, make_env, tasks
from toolkit.environments.ids import FAMILIES
from toolkit.environments.swe.environment import _numbered
from toolkit.environments.swe_choice.environment import _numbered as _all_choices

FOLDER = Path(__file__).parents[2] / "docs" / "environments"
PAGES = sorted(FOLDER.glob("*.md"), key=lambda path: path.stem)
SECTIONS = [
    "Description",
    "Action Space",
    "Observation Space",
    "Starting State",
    "Rewards",
    "Episode End",
    "Information",
    "Arguments",
    "Version History",
]
"""Headings of Gymnasium's template."""
SWE_SEEDS = {
    split: [seed for seed in _numbered(None) if seed in seeds]
    for split, seeds in splits.SPLIT_SEEDS.items()
}
CHOICE_SEEDS = {
    split: [seed for seed in _all_choices() if seed in seeds]
    for split, seeds in splits.SPLIT_SEEDS.items()
}
SPLITS = {
    "swe-choice": (CHOICE_SEEDS, {}),
    "swe": (SWE_SEEDS, {}),
    "alfworld": (sources.SEEDS, sources.DEFAULT_SIZES),
    "countdown": (splits.SPLIT_SEEDS, splits.DEFAULT_SIZES),
    "reasoning-gym": (splits.SPLIT_SEEDS, splits.DEFAULT_SIZES),
    "textarena": (splits.SPLIT_SEEDS, splits.DEFAULT_SIZES),
    "textworld": (textworld.SPLIT_SEEDS, textworld.DEFAULT_SIZES),
}

DOORS = {"gymnasium", "openenv"}
"""Families of worlds that are not ours to list; see docs/doors.md."""
NO_SEEDS = {"swe-gym"}
"""Families whose tasks are rows of a data set, so that splits have no seeds."""
PACKAGE = {
    "alfworld": "alfworld",
    "reasoning-gym": "reasoning_gym",
    "swe": "pytest",
    "textarena": "textarena",
}
"""What worlds of others are made of; without it their page is skipped."""


def needing_its_package(page):
    package = PACKAGE.get(page.stem, "toolkit")
    missing = pytest.mark.skipif(not find_spec(package), reason=f"needs {package}")
    return pytest.param(page, id=page.stem, marks=missing)


every_page = pytest.mark.parametrize("page", [*map(needing_its_package, PAGES)])


@pytest.fixture(autouse=True)
def _small_data_set(request, tmp_path_factory, monkeypatch):
    """Give the page of SWE-Gym five tasks in a file and an engine to play them."""
    if "swe-gym" not in request.node.name:
        yield
        return
    folder = tmp_path_factory.mktemp("swe-gym")
    engine, rows = make_tasks(folder)
    write_rows(folder / "tasks.jsonl", rows)
    monkeypatch.chdir(folder)
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    forget()
    yield
    forget()
    engine.end()


@pytest.fixture(autouse=True)
def _generated_games(monkeypatch):
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)


def rows(page, section):
    """Return the rows of the first table of a section, headings left out."""
    text = re.split(rf"^## {section}\n", page.read_text(), flags=re.M)[1]
    lines = itertools.dropwhile(lambda line: line[:1] != "|", text.splitlines())
    table = itertools.takewhile(lambda line: line[:1] == "|", lines)
    return [line.strip("| ").split(" | ") for line in table][2:]


def ids_in(page):
    found = re.findall(rf"[\"`]({page.stem}/[^\"`]+)[\"`]", page.read_text())
    return [name for name in dict.fromkeys(found) if not re.search("[A-Z]{2}", name)]


def test_every_environment_has_a_page():
    assert [page.stem for page in PAGES] == sorted(FAMILIES.keys() - DOORS)


@every_page
def test_sections_are_those_of_the_template(page):
    assert re.findall(r"^## (.*)$", page.read_text(), flags=re.M) == SECTIONS


@every_page
def test_examples_run(page):
    text = re.sub(r"^```.*$", "", page.read_text(), flags=re.M)
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    report = []
    result = doctest.DocTestRunner(optionflags=flags).run(test, out=report.append)
    assert result.attempted > 5
    assert not report, "".join(report)


@every_page
def test_ids_exist(page):
    assert len(ids_in(page)) >= 3
    for name in ids_in(page):
        make_env(name).close()


@every_page
def test_arguments_are_those_of_the_code(page):
    parameters = inspect.signature(env_class(page.stem)).parameters.values()
    wanted = [[f"`{p.name}`", f"`{p.default!r}`"] for p in parameters][1:]
    assert [row[:2] for row in rows(page, "Arguments")] == wanted
    assert all(
        f"{row[0].strip('`')}: " in env_class(page.stem).__doc__ for row in wanted
    )


@every_page
def test_facts_are_those_of_the_code(page):
    told = {name for row in rows(page, "Information") for name in ticked(row[0])}
    name = ids_in(page)[0]
    known = inspect.signature(env_class(page.stem)).parameters
    asked = {"admissible", "expert", "progress"} & set(known)
    env = make_env(name, **dict.fromkeys(asked, True))
    task = tasks(name, split="test", n=1)[0]
    _, info = env.reset(options={"task": task})
    assert told == set(info)
    assert told == set(env.step((info["expert"] or ["look"])[0])[4])


@pytest.mark.parametrize(
    "page", [needing_its_package(page) for page in PAGES if page.stem not in NO_SEEDS]
)
def test_splits_are_those_of_the_code(page):
    seeds, sizes = SPLITS[page.stem]
    wanted = [
        [f"`{s}`", f"{r[0]} to {r[-1]}", f"{sizes.get(s, len(r))}"]
        for s, r in seeds.items()
    ]
    assert rows(page, "Starting State") == wanted


@every_page
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!http)([^)]+)\)", page.read_text())
    assert links
    assert all((page.parent / link).is_file() for link in links)


def test_levels_of_countdown_are_those_of_the_code():
    wanted = [
        [f"`{name}`", f"1 to {largest}", f"1 to {top}", f"`{' '.join(operations)}`"]
        for name, (largest, operations, top) in countdown_games.LEVELS.items()
    ]
    page = FOLDER / "countdown.md"
    assert rows(page, "Description") == wanted


def ticked(text):
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.skipif(not find_spec("websockets"), reason="needs the extra games")
def test_examples_of_the_doors_run():
    page = FOLDER.parent / "doors.md"
    text = re.sub(r"^```.*$", "", page.read_text(), flags=re.M)
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    report = []
    result = doctest.DocTestRunner().run(test, out=report.append)
    assert result.attempted > 15
    assert not report, "".join(report)
    for link in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text()):
        assert (page.parent / link).is_file()
