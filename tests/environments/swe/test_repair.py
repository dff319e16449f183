import dataclasses

import pytest

from tests.environments.swe.shop import FAILING, SOURCE, TEST_FILE
from toolkit import sandbox
from toolkit.environments.swe import job as module
from toolkit.environments.swe import workspace
from toolkit.environments.swe.grammar import Action
from toolkit.environments.swe.job import BugJob
from toolkit.environments.swe.repair import Repair
from toolkit.errors import RepositoryError, SandboxError

GIVEN = {"format": "text", "max_chars": 2_000, "max_turns": 25, "reward": "ratio"}
EDIT = Action(tool="replace", file=SOURCE, old="amount + am", new="amount - am")


def begun(bug, *, trusted=False):
    return Repair(BugJob(bug, trusted=trusted), GIVEN)


@pytest.fixture
def repair(bug):
    made = begun(bug)
    yield made
    made.close()


def test_tests_are_run_once_for_the_task_of_a_bug(bug, repair, monkeypatch):
    monkeypatch.setattr(module, "_SAID", {})
    assert f"- {FAILING[1]}: assert 200.0 == 0" in repair.task_text()
    other = begun(bug)
    monkeypatch.setattr(other.job._runner, "run", None)
    assert other.task_text() == repair.task_text()
    other.close()


def test_progress_is_lost_with_what_was_mended(repair):
    repair.do(EDIT)
    repair.do(Action(tool="run_tests"))
    assert repair.progress() == 0.25
    repair.do(dataclasses.replace(EDIT, old=EDIT.new, new=EDIT.old))
    repair.do(Action(tool="run_tests"))
    assert repair.progress() == 0.25  # seen to fail, and not mended any more
    assert repair.changed == []


def test_tests_that_were_made_to_pass_are_no_progress(repair):
    old = "assert total([60, 40], discount) == left"
    repair.do(Action(tool="replace", file=TEST_FILE, old=old, new="assert left >= 0"))
    text = repair.do(Action(tool="run_tests"))
    assert text.startswith("1 of 6 tests failed.")
    assert repair.progress() == 0.25  # for the one that was seen to fail


def test_the_expert_tests_again_what_it_has_not_seen_tested(repair):
    repair.do(EDIT)
    assert [action.tool for action in repair.plan()] == ["run_tests", "submit"]
    repair.do(Action(tool="run_tests", pattern="plain"))
    assert [action.tool for action in repair.plan()] == ["run_tests", "submit"]
    repair.do(Action(tool="run_tests"))
    assert [action.tool for action in repair.plan()] == ["submit"]
    repair.do(Action(tool="submit"))
    assert repair.plan() == repair.choices() == []
    assert repair.won


def test_what_cannot_start_leaves_nothing(bug, monkeypatch, tmp_path):
    monkeypatch.setattr(workspace, "_MEMORY", tmp_path)  # a room for this test alone
    before = set(workspace._room().iterdir())
    gone = dataclasses.replace(bug.mutations[0], old="%")
    with pytest.raises(RepositoryError, match="does not fit"):
        begun(dataclasses.replace(bug, mutations=(gone,)))
    monkeypatch.setattr(sandbox.sandbox, "detect_level", lambda: sandbox.Level.LIMITS)
    with pytest.raises(SandboxError):
        begun(bug)
    trusted = begun(bug, trusted=True)
    assert trusted.facts()["sandbox"] == "limits"
    assert trusted.do(Action(tool="run_tests")).startswith("3 of 6 tests failed.")
    trusted.close()
    assert set(workspace._room().iterdir()) == before
