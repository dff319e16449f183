"""What code inside might do to use up this machine, or to outlive its time."""

import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil
import pytest

from tests.sandbox.conftest import (
    SMALL,
    comes_true,
    left_behind,
    open_box,
    processes,
)
from toolkit.sandbox import process

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["with groups", "without groups"])
def counted(request, monkeypatch):
    """Count processes and memory with control groups, and where there are none."""
    if request.param == "without groups":
        monkeypatch.setattr(process, "make_groups", lambda limits: [])
    elif not (groups := process.make_groups(SMALL)):
        pytest.skip("no control groups can be made here")
    else:
        for group in groups:
            group.rmdir()
    return request.param


def size(folder):
    """Return the bytes that the files of a folder take on disk."""
    return sum(p.lstat().st_blocks * 512 for p in folder.rglob("*"))


# ---- processes -------------------------------------------------------------------


def test_fork_bomb(box, counted):
    # a thousand and no more, for what is not stopped is this machine's to bear
    code = """
import os, time
for _ in range(10):
    try: os.fork()
    except OSError: pass
while True: time.sleep(1)
"""
    is_ended = counted == "without groups"
    done = box.python(code, timeout_s=60 if is_ended else 3)
    if counted == "without groups":
        assert done.stopped == f"more than {SMALL.processes} processes"
    else:
        assert done.timed_out
    assert comes_true(lambda: not processes(box.mark))
    assert box.run(["echo", "well"]).output == "well\n"


@pytest.mark.parametrize("kind", ["fork", "thread"])
def test_processes_and_threads_are_counted(kind, box):
    start = {
        "fork": "os.fork() or time.sleep(60)",
        "thread": "threading.Thread(target=time.sleep, args=(60,)).start()",
    }[kind]
    code = f"""
import os, threading, time
count = 0
try:
    while count < 1000:
        {start}
        count += 1
except (OSError, RuntimeError) as error:
    print(count, error, flush=True)
os._exit(0)
"""
    done = box.python(code)
    assert done.stopped or int(done.output.split()[0]) <= SMALL.processes


def test_a_surviving_child(box):
    code = """
import os, time
if not os.fork():
    os.setsid()
    if not os.fork():
        for fd in range(64):
            try: os.close(fd)
            except OSError: pass
        time.sleep(60)
    os._exit(0)
os.wait()
"""
    done = box.python(code)
    assert (done.returncode, done.timed_out) == (0, False)
    assert processes(box.mark) == []


def test_a_child_of_a_conversation(box):
    code = "import subprocess; subprocess.Popen(['sleep', '60']); input(); print('{}')"
    with box.start(code + "; input()") as conversation:
        assert conversation.ask({}, 30) == {}
        assert any(b"sleep" in line for line in processes(box.mark))
    assert processes(box.mark) == []


def test_ignored_signals(box):
    code = """
import signal, time
for number in range(1, 32):
    try: signal.signal(number, signal.SIG_IGN)
    except OSError: pass
while True: time.sleep(1)
"""
    done = box.python(code, timeout_s=1)
    assert done.timed_out
    assert done.returncode == 128 + signal.SIGKILL
    assert processes(box.mark) == []


@pytest.mark.parametrize("how", ["run", "start"])
def test_nothing_survives_when_this_process_is_killed(how, tmp_path, level):
    call = {
        "run": "run([sys.executable, '-c', code], timeout_s=60)",
        "start": "start([sys.executable, '-c', code]).ask({}, 60)",
    }[how]
    script = f"""
import sys
from pathlib import Path
from toolkit.sandbox import Level, open_sandbox
code = "import os, time; os.fork(); open('up', 'w'); time.sleep(60)"
box = open_sandbox(Path({str(tmp_path)!r}), level=Level({level.value!r}))
box.{call}
"""
    mark = tmp_path.name
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) as worker:
        assert comes_true((tmp_path / "up").exists)
        assert processes(mark)
        worker.kill()
    assert comes_true(lambda: not left_behind(mark, pid=worker.pid))


# ---- memory and time -------------------------------------------------------------


def test_memory_of_one_process(box):
    code = "x = bytearray()\nwhile True: x += bytes(2**20)"
    done = box.python(code)
    assert "MemoryError" in done.output or done.returncode == 128 + signal.SIGKILL


