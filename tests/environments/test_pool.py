import functools
import multiprocessing
import os
import signal
import time

import pytest

from tests.environments.toy_envs import (
    EchoEnv,
    UnguardedTextWorld,
    broken_factory,
    crashing_factory,
)
from toolkit.environments import base
from toolkit.environments.base import Task, make_env, register, tasks
from toolkit.environments.pool import EnvPool, PoolCounts
from toolkit.episodes.record import StopReason
from toolkit.errors import (
    ConfigError,
    EnvironmentCrashError,
    TaskError,
    UnknownEnvironmentError,
)

SLOTS = 6
HUNG_S = 5.0
"""A world that says nothing for so long hangs; a busy machine is not that slow."""


def games(slots=SLOTS):
    return {i: Task(env="toy", seed=i) for i in range(slots)}


def say(command, slots=SLOTS):
    return dict.fromkeys(range(slots), command)


def facts(outcomes):
    """What must not depend on where and how often a world was played."""
    return {
        slot: (o.observation, o.reward, o.terminated, o.truncated, o.info, o.failure)
        for slot, o in outcomes.items()
    }


def play(pool, special=None, disturb=lambda: None):
    """Play five turns; in the third, say what `special` says and disturb the pool."""
    record = [facts(pool.run(games()))]
    for turn in range(5):
        pool.send(say(f"go {turn}") | ((special or {}) if turn == 2 else {}))
        if turn == 2:
            disturb()
        record.append(facts(pool.receive(range(SLOTS))))
    return record


def undisturbed(special=None, factory=EchoEnv):
    with EnvPool(factory, slots=SLOTS) as pool:
        return play(pool, special)


def kill_workers():
    for child in multiprocessing.active_children():
        os.kill(child.pid, signal.SIGKILL)


@pytest.fixture
def once(tmp_path):
    """A world that crashes or hangs in the first try only."""
    flag = tmp_path / "once"
    flag.touch()
    return functools.partial(EchoEnv, once=str(flag))


@pytest.fixture(autouse=True)
def no_process_is_left():
    yield
    assert multiprocessing.active_children() == []


# ---- normal life -----------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_outcomes_do_not_depend_on_the_number_of_workers(workers):
    with EnvPool(EchoEnv, slots=SLOTS, workers=workers) as pool:
        assert play(pool) == undisturbed()
        assert pool.run({3: "win"})[3].terminated
        assert play(pool) == undisturbed()  # worlds are used again
        assert pool.counts == PoolCounts()
        assert len(multiprocessing.active_children()) == workers


def test_receive_waits_for_the_wanted_slots_only_and_keeps_their_order():
    with EnvPool(EchoEnv, slots=4, workers=2) as pool:
        pool.run(games(4))
        pool.send({0: "hang", 1: "go", 3: "go"})
        assert list(pool.receive([3, 1])) == [3, 1]
        assert list(pool.run({3: "go"})) == [3]


def test_messages_larger_than_the_pipe_do_not_block():
    with EnvPool(EchoEnv, slots=4, workers=1) as pool:
        pool.run(games(4))
        pool.send({0: "talk", 1: "talk"})
        pool.send({2: "talk\n" + "y" * 2_000_000, 3: "talk"})
        assert all(
            len(o.info["blob"]) == 10**6 for o in pool.receive(range(4)).values()
        )


