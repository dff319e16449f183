"""Tasks and a container engine for the tests, neither of which needs anything else."""

import pytest

from tests.environments.swe_gym.tiny_tasks import Engine, make_tasks, write_rows
from toolkit.environments.swe_gym import containers, engines, job


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The folder with the images of all tasks, and their rows."""
    engine, rows = make_tasks(tmp_path_factory.mktemp("tiny"))
    return engine.state / "images", rows


@pytest.fixture
def rows(tiny):
    return [dict(row) for row in tiny[1]]


@pytest.fixture
def engine(tiny, tmp_path, monkeypatch):
    """A fake engine that has the images of all tasks; nothing may be left in it."""
    made = Engine(tmp_path / "docker")
    (made.state / "images").mkdir()
    for image in tiny[0].iterdir():
        (made.state / "images" / image.name).symlink_to(image)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    forget()
    yield made
    forget()
    assert made.end() == []


def forget():
    """Let the next test look for its own engine."""
    engines.find_engine.cache_clear()
    containers.sweep.cache_clear()
    job._tree.cache_clear()


@pytest.fixture
def task_file(rows, tmp_path):
    return write_rows(tmp_path / "tasks.jsonl", rows)