@pytest.mark.usefixtures("counted")
def test_memory_of_many_processes(box):
    code = """
import os, signal, time
held = []
for _ in range(8):
    told, tell = os.pipe()
    if not (child := os.fork()):
        kept = b"x" * (100 * 2**20)
        os.write(tell, b"held")
        signal.pause()
    os.close(tell)
    if os.read(told, 4):  # nothing if the child was ended
        held.append(child)
alive, end = held, time.monotonic() + 30
while len(alive) > 2 and time.monotonic() < end:  # ending them takes a moment
    time.sleep(0.5)
    alive = [child for child in alive if os.waitpid(child, os.WNOHANG) == (0, 0)]
for child in alive: os.kill(child, signal.SIGKILL)
print(len(alive))
"""
    done = box.python(code)
    if "memory" not in done.stopped:
        assert int(done.output or 0) * 100 <= SMALL.memory_mb


def test_processor_time(tmp_path, level):
    limits = SMALL.__class__(cpu_s=1)
    with open_box(tmp_path, level, limits) as box:
        done = box.python("while True: pass", timeout_s=60)
    assert not done.timed_out
    assert done.returncode == 128 + signal.SIGKILL


# ---- files -----------------------------------------------------------------------


@pytest.mark.parametrize("place", [".", "/tmp", "/dev/shm"])
def test_one_large_file(place, box):
    code = f"""
with open("{place}/large", "wb") as file:
    while True: file.write(bytes(2**20))
"""
    done = box.python(code)
    assert "File too large" in done.output
    assert size(box.folder) <= SMALL.file_mb * 2**20


MANY = "more than 20,000 files"
FILLERS = {
    "many files": """
for number in range(10**6):
    with open(str(number), "wb") as file: file.write(bytes(2**20))
    time.sleep(0.02)  # 50 MB a second at most
""",
    "empty files": """
for number in range(10**6): open(str(number), "wb").close()
""",
    "deleted files": """
held = []
for number in range(200):
    held.append(open("deleted", "wb"))
    held[-1].write(bytes(7 * 2**20))
    os.remove("deleted")
""",
    "folders in folders": """
for number in range(10**6):
    os.mkdir("x")
    os.chdir("x")
""",
}


@pytest.mark.parametrize("filler", FILLERS)
@pytest.mark.parametrize("place", [".", "/tmp", "/dev/shm"])
def test_disk_filler(filler, place, box, monkeypatch):
    # control groups count what lies in memory, too, and would end some of these first
    monkeypatch.setattr(process, "make_groups", lambda limits: [])
    code = f"import os, time\nos.chdir({place!r})\n{FILLERS[filler]}"
    done = box.python(code + "\nprint('full')\ntime.sleep(60)")
    if filler in ("empty files", "folders in folders"):
        deep = filler != "empty files" and place == "."
        assert done.stopped == ("folders more than 64 deep" if deep else MANY)
    elif place == ".":
        assert done.stopped == f"more than {SMALL.disk_mb} MB of files"
        assert size(box.folder) < 8 * SMALL.disk_mb * 2**20  # written between looks
    else:
        assert "No space left" in done.output


# ---- output ----------------------------------------------------------------------


def test_huge_output(box):
    code = (
        "import sys\nfor _ in range(100): sys.stdout.write('x' * 2**20)\nprint('end')"
    )
    done = box.python(code)
    assert (done.returncode, done.truncated, done.timed_out) == (0, True, False)
    assert len(done.output) < SMALL.output_kb * 1024 + 100
    assert (
        f"{100 * 2**20 + 4 - SMALL.output_kb * 1024} bytes are left out" in done.output
    )
    assert done.output.endswith("xend\n")


def test_endless_output(box):
    done = box.hang(["yes"])
    assert (done.timed_out, done.truncated) == (True, True)


def test_an_endless_answer(box):
    code = "input()\nwhile True: print('x' * 2**20, end='', flush=True)"
    with box.start(code) as conversation, pytest.raises(Exception, match="over 16 MB"):
        conversation.ask({}, 60)
    assert processes(box.mark) == []


@pytest.mark.slow
def test_thirty_sandboxes_leave_nothing(tmp_path, level):
    folders = Path(tempfile.gettempdir())
    before, threads = set(folders.glob("toolkit-sandbox-*")), threading.active_count()
    for number in range(30):
        with open_box(tmp_path, level) as box:  # looks at processes, groups, files
            if number % 2:
                assert box.run(["sleep", "60"], timeout_s=0.1).timed_out
            else:
                box.start("input()")
    assert set(folders.glob("toolkit-sandbox-*")) <= before
    assert threading.active_count() == threads
    ended = [c for c in psutil.Process().children() if c.status() == "zombie"]
    assert ended == []  # no child waits to be asked for
