import dataclasses
from pathlib import Path

import pytest

from tests.environments.swe.conftest import make_calc
from toolkit.environments.swe import repositories as module
from toolkit.environments.swe.repositories import (
    REPOSITORIES,
    Repository,
    fetch,
    get_repository,
    register_repository,
)
from toolkit.errors import RepositoryError


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """Forget what a test registers."""
    monkeypatch.setattr(module, "_KNOWN", dict(module._KNOWN))


def write(folder, *files):
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return f"folder:{folder}"


def test_those_of_the_index_are_pinned_and_licensed():
    assert len({r.name for r in REPOSITORIES}) == len(REPOSITORIES) == 9
    for repository in REPOSITORIES:
        assert repository.version
        assert len(repository.sha256) == 64
        assert repository.licence in {"MIT", "BSD-3-Clause"}
        assert repository.licence_file
        assert get_repository(repository.name) is repository


def test_what_the_index_gives_fits_its_description(inflection):
    assert inflection.source_files() == ["inflection/__init__.py"]
    assert "MIT" in (inflection.root / inflection.licence_file).read_text() or (
        "Permission is hereby granted" in (inflection.root / "LICENSE").read_text()
    )
    assert all((inflection.root / test).exists() for test in inflection.tests)
    assert [*fetch(["inflection"])] == [inflection]


def test_a_name_that_is_not_known():
    with pytest.raises(RepositoryError, match="Did you mean 'boltons'"):
        get_repository("bolton")


def test_registering_takes_one_line(tmp_path):
    own = Repository(name="own", folder=tmp_path, sources=("a.py",), tests=("t.py",))
    register_repository(own)
    assert get_repository("own") is own
    assert own.root == tmp_path


@pytest.mark.parametrize(
    ("files", "sources", "tests", "path"),
    [
        (["calc.py", "tests/test_calc.py"], ["calc.py"], ["tests"], ["."]),
        (["calc.py", "test_calc.py"], ["calc.py"], ["test_calc.py"], ["."]),
        (["pkg/__init__.py", "test/t.py", "setup.py"], ["pkg"], ["test"], ["."]),
        (["src/pkg/__init__.py", "tests/t.py"], ["src/pkg"], ["tests"], ["src"]),
        (["pkg/__init__.py", "pkg/tests/t.py"], ["pkg"], ["pkg/tests"], ["."]),
        (["pkg/__init__.py", "tests/__init__.py"], ["pkg"], ["tests"], ["."]),
    ],
)
def test_a_folder_is_looked_through(tmp_path, files, sources, tests, path):
    found = get_repository(write(tmp_path, *files))
    assert [*found.sources] == sources
    assert [*found.tests] == tests
    assert [*found.path] == path
    assert found.root == tmp_path


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["calc.py"], "No tests"),
        (["tests/test_calc.py"], "No code"),
        ([], "No code"),
    ],
)
def test_a_folder_without_what_is_needed(tmp_path, files, message):
    with pytest.raises(RepositoryError, match=message):
        get_repository(write(tmp_path, *files))


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(RepositoryError, match="no folder"):
        get_repository(f"folder:{tmp_path / 'nothing'}")


def test_tests_get_no_bugs(tmp_path):
    name = write(
        tmp_path,
        *("pkg/__init__.py", "pkg/a.py", "pkg/test_a.py", "pkg/a_test.py"),
        *("pkg/tests/help.py", "pkg/conftest.py", "pkg/sub/b.py", "pkg/data.txt"),
    )
    (tmp_path / "pkg" / "link.py").symlink_to("/etc/passwd")
    files = get_repository(name).source_files()
    assert files == ["pkg/__init__.py", "pkg/a.py", "pkg/sub/b.py"]


def test_a_copy_has_neither_links_nor_caches(calc, tmp_path):
    root = calc.root
    (root / "link").symlink_to("/etc/passwd")
    (root / "out").symlink_to("/etc")
    write(root, ".git/config", "tests/__pycache__/x.pyc", "venv/bin/python")
    target = tmp_path / "copy"
    calc.copy_to(target)
    calc.copy_to(target)  # once more, over it
    copied = {p.relative_to(target).as_posix() for p in target.rglob("*")}
    assert copied == {"calc.py", "tests", "tests/test_calc.py"}


def test_a_folder_may_have_settings_of_its_own(tmp_path):
    found = make_calc(tmp_path / "calc")
    assert found.folder == Path(tmp_path / "calc")
    assert dataclasses.replace(found, left_out=("tests/x.py",)).sources == ("calc.py",)
