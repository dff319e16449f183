import resource
import subprocess
import sys

import pytest

from toolkit.errors import ConfigError
from toolkit.sandbox.limits import OPEN_FILES, Limits, limited

SHOW = """
import resource as r
names = "AS CORE CPU FSIZE NOFILE NPROC".split()
print({n: r.getrlimit(getattr(r, "RLIMIT_" + n)) for n in names})
"""


def shown(command):
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return eval(done.stdout)


@pytest.mark.parametrize("waits", [True, False])
def test_a_command_limits_itself(waits):
    limits = Limits(memory_mb=512, cpu_s=7, file_mb=3)
    found = shown(limited([sys.executable, "-c", SHOW], limits, waits=waits))
    assert found["AS"] == (512 * 2**20,) * 2
    assert found["CPU"] == (7, 7)
    assert found["FSIZE"] == (3 * 2**20,) * 2
    assert found["NOFILE"] == (OPEN_FILES,) * 2
    assert found["CORE"] == (0, 0)
    assert found["NPROC"] == resource.getrlimit(resource.RLIMIT_NPROC)


def test_processes_are_limited_if_the_kernel_is_to_count_them():
    command = limited([sys.executable, "-c", SHOW], Limits(), count_processes=True)
    assert shown(command)["NPROC"] == (64, 64)


def test_what_is_lower_already_stays():
    command = limited([sys.executable, "-c", SHOW], Limits(cpu_s=50))
    assert (
        shown(["sh", "-c", 'ulimit -t 20; exec "$@"', "sh", *command])["CPU"][1] <= 50
    )


@pytest.mark.parametrize("waits", [True, False])
def test_arguments_and_status_pass_through(waits):
    arguments = ["a b", "$HOME", "`x`", '"', "", "\n"]
    code = "import sys; print(sys.argv[1:]); sys.exit(5)"
    command = limited([sys.executable, "-c", code, *arguments], Limits(), waits=waits)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (eval(done.stdout), done.returncode, done.stderr) == (arguments, 5, "")


@pytest.mark.parametrize("value", [0, -1, 1.5, "64", None])
def test_a_limit_is_a_whole_number_above_zero(value):
    with pytest.raises(ConfigError, match="processes is"):
        Limits(processes=value)
