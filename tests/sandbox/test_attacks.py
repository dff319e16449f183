"""What code inside might try against this machine; none of it succeeds.

An attack says "escaped" where it succeeds and "done" at its end. So that a typing
error is no defence, those that harm nobody also run without a sandbox, and succeed.
"""

import os
import socket
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sandbox.conftest import open_box
from toolkit.sandbox import Level, SandboxError, read_inside

ROOT = Path(__file__).parents[2]
SECRET = "only-for-the-host"
BEGIN = """
import ctypes, os, signal, socket, stat, sys
libc = ctypes.CDLL(None, use_errno=True)

def attempt(what, *given):
    try:
        result = what(*given)
    except Exception as error:
        print(what, given, repr(error))
    else:
        failed = result == -1 and os.strerror(ctypes.get_errno())
        print(what, given, failed or f"{result} escaped")

def reach(family, kind, address):
    with socket.socket(family, kind) as s:
        s.settimeout(30)
        s.connect(address)
        s.send(b"x")
        return s.recv(1)

def read(path):
    with open(path, "rb") as file:
        return file.read(80)

def write(path):
    with open(path, "w") as file:
        file.write("x")
"""


def escapes(box, *attempts):
    """Make all attempts; return which of them succeeded."""
    code = "\n".join([BEGIN, *(f"attempt({a})" for a in attempts), "print('done')"])
    done = box.python(code)
    print(done.output)
    assert done.output.rstrip().endswith("done"), done.output
    return [line for line in done.output.splitlines() if line.endswith("escaped")]


@pytest.fixture
def bare(tmp_path):
    """Return a box that isolates nothing, for what harms nobody."""
    (tmp_path / "bare").mkdir()
    with open_box(tmp_path / "bare", Level.LIMITS, trusted=True) as opened:
        yield opened


@contextmanager
def service(family, address):
    """Yield the address of a service of this machine, which answers."""
    over = threading.Event()
    with socket.socket(family) as server:
        server.bind(address)
        server.listen()
        server.settimeout(0.1)

        def answer():
            while not over.is_set():
                try:
                    with server.accept()[0] as asked:
                        asked.settimeout(30)
                        asked.send(asked.recv(1))
                except OSError:
                    continue

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield server.getsockname()
        finally:
            over.set()
            thread.join()


# ---- network ---------------------------------------------------------------------


def test_there_is_no_network(box):
    attempts = [
        "reach, socket.AF_INET, socket.SOCK_STREAM, ('1.1.1.1', 80)",
        "reach, socket.AF_INET, socket.SOCK_DGRAM, ('8.8.8.8', 53)",
        "reach, socket.AF_INET6, socket.SOCK_STREAM, ('2606:4700::1111', 80)",
        "socket.getaddrinfo, 'example.com', 80",
        "socket.socket, socket.AF_PACKET, socket.SOCK_RAW",
        "socket.socket, socket.AF_INET, socket.SOCK_RAW, 1",
    ]
    assert escapes(box, *attempts) == []
    names = box.python("import socket; print(socket.if_nameindex())").output
    assert names.strip() == "[(1, 'lo')]"


def test_services_of_this_machine_are_out_of_reach(box, bare):
    with service(socket.AF_INET, ("127.0.0.1", 0)) as address:
        attempt = f"reach, socket.AF_INET, socket.SOCK_STREAM, {address}"
        assert len(escapes(bare, attempt)) == 1
        assert escapes(box, attempt) == []


@pytest.mark.parametrize("abstract", [True, False])
def test_unix_sockets_of_this_machine_are_out_of_reach(abstract, box, bare, tmp_path):
    address = f"\0{tmp_path}" if abstract else os.path.relpath(tmp_path / "socket")
    with service(socket.AF_UNIX, address):
        name = address if abstract else str(tmp_path / "socket")
        attempt = f"reach, socket.AF_UNIX, socket.SOCK_STREAM, {name!r}"
        assert len(escapes(bare, attempt)) == 1
        assert escapes(box, attempt) == []


def test_loopback_works_inside(box):
    code = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    with socket.create_connection(server.getsockname()) as asked:
        server.accept()[0].send(b"hello")
        print(asked.recv(5), socket.gethostbyname("localhost"))