def test_workers_import_nothing_heavy_and_use_one_thread(monkeypatch):
    heavy = {"torch", "transformers", "trl", "datasets", "pandas", "textworld"}
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with EnvPool(EchoEnv, slots=1, workers=3) as pool:
        assert len(multiprocessing.active_children()) == 1  # no more than slots
        pool.run(games(1))
        info = pool.run({0: "inspect"})[0].info
    assert not heavy & info["modules"]
    assert info["threads"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_registered_classes_reach_the_workers(monkeypatch):
    monkeypatch.setattr(base, "_CUSTOM", {})
    register("toy", EchoEnv)
    factory = functools.partial(make_env, "toy/x", max_turns=1)
    with EnvPool(factory, slots=1, workers=1) as pool:
        pool.run(games(1))
        assert pool.run({0: "go"})[0].truncated


# ---- worlds that raise -----------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("raise", "ValueError: bad command (toy_envs.py, line "),
        ("exit", "SystemExit: the game ended the process (toy_envs.py, line "),
        (Task(env="toy/raises", seed=1), "RuntimeError: no such game (toy_envs.py"),
    ],
)
def test_an_exception_is_data_and_harms_nobody(workers, command, error):
    with EnvPool(EchoEnv, slots=2, workers=workers) as pool:
        pool.run(games(2))
        bad, good = pool.run({0: command, 1: "go"}).values()
        assert bad.failure is StopReason.ENVIRONMENT_ERROR
        assert bad.error.startswith(error)
        assert (bad.observation, bad.reward, bad.truncated) == ("", 0.0, True)
        assert good.failure is None
        assert good.observation.startswith("1 go")
        assert pool.counts == PoolCounts(failed=1)
        with pytest.raises(TaskError, match="Slot 0 was told to step"):
            pool.run({0: "go"})
        assert facts(pool.run(games(1)))[0] == undisturbed()[0][0]


def test_facts_that_cannot_be_sent_are_a_failure():
    with EnvPool(EchoEnv, slots=1, workers=1) as pool:
        pool.run(games(1))
        assert "cannot be pickled" in pool.run({0: "secret"})[0].error


# ---- worlds that die -------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_episodes_go_on_after_their_worker_was_killed(workers):
    special = {0: "nap", 1: "nap"}  # so that the signal comes in the middle of a step
    with EnvPool(EchoEnv, slots=SLOTS, workers=workers) as pool:
        pool.run(games())
        pool.run(say("go"))  # belongs to an earlier game
        assert play(pool, special, kill_workers) == undisturbed(special)
        assert pool.counts == PoolCounts(
            crashes=workers, respawns=workers, replays=SLOTS
        )


def test_a_world_may_die_once_at_every_place():
    with EnvPool(EchoEnv, slots=1, workers=1) as pool:
        pool.run(games(1))
        for turn in range(1, 4):
            pool.send({0: "nap"})
            kill_workers()
            assert pool.receive([0])[0].observation.startswith(f"{turn} nap")


def test_a_worker_may_die_while_it_has_nothing_to_do():
    with EnvPool(EchoEnv, slots=2, workers=1) as pool:
        pool.run(games(2))
        kill_workers()
        time.sleep(0.1)
        assert pool.run({1: "go"})[1].observation.startswith("1 go")
        # Slot 0 begins a new game, so there is nothing to replay.
        assert facts(pool.run(games(1)))[0] == undisturbed()[0][0]
        assert pool.counts == PoolCounts(crashes=1, respawns=1, replays=1)


@pytest.mark.parametrize("command", ["crash", "null", "hang"])
def test_a_world_that_dies_once_goes_on(once, command):
    with EnvPool(once, slots=SLOTS, workers=2, step_timeout_s=HUNG_S) as pool:
        record = play(pool, {1: command})
    assert record == undisturbed({1: command}, once)  # it is harmless from now on
    assert pool.counts == PoolCounts(
        crashes=command != "hang", timeouts=command == "hang", respawns=1, replays=3
    )


@pytest.mark.parametrize(
    ("command", "failure", "error"),
    [
        ("crash", StopReason.ENVIRONMENT_ERROR, "'crash': its process got signal 11"),
        ("hang", StopReason.ENVIRONMENT_TIMEOUT, "'hang': it did not answer in time"),
    ],
)
def test_a_world_that_dies_twice_fails_alone(command, failure, error):
    with EnvPool(EchoEnv, slots=SLOTS, workers=2, step_timeout_s=HUNG_S) as pool:
        record = play_but_one(pool, {1: command})
        bad = record[3].pop(1)
        assert bad.failure is failure
        assert f"died 2 times at {error}" in bad.error
        expected = undisturbed()
        for then, now in zip(expected, record, strict=True):
            assert facts(now) == {slot: then[slot] for slot in now}
        assert (pool.counts.respawns, pool.counts.failed) == (2, 1)
        assert facts(pool.run(games()))[1] == expected[0][1]  # free for the next game


