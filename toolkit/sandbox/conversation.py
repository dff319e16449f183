"""A long-lived process in a sandbox that answers messages."""

from __future__ import annotations

import json
import os
import selectors
import time
from typing import Any, Self

from toolkit.errors import SandboxError, SandboxTimeoutError
from toolkit.sandbox.output import Output
from toolkit.sandbox.process import CHUNK, Process

ANSWER_MB = 16
"""Longer answers are refused: their writer is not to be trusted."""
SAID = 2000
"""Characters of error output that a message quotes."""


class Conversation:
    """Asks a process inside; one line of JSON each way.

    Args:
        process: With pipes of its own for input, output and errors.
        kept_kb: How much of its error output is kept.
    """

    def __init__(self, process: Process, kept_kb: int) -> None:
        self._process = process
        self._errors = Output(kept_kb * 1024)
        self._answer = bytearray()
        self._closed = False
        os.set_blocking(process.stdin, False)

    def ask(self, message: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a message and return the answer.

        Args:
            message: What `json.dumps` can write.
            timeout_s: How long the answer may take, in seconds.

        Raises:
            SandboxTimeoutError: If it took longer; the conversation is over.
            SandboxError: If the process has ended, was ended for exceeding a limit, or
                did not answer with a JSON object; the conversation is over.
        """
        if self._closed:
            raise SandboxError(
                "This process in the sandbox has ended.",
                "The conversation was closed, or an earlier question failed.",
                "Start another one.",
            )
        deadline = time.monotonic() + timeout_s
        question = json.dumps(message).encode() + b"\n"
        try:
            line = self._exchange(question, deadline)
            return self._parsed(line)
        except BaseException:
            self.close()
            raise

    @property
    def errors(self) -> str:
        """What the process wrote to its error output until the last answer."""
        return self._errors.text()

    def close(self) -> None:
        """End the process and all that it started."""
        if not self._closed:
            self._closed = True
            self._process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _exchange(self, question: bytes, deadline: float) -> bytes:
        """Write the question and read until the end of a line."""
        process, left_to_write = self._process, question
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdin, selectors.EVENT_WRITE)
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            while b"\n" not in self._answer:
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise self._failure(SandboxTimeoutError, "gave no answer in time")
                for key, _ in ready:
                    if key.fileobj is process.stdout:
                        self._hear(os.read(key.fd, CHUNK))
                    elif key.fileobj is process.stderr:
                        self._errors.add(os.read(key.fd, CHUNK))
                    else:
                        left_to_write = self._write(left_to_write)
                        if not left_to_write:
                            selector.unregister(key.fileobj)
        line, _, rest = bytes(self._answer).partition(b"\n")
        self._answer = bytearray(rest)
        return line

    def _write(self, question: bytes) -> bytes:
        """Write what fits into the pipe and return the rest."""
        try:
            return question[os.write(self._process.stdin, question) :]
        except BrokenPipeError:
            return b""  # reading tells what happened

    def _hear(self, part: bytes) -> None:
        """Take the next part of an answer."""
        self._answer += part
        if not part:
            raise self._failure(SandboxError, "has ended")
        if len(self._answer) > ANSWER_MB * 2**20:
            raise self._failure(SandboxError, f"answers with over {ANSWER_MB} MB")

    def _parsed(self, line: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            said = line[:80].decode(errors="replace")
            raise self._failure(SandboxError, f"answers no JSON object: {said!r}")
        return answer

    def _failure(self, kind: type[SandboxError], what: str) -> SandboxError:
        """Return an error that tells what is known about the process."""
        if self._process.stopped:
            why = f"It was stopped, because there were {self._process.stopped}."
        else:
            said = self.errors.strip()[-SAID:]
            why = f"It said: {said}" if said else "It wrote no error."
        return kind(
            f"The process in the sandbox {what}.",
            why,
            "Start another one; if the code inside is right, raise its limits.",
        )