"""
    assert box.python(code).output == "b'hello' 127.0.0.1\n"


# ---- files -----------------------------------------------------------------------


def test_nothing_outside_is_written(box, tmp_path):
    folders = [
        "/",
        "/usr",
        "/usr/bin",
        "/etc",
        "/root",
        "/home",
        "/var",
        "/dev",
        "/proc",
    ]
    folders += [str(ROOT), str(Path.cwd()), str(tmp_path), str(Path.home())]
    folders += [sys.prefix, sys.base_prefix, "/sys", "/run", "/boot", "/lib"]
    names = [f"write, {f'{folder}/{box.mark}'!r}" for folder in folders]
    own = "('/tmp/"  # which is another one inside, where it may write
    assert [found for found in escapes(box, *names) if own not in found] == []
    assert [f for f in folders if Path(f, box.mark).exists()] == []


def test_the_workspace_and_a_private_tmp_are_written(box):
    code = f"for f in ('/tmp', '.'): open(f + '/{box.mark}', 'w').write('x')"
    assert box.python(code).returncode == 0
    assert (box.folder / box.mark).read_text() == "x"
    assert not Path("/tmp", box.mark).exists()


def test_files_of_this_machine_are_not_read(box, bare, tmp_path):
    (tmp_path / "private").write_text(SECRET)
    paths = [tmp_path / "private", ROOT / "pyproject.toml", __file__]
    attempts = [f"read, {str(path)!r}" for path in paths]
    assert len(escapes(bare, *attempts)) == len(attempts)
    attempts += [f"read, {p!r}" for p in ("/etc/shadow", "/etc/gshadow", "/proc/kcore")]
    folders = [Path.home(), "/home", ROOT, tmp_path, "/var", "/run", "/sys", "/mnt"]
    # the way to Python is there, empty but for Python
    shown = [Path(sys.base_prefix), Path(sys.prefix)]
    hidden = [p for p in folders if not any(s.is_relative_to(p) for s in shown)]
    attempts += [f"os.listdir, {str(path)!r}" for path in hidden]
    assert escapes(box, *attempts) == []


def test_users_of_this_machine_are_not_named(box):
    users = box.python("import pwd; print(*(p.pw_name for p in pwd.getpwall()))")
    assert users.output == "sandbox nobody\n"


def test_what_is_given_is_read_and_not_written(tmp_path, level):
    given = tmp_path / "given"
    given.mkdir()
    (given / "file").write_text("public")
    (tmp_path / "beside").write_text(SECRET)
    with open_box(tmp_path, level, readable=[given]) as box:
        assert len(escapes(box, f"read, '{given}/file'")) == 1
        attempts = [f"write, '{given}/file'", f"read, '{given}/../beside'"]
        assert escapes(box, *attempts, f"os.remove, '{given}/file'") == []
    assert (given / "file").read_text() == "public"


def test_links_and_dots_lead_nowhere(box, tmp_path):
    (tmp_path / "private").write_text(SECRET)
    up = "../" * 12
    code = f"""
import os
os.symlink("{tmp_path}/private", "link")
os.symlink("{up}{tmp_path}", "folder")
os.symlink("/", "root")
os.mkdir("inner")
os.symlink("..", "inner/up")
"""
    assert box.python(code).output == ""
    paths = ["link", "folder/private", f"{up}{tmp_path}/private", "../private"]
    paths += [f"root{tmp_path}/private", "/proc/1/" + "root/etc/shadow"]
    paths += [f"/proc/self/cwd/..{tmp_path}/private"]
    assert escapes(box, *(f"read, {path!r}" for path in paths)) == []
    # what is planted does not lead this machine astray either
    for path in ("link", "folder/private", f"root{tmp_path}/private", "inner/up/link"):
        with pytest.raises(SandboxError, match="is not read"):
            read_inside(box.folder, path)


def test_devices_and_kernel_settings_are_out_of_reach(box):
    devices = ["/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/nvme0n1"]
    settings = ["kernel/core_pattern", "vm/drop_caches", "net/ipv4/ip_forward"]
    writes = [f"/proc/sys/{name}" for name in settings]
    writes += ["/proc/sysrq-trigger", "/sys/power/state", "/sys/fs/cgroup/x"]
    writes += ["/proc/1/oom_score_adj", "/proc/self/uid_map", "/proc/1/mem"]
    made = "os.mknod, 'disk', stat.S_IFBLK | 0o600, os.makedev({}, 0)"
    attempts = [f"os.open, {p!r}, os.O_RDONLY" for p in devices]
    attempts += [f"os.open, {p!r}, os.O_WRONLY" for p in (*devices, *writes)]
    attempts += [made.format(number) for number in (8, 254, 259)]
    assert escapes(box, *attempts) == []


# ---- processes -------------------------------------------------------------------


def test_the_environment_is_clean(box, bare, monkeypatch):
    monkeypatch.setenv("API_KEY", SECRET)
    code = """
