import os
import struct

import pytest

from toolkit.sandbox.seccomp import CALLS, build_filter

ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000
X86, ARM = 0xC000003E, 0xC00000B7


def verdict(program, number, architecture, *arguments):
    """Run a filter as the kernel would (kernel documentation: filter.rst)."""
    arguments = (*arguments, 0, 0)[:2]
    data = struct.pack("=IIQ2Q", number, architecture, 0, *arguments)
    steps = list(struct.iter_unpack("=HBBI", program))
    at = value = 0
    while True:
        code, on_true, on_false, k = steps[at]
        if code == 0x06:
            return k
        if code == 0x20:
            value = struct.unpack_from("=I", data, k)[0]
        else:
            holds = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[code]
            at += on_true if holds else on_false
        at += 1


@pytest.mark.parametrize(
    ("machine", "column", "architecture", "clone", "ioctl"),
    [("x86_64", 0, X86, 56, 16), ("aarch64", 1, ARM, 220, 29)],
)
def test_what_is_refused(machine, column, architecture, clone, ioctl):
    program = build_filter(machine)

    def asked(number, *arguments):
        return verdict(program, number, architecture, *arguments)

    refused = {pair[column] for pairs in CALLS.values() for pair in pairs}
    special = {clone, ioctl, 435}
    for number in range(460):
        if number not in special:
            assert asked(number) == (EPERM if number in refused else ALLOW), number
    assert asked(435) == ENOSYS
    assert asked(clone, 0x11) == asked(clone, 0x3D0F00) == ALLOW  # fork, thread
    for flag in (0x20000, 0x2000000, 0x10000000, 0x20000000, 0x40000000):
        assert asked(clone, 0x11 | flag) == EPERM
    assert asked(ioctl, 0, 0x5401) == ALLOW
    assert asked(ioctl, 0, 0x5412) == asked(ioctl, 0, 1 << 32 | 0x5412) == EPERM
    assert verdict(program, 39, 0x40000003) == KILL  # 32 bits
    assert asked(0x40000000 + 39) == ENOSYS  # the other table of calls


def test_an_unknown_machine_has_no_filter():
    assert build_filter("riscv64") == b""
    assert (build_filter() == b"") is (os.uname().machine not in ("x86_64", "aarch64"))


def test_it_binds_inside(box):
    status = box.python("print(open('/proc/self/status').read())").output
    assert ("Seccomp:\t2" in status) is bool(build_filter())
