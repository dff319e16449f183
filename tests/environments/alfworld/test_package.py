import importlib.util
import subprocess
import sys

import pytest

from toolkit.environments.alfworld import package
from toolkit.errors import MissingExtraError, TaskError


def test_120_floor_plans_of_four_rooms():
    plans = [package.floor_plan(n) for n in package.floor_plan_numbers()]
    rooms = [p.room for p in plans]
    assert {room: rooms.count(room) for room in set(rooms)} == dict.fromkeys(
        ("Kitchen", "LivingRoom", "Bedroom", "Bathroom"), 30
    )
    assert all(p.receptacles and p.objects for p in plans)
    assert {p.number for p in plans} >= package.HELD_OUT


def test_a_place_is_given_in_steps_and_quarter_turns():
    plan = package.floor_plan(1)
    assert plan.receptacles["Cabinet|+00.68|+00.50|-02.20"] == (0, -5, 2, 30)


def test_a_wrong_number_is_refused():
    with pytest.raises(TaskError, match="1-30"):
        package.floor_plan(0)


def test_reading_the_package_does_not_import_it(tmp_path):
    code = (
        "import sys; from toolkit.environments.alfworld import package as p;"
        "p.logic(), p.tables(), p.goals(), p.floor_plan(1);"
        "print('alfworld' in sys.modules, 'textworld' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path)},
    )
    assert out.stdout.split() == ["False", "False"]
    assert not any(tmp_path.iterdir())


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="alfworld"):
        package.folder()
