"""What a command wrote, however much that is."""

from __future__ import annotations

from collections import deque


class Output:
    """Keeps the beginning and the end of a stream of bytes.

    Args:
        limit: How many bytes are kept, in two halves.

    >>> output = Output(8)
    >>> for part in (b"abc", b"defgh", b"ijklmnop"):
    ...     output.add(part)
    >>> print(output.text())
    abcd
    [... 8 bytes are left out here ...]
    mnop
    """

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._kept = 0
        self.left_out = 0
        """How many bytes are not kept."""

    def add(self, part: bytes) -> None:
        """Take the next bytes of the stream."""
        room = self._half - len(self._head)
        self._head += part[:room]
        self._tail.append(part[room:])
        self._kept += len(self._tail[-1])
        while self._kept > self._half:
            first = self._tail.popleft()
            over = min(len(first), self._kept - self._half)
            self._kept -= over
            self.left_out += over
            if over < len(first):
                self._tail.appendleft(first[over:])

    def text(self) -> str:
        """Return what is kept; what is no UTF-8 is replaced."""
        parts = [bytes(self._head), b"".join(self._tail)]
        if self.left_out:
            parts.insert(1, b"\n[... %d bytes are left out here ...]\n" % self.left_out)
        return b"".join(parts).decode(errors="replace")
