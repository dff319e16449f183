"""The pages in docs/environments say what the code does."""

import doctest
import inspect
import itertools
import re
from pathlib import Path

import pytest

from toolkit.environments import countdown, countdown_games, textworld
from toolkit.environments.alfworld import sources
from toolkit.environments.base import _FAMILIES, env_class, make_env, tasks

FOLDER = Path(__file__).parents[2] / "docs" / "environments"
PAGES = sorted(FOLDER.glob("*.md"))
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
SPLITS = {
    "alfworld": (sources.SEEDS, sources.DEFAULT_SIZES),
    "countdown": (countdown_games.SPLIT_SEEDS, countdown.DEFAULT_SIZES),
    "textworld": (textworld.SPLIT_SEEDS, textworld.DEFAULT_SIZES),
}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


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
    assert [page.stem for page in PAGES] == sorted(_FAMILIES)


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
    env = make_env(name, admissible=True, expert=True, progress=True)
    task = tasks(name, split="test", n=1)[0]
    _, info = env.reset(options={"task": task})
    assert told == set(info)
    assert told == set(env.step(info["expert"][0])[4])


@every_page
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
