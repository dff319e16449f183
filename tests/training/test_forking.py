import json

import pytest

from tests.training.runs import adapted, assert_same, run_small
from tests.training.steering import begin
from toolkit.errors import ConfigError
from toolkit.training.controls import Controls
from toolkit.training.events import read_events, steps_of
from toolkit.training.folder import last_checkpoint
from toolkit.training.forking import fork
from toolkit.training.samples import FILE

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"  # from peft
)
REWARD = {"game": 1.0, "success": 0.5}
LONG = {"max_steps": 4, "save_steps": 1, "save_total_limit": None, "reward": REWARD}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A run whose weights were changed before its first batch."""
    live = begin(tmp_path_factory.mktemp("source"), **LONG)
    live.controls.reweight({"success": 1.0})
    return live.result()


def go_on(folder, **settings):
    return run_small(folder, resume=True, **LONG | settings)


def rates(run):
    return [e["log"]["learning_rate"] for e in steps_of(run.events, "step")]


def test_a_fork_without_a_change_gives_the_same_numbers(tmp_path, source):
    to = fork(source.folder, tmp_path / "fork", step=2)
    assert to == tmp_path / "fork"
    events = read_events(to / "events.jsonl")
    assert [e["step"] for e in steps_of(events, "rollout")] == [0, 1]
    assert [e["step"] for e in steps_of(events, "step")] == [1, 2]
    assert [e["step"] for e in read_events(to / FILE)] == [0, 1]
    last = events[-1]
    assert (last["event"], last["step"], last["changed"]) == ("forked", 2, {})
    assert last["source"] == str(source.folder)
    run = go_on(to)
    assert_same(run, source)
    assert [e["step"] for e in run.events if e["event"] == "resumed"] == [2]


def test_a_fork_pays_differently(tmp_path, source):
    reward = {"game": 1.0, "success": 4.0}
    to = fork(source.folder, tmp_path / "fork", step=2, reward=reward)
    run = go_on(to, reward=reward)
    paid = [e["terms"]["success"]["spread"] for e in steps_of(run.events, "rollout")]
    assert set(paid[:2]) <= {0.0, 1.0}  # as changed in the first run
    assert set(paid[2:]) <= {0.0, 4.0}
    assert any(paid[2:])


@pytest.mark.parametrize(
    ("credit", "settings", "factor"),
    [
        ("grpo", {"learning_rate": 0.03}, 3.0),
        ("gae_token", {"learning_rate": 0.005}, 0.5),
        ("gae_token", {"value_lr_factor": 2.0}, 1.0),
    ],
)
def test_a_fork_learns_at_another_rate(tmp_path, credit, settings, factor):
    long = LONG | {"max_steps": 3, "credit": credit}
    first = run_small(tmp_path / "first", **long)
    to = fork(first.folder, tmp_path / "fork", step=1, **settings)
    run = run_small(to, resume=True, **long | settings)
    wanted = [rates(first)[0], *(rate * factor for rate in rates(first)[1:])]
    assert rates(run) == pytest.approx(wanted)
    gone = [e["log"]["loss"] for e in steps_of(run.events, "step")]
    assert gone[:2] == [e["log"]["loss"] for e in steps_of(first.events, "step")][:2]
    assert gone[2] != steps_of(first.events, "step")[2]["log"]["loss"]


def test_a_fork_with_adapters_and_a_reference(tmp_path):
    settings = LONG | {"beta": 0.01, "max_steps": 3}
    first = run_small(tmp_path / "first", policy=adapted(), **settings)
    fork(first.folder, tmp_path / "fork", step=2)
    second = run_small(tmp_path / "fork", policy=adapted(), resume=True, **settings)
    assert_same(second, first)


def test_a_live_run_can_be_forked(tmp_path):
    made = []

    def on_event(event):
        if event["event"] == "checkpoint" and not made:
            made.append(fork(tmp_path / "a", tmp_path / "b"))

    settings = LONG | {"save_steps": 4}
    live = begin(tmp_path / "a", on_event=on_event, **settings)
    Controls.save(live.controls)
    run = live.result()
    assert last_checkpoint(made[0]).name == "checkpoint-0"
    assert_same(go_on(made[0], save_steps=4), run)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"learning_rte": 1.0}, "Did you mean 'learning_rate'"),
        ({"discount": 2.0}, "discount is 2.0"),
        ({"seed": 1}, "cannot change seed"),
        ({"num_generations": 2}, "cannot change num_generations"),
        ({"optim": "sgd"}, "cannot change optim"),
        ({"output_dir": "x"}, "given as `to`"),
        ({"credit": "gae_token"}, "from 'grpo' to 'gae_token'"),
        ({"step": 9}, "no checkpoint of step 9"),
    ],
)
def test_what_a_fork_cannot_be(tmp_path, source, changed, message):
    with pytest.raises(ConfigError, match=message) as error:
        fork(source.folder, tmp_path / "fork", **changed)
    assert error.value.why
    assert list(tmp_path.iterdir()) == []


def test_a_fork_overwrites_nothing(tmp_path, source):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        fork(source.folder, tmp_path)
    with pytest.raises(ConfigError, match="no checkpoint in"):
        fork(tmp_path, tmp_path / "new")
    assert (tmp_path / "note.txt").read_text() == "mine"


def test_other_settings_than_the_forks_are_refused(tmp_path, source):
    to = fork(source.folder, tmp_path / "fork", discount=0.9)
    assert json.loads((to / "config.json").read_text())["settings"]["discount"] == 0.9
    with pytest.raises(ConfigError, match=r"discount was 0\.9, is None"):
        go_on(to)
