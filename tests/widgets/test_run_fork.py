import pytest

from tests.diagnosis.made import run_of
from tests.models import tiny_policy
from tests.training.runs import run_small
from toolkit.environments.base import make_env, tasks
from toolkit.widgets.run_fork import checkpoint_of, fork_code


def test_without_a_checkpoint_there_is_nothing_to_go_on_from(tmp_path):
    assert checkpoint_of(run_of(2)) is None
    assert fork_code(run_of(2), tmp_path).startswith("# There is no checkpoint yet")


def test_a_run_that_goes_on_is_forked_with_a_smaller_rate(tmp_path):
    events = [*run_of(4), {"event": "checkpoint", "step": 4}]
    assert "changes = {'learning_rate': 0.00015}" in fork_code(events, tmp_path)


@pytest.mark.slow
def test_the_code_goes_on_from_the_last_checkpoint(tmp_path):
    run = run_small(tmp_path / "a", max_steps=3, save_steps=2)
    assert checkpoint_of(run.events) == 3
    code = fork_code(run.events, run.folder)
    games = tasks("gates", n=5)
    there = {"policy": tiny_policy(), "env": make_env("gates"), "games": games}
    code = code.replace("env,", "env, tasks=games, mode='foreground',")
    exec(code, there)
    gone_on = there["monitor"].result()
    assert gone_on.folder == tmp_path / "a-fork"
    assert (gone_on.step, gone_on.stopped) == (6, "finished")
