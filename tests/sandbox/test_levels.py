import pytest

from toolkit.sandbox import Level, levels, sandbox
from toolkit.sandbox.levels import GET_BETTER, detect_level, missing, python_unreadable


@pytest.fixture
def asked_anew():
    """Forget what this machine can do, before and after."""
    cached = (detect_level, missing, python_unreadable)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


def program(folder, name, *lines):
    (folder / name).write_text("\n".join(["#!/bin/sh", *lines, ""]))
    (folder / name).chmod(0o755)


def test_the_safest_comes_first():
    assert [level for level in Level if level.isolated] == list(Level)[:2]
    assert Level.BUBBLEWRAP.label == "bubblewrap"
    assert Level.LIMITS.label == "limits (trusted code only)"
    assert set(GET_BETTER) == set(Level)


def test_the_level_found_is_the_first_that_works():
    working = [level for level in Level if not missing(level)]
    assert detect_level() is working[0]
    assert python_unreadable(working[0]) == ""


@pytest.mark.usefixtures("asked_anew")
def test_a_machine_with_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    for level in (Level.BUBBLEWRAP, Level.UNSHARE):
        assert missing(level).endswith("is not installed.")
    assert "No engine" in missing(Level.CONTAINER)
    assert detect_level() is Level.LIMITS


@pytest.mark.usefixtures("asked_anew")
def test_a_kernel_that_forbids_namespaces(tmp_path, monkeypatch):
    said = "bwrap: No permissions to create new namespace"
    program(tmp_path, "bwrap", f"echo '{said}' >&2", "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(levels.plans.bubblewrap, "program", lambda: tmp_path / "bwrap")
    assert missing(Level.BUBBLEWRAP) == said
    assert detect_level() is not Level.BUBBLEWRAP


@pytest.mark.usefixtures("asked_anew")
def test_a_program_that_shows_other_files(tmp_path, monkeypatch):
    program(tmp_path, "bwrap", "exit 1")
    monkeypatch.setattr(levels.plans.bubblewrap, "program", lambda: tmp_path / "bwrap")
    assert missing(Level.BUBBLEWRAP) == "It ended with status 1."


@pytest.mark.usefixtures("asked_anew")
def test_other_systems(monkeypatch):
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    for level in (Level.BUBBLEWRAP, Level.CONTAINER, Level.UNSHARE):
        assert missing(level) == "It needs Linux."
    assert detect_level() is Level.LIMITS


@pytest.mark.usefixtures("asked_anew")
def test_a_python_that_cannot_be_read(level, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    assert "not found" in python_unreadable(level)
    with pytest.raises(sandbox.SandboxError, match="does not run in a sandbox"):
        sandbox.open_sandbox(tmp_path, level=level)
