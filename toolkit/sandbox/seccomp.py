"""A filter of system calls: closes what namespaces leave open.

Keys of the session are shared with its processes, nested user namespaces and io_uring
are a large part of what kernels were broken through, and nothing that runs here needs
any of them. The filter is a program for the kernel's packet machine; bubblewrap hands
it over. See `man 2 seccomp`.
"""

from __future__ import annotations

import errno
import platform
import struct

CALLS = {
    # name: number on x86_64, on aarch64
    "keys": [(248, 217), (249, 218), (250, 219)],
    "other processes": [(101, 117), (310, 270), (311, 271), (312, 272), (438, 438)],
    "mounts": [
        *[(165, 40), (166, 39), (155, 41), (161, 51), (304, 265), (300, 262)],
        *[(number, number) for number in (*range(428, 434), 442)],
    ],
    "namespaces": [(272, 97), (308, 268)],
    "kernel memory": [(321, 280), (298, 241), (323, 282)],
    "io_uring": [(425, 425), (426, 426), (427, 427)],
    "modules": [(246, 104), (320, 294), (175, 105), (313, 273), (176, 106)],
    "the machine": [(169, 142), (167, 224), (168, 225), (163, 89), (103, 116)],
    "clocks": [(164, 170), (227, 112), (159, 171), (305, 266)],
}
"""System calls that are refused."""
CLONE3 = (435, 435)
"""Its flags lie in memory, which a filter cannot read; libraries then use `clone`."""
CLONE = (56, 220)
IOCTL = (16, 29)
NEW_NAMESPACES = 0x7E020000
"""All flags of `clone` that make a namespace."""
TERMINAL = (0x5412, 0x541C)
"""`TIOCSTI` and `TIOCLINUX` of `ioctl`, which type into a terminal."""
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
X32 = 0x40000000
"""Added to the numbers of a second table of calls on x86_64."""

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENT = 0, 4, 16
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000


def build_filter(machine: str | None = None) -> bytes:
    """Return the program, or nothing for a machine whose numbers are not known.

    Args:
        machine: Its architecture; that of this one by default.
    """
    known = ARCHITECTURES.get(machine or platform.machine())
    if known is None:
        return b""
    column, architecture = known
    refuse = _step(RETURN, ERROR | errno.EPERM)
    lacking = _step(RETURN, ERROR | errno.ENOSYS)
    numbers = sorted(pair[column] for pairs in CALLS.values() for pair in pairs)
    return b"".join(
        [
            _step(LOAD, ARCHITECTURE),
            _unless(EQUAL, architecture, _step(RETURN, KILL)),
            _step(LOAD, NUMBER),
            _when(AT_LEAST, X32, lacking),
            _when(EQUAL, CLONE3[column], lacking),
            *(_when(EQUAL, number, refuse) for number in numbers),
            _when(
                EQUAL,
                CLONE[column],
                _step(LOAD, ARGUMENT)
                + _when(ANY_BIT, NEW_NAMESPACES, refuse)
                + _step(RETURN, ALLOW),
            ),
            _when(
                EQUAL,
                IOCTL[column],
                _step(LOAD, ARGUMENT + 8)
                + b"".join(_when(EQUAL, request, refuse) for request in TERMINAL),
            ),
            _step(RETURN, ALLOW),
        ]
    )


def _step(code: int, value: int, on_true: int = 0, on_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, on_true, on_false, value)


def _when(test: int, value: int, then: bytes) -> bytes:
    """Do something if a test holds."""
    return _step(test, value, on_false=len(then) // 8) + then


def _unless(test: int, value: int, then: bytes) -> bytes:
    """Do something if a test does not hold."""
    return _step(test, value, on_true=len(then) // 8) + then
