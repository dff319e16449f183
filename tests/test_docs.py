"""The site of `make docs` names all that there is, and quotes what the code says."""

import ast
import doctest
import functools
import importlib.util
import re
from pathlib import Path

import pytest

import toolkit

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDES = (ROOT / "tutorials" / "guides").glob("*.md")
PAGES = [*DOCS.rglob("*.md"), *GUIDES]
TREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.M | re.S)
FILES = re.compile(r"(?<!!)\]\((?!https?:|#)([^)#]+)|!\[[^]]*\]\(([^)]+)\)")
QUOTED = re.compile(r"^### `(.*)`$", re.M)
IMPORTS = re.compile(r"^(?:# )?(?:>>> )?from (toolkit\.[\w.]+) import", re.M)
TEACHES = [
    *(ROOT / "notebooks").glob("*.py"),
    *(ROOT / "tutorials" / "src").glob("*.py"),
    *(DOCS / "environments").glob("*.md"),
    ROOT / "README.md",
]


@functools.cache
def in_the_tree() -> set[Path]:
    """Return what the trees of contents name, from the start page down."""
    found, new = set(), {DOCS / "index.md"}
    while new:
        found |= new
        new = {path for page in new if page.suffix == ".md" for path in below(page)}
        new -= found
    return found


def below(page):
    for tree in TREE.findall(page.read_text()):
        for line in tree.splitlines():
            if line and not line.startswith(":"):
                name = re.sub(r".*<(.*)>", r"\1", line)
                folder = ROOT if name.startswith("/") else page.parent
                for end in (".md", ".ipynb"):
                    yield from folder.glob(name.lstrip("/") + end)


@pytest.mark.parametrize(
    "files",
    [
        *("notebooks/*.ipynb", "tutorials/*.ipynb", "tutorials/solutions/*.ipynb"),
        *("tutorials/guides/*.md", "docs/**/*.md"),
    ],
)
def test_every_page_is_in_the_tree(files):
    wanted = set(ROOT.glob(files))
    assert wanted
    assert wanted - in_the_tree() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_and_pictures_lead_somewhere(page):
    targets = [a or b for a, b in FILES.findall(page.read_text())]
    folder = {True: ROOT, False: page.parent}
    paths = [(folder[t[0] == "/"] / t.lstrip("/")).resolve() for t in targets]
    assert [path for path in paths if not path.is_file()] == []
    pages = {path for path in paths if path.suffix in (".md", ".ipynb")}
    assert pages - in_the_tree() == set()


def test_parts_exist():
    named = re.compile(r"^```\{part\} (\S+)\n(?::section: (.*)\n)?", re.M)
    parts = [p for page in PAGES for p in named.findall(page.read_text())]
    assert len(parts) > 5
    for name, section in parts:
        assert not section or f"\n## {section}\n" in (ROOT / name).read_text()


@pytest.mark.parametrize("path", TEACHES, ids=lambda path: path.stem)
def test_what_is_taught_is_in_the_reference(path):
    taught = set(IMPORTS.findall(path.read_text()))
    packages = {n for n in taught if (ROOT / n.replace(".", "/")).is_dir()}
    assert taught - packages - documented() == set()


def test_public_names_are_in_the_reference():
    listed = re.findall(
        r"^   ~(\S+)\.(\w+)$", (DOCS / "api/index.md").read_text(), re.M
    )
    assert sorted(name for _, name in listed) == sorted(toolkit._HOME)
    for module, name in listed:
        path = ROOT / module.replace(".", "/")
        assert module in documented()
        assert re.search(
            rf"^(def|class) {name}\b", path.with_suffix(".py").read_text(), re.M
        )


def test_messages_are_those_of_the_code():
    said = "\n".join(texts(path) for path in (ROOT / "toolkit").rglob("*.py"))
    said += texts(ROOT / "tests/browser/chromium.py") + (ROOT / "Makefile").read_text()
    quoted = QUOTED.findall((DOCS / "troubleshooting.md").read_text())
    assert len(quoted) > 20
    parts = [part.strip() for message in quoted for part in message.split("…")]
    assert [part for part in parts if part not in said] == []


def test_docstrings_are_translated():
    path = DOCS / "docstrings.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result = doctest.testmod(module)
    assert (result.attempted, result.failed) == (2, 0)


def documented():
    text = "".join(p.read_text() for p in DOCS.glob("api/*.md"))
    return set(re.findall(r"automodule:: (\S+)", text))


def texts(path):
    """Return all texts of a module, a line each; what differs each time is left out."""
    nodes = ast.walk(ast.parse(path.read_text()))
    values = (node.value for node in nodes if isinstance(node, ast.Constant))
    return "\n".join(value for value in values if isinstance(value, str))
