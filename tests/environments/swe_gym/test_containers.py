import gc
import os
import signal
import subprocess
import sys

import pytest

from toolkit.environments.swe_gym import containers
from toolkit.environments.swe_gym.containers import LABEL, Container, sweep
from toolkit.environments.swe_gym.engines import find_engine
from toolkit.errors import ContainerError

IMAGE = "docker.io/xingyaoww/sweb.eval.x86_64.tiny_s_shapes-1:latest"


@pytest.fixture
def container(engine):
    with Container(find_engine(), IMAGE) as made:
        yield made


def test_a_container_is_made_without_a_network_and_with_limits(engine, container):
    (name,) = engine.containers()
    made = engine.settings(name)
    wanted = {
        "network": "none",
        "memory": "4096m",
        "memory_swap": "4096m",
        "cpus": "2",
        "pids_limit": "512",
        "security_opt": "no-new-privileges",
        "pull": "never",
        "rm": True,
    }
    assert {key: made[key] for key in wanted} == wanted
    assert "sleep 14400" in made["command"][1]
    assert made["label"][0].startswith(f"{LABEL}=")


def test_commands_run_in_the_repository(container):
    done = container.run("pwd; echo wrong >&2; cat; exit 3", timeout_s=60, stdin=b"in")
    assert done.output.endswith(b"/testbed\nwrong\nin")
    assert (done.code, done.timed_out) == (3, False)


def test_of_a_long_output_the_end_is_kept(container):
    done = container.run("seq 300000; exit 5", timeout_s=60, most_bytes=1_000)
    assert done.code == 5
    assert len(done.output) == 1_000
    assert done.output.endswith(b"299999\n300000\n")


def test_output_that_is_no_text_comes_as_it_is(container):
    done = container.run(r"printf '\0\377\n\n'", timeout_s=60)
    assert done.output == b"\0\xff\n\n"


def test_files_are_put_there_and_removed(container):
    container.put({"shapes/new.py": b"x = 1\n", "a b/c.py": b"\0", "README.md": None})
    said = container.run(
        "cat shapes/new.py; ls 'a b'; ls README.md", timeout_s=60
    ).output
    assert said.startswith(b"x = 1\nc.py\n")
    assert b"No such file" in said


def test_a_command_that_has_to_succeed(container):
    with pytest.raises(ContainerError, match="oh no"):
        container.must("echo oh no; false")


def test_a_command_that_takes_too_long_is_ended(container):
    for timeout_s in (1, 10, 60):
        done = container.run("echo begun; sleep 600", timeout_s=timeout_s)
        assert done.timed_out
        if done.output:  # nothing if the machine is busy with other things
            break
    assert done.output == b"begun\n"
    assert container.run("echo on", timeout_s=60).output == b"on\n"  # it goes on


def test_what_cannot_be_ended_goes_with_its_container(engine, container, monkeypatch):
    monkeypatch.setattr(containers, "GRACE_S", 1.0)
    # a process that has left its group holds the output open
    command = "setsid sleep 20 & sleep 300"
    done = container.run(command, timeout_s=1)
    assert done.timed_out
    assert engine.containers() == []


def test_a_container_that_dies_is_told_and_removed(engine, container):
    engine.kill(engine.containers()[0])
    with pytest.raises(ContainerError, match=r"died[^$]*exited"):
        container.run("echo on", timeout_s=60)
    assert engine.containers() == []
    with pytest.raises(ContainerError, match="it is gone"):
        container.run("echo on", timeout_s=60)


@pytest.mark.parametrize("how", ["down", "full"])
def test_a_container_that_cannot_be_made_leaves_nothing(engine, how):
    found = find_engine()
    sweep(found, os.getpid())
    engine.breaks(how)
    why = {"down": "not running", "full": "disk is full"}[how]
    with pytest.raises(ContainerError, match=why):
        Container(found, IMAGE)
    engine.breaks(how, also=False)
    assert engine.containers() == []


def test_an_image_that_is_not_here_is_not_fetched_by_the_way(engine):
    with pytest.raises(ContainerError, match=r"[Nn]o such image"):
        Container(find_engine(), "docker.io/a/b:latest")
    assert "pull" not in [command[0] for command in engine.commands()]


def test_what_is_dropped_is_removed(engine):
    Container(find_engine(), IMAGE)
    gc.collect()
    assert engine.containers() == []


CHILD = """
import sys, time
from toolkit.environments.swe_gym.containers import Container
from toolkit.environments.swe_gym.engines import find_engine
container = Container(find_engine(), sys.argv[1])
print("made", flush=True)
if sys.argv[2] == "wait":
    time.sleep(60)
"""


def child(engine, what):
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, IMAGE, what], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "made\n"
    return process


def test_a_process_that_ends_removes_its_containers(engine):
    assert child(engine, "end").wait(30) == 0
    assert engine.containers() == []


def test_what_a_killed_process_has_left_is_swept_away(engine):
    process = child(engine, "wait")
    assert len(engine.containers()) == 1
    sweep(find_engine(), -1)
    assert len(engine.containers()) == 1  # its maker lives
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(engine.containers()) == 1
    with Container(find_engine(), IMAGE):  # the next one made here sweeps first
        assert len(engine.containers()) == 1
    assert engine.containers() == []


def test_containers_of_other_machines_are_left_alone(engine, monkeypatch):
    monkeypatch.setattr(containers.socket, "gethostname", lambda: "elsewhere")
    monkeypatch.setattr(containers, "_process_name", lambda process: "999999999:1")
    made = Container(find_engine(), IMAGE)
    monkeypatch.undo()
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    sweep(find_engine(), -2)
    assert len(engine.containers()) == 1
    made.close()