def test_a_segmentation_fault_of_the_interpreter_harms_no_other_game():
    factory = functools.partial(UnguardedTextWorld, "textworld/w2-o3-q4")
    starts = dict(enumerate(tasks("textworld/w2-o3-q4", n=2)))
    with EnvPool(factory, slots=2) as pool:
        expected = [pool.run(starts), *(pool.run({1: "look"}) for _ in range(2))]
    with EnvPool(factory, slots=2, workers=1) as pool:
        record = [pool.run(starts), pool.run({0: "take nul lamp", 1: "look"})]
        assert "signal 11" in record[1].pop(0).error
        record.append(pool.run({1: "look"}))
        assert [facts(now) for now in record] == [facts(then) for then in expected]
        assert facts(pool.run({0: starts[0]}))[0] == facts(expected[0])[0]
        assert pool.counts == PoolCounts(crashes=2, respawns=2, replays=1, failed=1)


def play_but_one(pool, special):
    """Play five turns; the slot of `special` fails in the third and is left out."""
    record = [pool.run(games())]
    for turn in range(5):
        commands = say(f"go {turn}") | (special if turn == 2 else {})
        for slot in special if turn > 2 else ():
            del commands[slot]
        record.append(pool.run(commands))
    return record


def test_time_of_a_replay_is_not_time_of_the_step():
    with EnvPool(EchoEnv, slots=1, workers=1) as pool:
        pool.run(games(1))
        assert pool.run({0: "nap"})[0].env_s >= 0.5
        seconds = []
        for _ in range(3):  # a busy machine may nap, too
            kill_workers()
            seconds.append(pool.run({0: "go"})[0].env_s)
        assert min(seconds) < 0.4
        assert pool.counts.replays == 3


# ---- pools that cannot work ------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 1])
def test_a_factory_that_raises_is_an_error(workers):
    pool = EnvPool(broken_factory, slots=1, workers=workers)
    with pytest.raises(EnvironmentCrashError, match="RuntimeError: no world today"):
        pool.run(games(1))
    with pytest.raises(EnvironmentCrashError, match="The pool is closed"):
        pool.run(games(1))


def test_a_factory_that_crashes_is_a_failure():
    with EnvPool(crashing_factory, slots=1, workers=1) as pool:
        assert pool.run(games(1))[0].failure is StopReason.ENVIRONMENT_ERROR


def test_a_factory_that_workers_cannot_import_is_an_error(monkeypatch, tmp_path):
    (tmp_path / "gone.py").write_text("def factory(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    import gone

    (tmp_path / "gone.py").unlink()
    with (
        EnvPool(gone.factory, slots=1, workers=1) as pool,
        pytest.raises(EnvironmentCrashError, match="No module named 'gone'"),
    ):
        pool.run(games(1))


def test_a_factory_that_cannot_be_pickled_is_refused():
    with pytest.raises(ConfigError, match="move the function or class into a module"):
        EnvPool(lambda: EchoEnv(), slots=1, workers=1)


def test_an_unknown_environment_is_refused_before_workers_start():
    with pytest.raises(UnknownEnvironmentError, match="Did you mean 'textworld'"):
        EnvPool(functools.partial(make_env, "textwold/x"), slots=1, workers=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"slots": 0},
        {"workers": -1},
        {"step_timeout_s": 0.0},
        {"reset_timeout_s": -1.0},
    ],
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="A pool cannot have"):
        EnvPool(EchoEnv, **{"slots": 1, **wrong})


def test_wrong_calls_are_refused_and_change_nothing():
    with EnvPool(EchoEnv, slots=2) as pool:
        for call in (pool.run, pool.receive):
            with pytest.raises(ConfigError, match="no slot 2"):
                call({2: Task(env="toy", seed=1)})
        with pytest.raises(ConfigError, match="Slot 0 has no command"):
            pool.receive([0])
        with pytest.raises(TaskError, match="Slot 1 was told to step"):
            pool.send({0: Task(env="toy", seed=1), 1: "go"})
        pool.send(games(2))
        with pytest.raises(ConfigError, match="Slot 1 already has a command"):
            pool.send({1: "go"})
        assert len(pool.receive([0, 1])) == 2