import glob
for path in glob.glob("/proc/[0-9]*/*"):
    if path.endswith(("environ", "cmdline")):
        print(path, open(path, "rb").read())
"""
    shown = box.python(code).output
    assert "/proc/1/environ" in shown
    assert box.mark in shown
    assert SECRET not in shown
    assert str(box.folder.parent) not in shown  # command lines of the host
    attempt = f"read, '/proc/{os.getpid()}/environ'"
    assert len(escapes(bare, attempt)) == 1
    assert escapes(box, attempt) == []


def test_no_file_of_this_process_is_open_inside(box, tmp_path):
    with (tmp_path / "log").open("w") as log:
        os.set_inheritable(log.fileno(), True)
        shown = box.run(["sh", "-c", "ls -l /proc/self/fd /proc/1/fd"]).output
    assert "/proc/self/fd" in shown
    assert str(tmp_path) not in shown
    others = [x.split(" -> ")[1] for x in shown.splitlines() if " -> " in x]
    known = ("pipe:", "/proc/", "/dev/null", tempfile.gettempdir())
    assert [x for x in others if not x.startswith(known)] == []


def test_other_processes_are_out_of_reach(box, bare):
    own = os.getpid()
    attempts = [f"os.kill, {own}, 0", f"os.getpriority, os.PRIO_PROCESS, {own}"]
    assert len(escapes(bare, *attempts)) == len(attempts)
    buffer = "ctypes.byref((ctypes.c_void_p * 2)(0, 0)), 1"
    attempts += [
        f"os.kill, {own}, signal.SIGKILL",
        f"libc.ptrace, 16, {own}, 0, 0",
        "libc.ptrace, 16, 1, 0, 0",
        f"libc.process_vm_readv, {own}, {buffer}, {buffer}, 0",
        f"libc.process_vm_readv, 1, {buffer}, {buffer}, 0",
        f"os.pidfd_open, {own}",
    ]
    assert escapes(box, *attempts) == []


@pytest.mark.parametrize("target", ["-1", "0", "-os.getpgid(0)", "os.getppid()"])
def test_signals_stay_inside(target, box):
    code = f"import os; [os.kill({target}, n) for n in (1, 2, 15, 9)]; print('done')"
    done = box.python(code)  # and we are still here
    assert (done.timed_out, done.stopped) == (False, "")
    assert box.run(["echo", "well"]).output == "well\n"


def test_there_are_no_rights_to_gain(box):
    status = box.python("print(open('/proc/self/status').read())").output
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0
    assert int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"


def test_namespaces_and_mounts_cannot_be_made(box):
    attempts = [
        "libc.mount, b'none', b'/tmp', b'tmpfs', 0, None",
        "libc.mount, b'none', b'/', None, 32 | 4096, None",  # remount, writable
        "libc.umount2, b'/etc/passwd', 2",
        "libc.unshare, 0x10000000",  # user namespace
        "libc.unshare, 0x00020000",
        "libc.syscall, 56, 0x10000000 | 17, 0, 0, 0, 0",  # clone
        "libc.setns, os.open('/proc/1/ns/mnt', os.O_RDONLY), 0",
        "os.chroot, '/tmp'",
        "libc.sethostname, b'x', 1",
        "os.setuid, 0",
        "os.setgroups, [0]",
    ]
    assert escapes(box, *attempts) == []


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86_64")
def test_keys_and_terminals_are_out_of_reach(box):
    attempts = [
        "libc.syscall, 250, 0, -3, 1",  # keyctl: the keys of our session
        "libc.syscall, 248, b'user', b'x', b'x', 1, -3",  # add_key
        "libc.syscall, 425, 8, ctypes.create_string_buffer(256)",  # io_uring
        "libc.syscall, 321, 0, None, 0",  # bpf
        "open, '/dev/tty'",
        "__import__('fcntl').ioctl, 0, 0x5412, b'x'",  # type into a terminal
        "__import__('fcntl').ioctl, 0, 0x5412 | 1 << 32, b'x'",
    ]
    assert escapes(box, *attempts) == []
