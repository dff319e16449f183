"""A judge behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import functools
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from toolkit.errors import ConfigError, JudgeError
from toolkit.rewards.batch import cut_middle
from toolkit.rewards.judge import NOTICE, Answer, Question, read_grade

LONGEST_WAIT_S = 60.0
"""No pause before a retry is longer, whatever the server asks for."""
LONGEST_ANSWER = 1 << 20
"""A reply with more bytes than this is not read to its end."""


class _Busy(Exception):
    """The server may answer later: status 429 or 5xx."""

    def __init__(self, error: JudgeError, after_s: float) -> None:
        super().__init__(error, after_s)
        self.error, self.after_s = error, after_s


class _NoRedirect(HTTPRedirectHandler):
    """Never follow a redirect: it would carry the key to another server."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Treat the redirect as the answer."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A chat model behind `POST <url>/chat/completions`, as vLLM or OpenAI serve it.

    The key is read from the environment for each request and kept nowhere. Retried
    are the statuses 429 and 5xx alone.

    Raises:
        ConfigError: If a setting cannot work.
    """

    url: str
    """Base address, such as `http://localhost:8000/v1`."""
    model: str
    """Name of the model on that server."""
    key_env: str | None = None
    """Environment variable that holds the key (`None`: no key is sent)."""
    concurrency: int = 8
    """Most requests at the same time."""
    timeout_s: float = 60.0
    """Seconds until a request is given up."""
    retries: int = 4
    """Further tries while the server is busy."""
    backoff_s: float = 1.0
    """Pause before the first retry; it doubles each time, unless the server says."""
    max_chars: int = 40_000
    """A longer transcript loses its middle."""
    options: Mapping[str, Any] = field(
        default_factory=lambda: {"temperature": 0, "max_tokens": 8}
    )
    """Further fields of a request. A judge that thinks needs more `max_tokens`."""

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")) or not self.model:
            raise ConfigError(
                f"{self.model!r} at {self.url!r} is no endpoint.",
                "It needs an address that starts with http:// or https://, and the "
                "name of a model.",
                'Such as Endpoint(url="http://localhost:8000/v1", model="qwen3-8b").',
            )
        above = (self.concurrency, self.timeout_s, self.max_chars)
        if min(above) <= 0 or min(self.retries, self.backoff_s) < 0:
            raise ConfigError(
                "A setting of the endpoint is out of range.",
                "concurrency, timeout_s and max_chars must be above 0, retries and "
                "backoff_s at least 0.",
            )
        self._headers()

    def identity(self) -> str:
        """Return what the answers depend on."""
        settings = [self.url, self.model, self.max_chars, dict(self.options)]
        return json.dumps(settings, sort_keys=True)

    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Answer]]:
        """Yield the answers as they arrive."""
        stop = threading.Event()
        pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="judge")
        try:
            futures = {
                pool.submit(self._answer, question, stop): i
                for i, question in enumerate(questions)
            }
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:  # an interrupt must not wait for the questions that are left
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, question: Question, stop: threading.Event) -> Answer:
        """Ask until there is an answer or no hope of one."""
        body = self._body(question)
        for tries in range(1, self.retries + 2):
            try:
                return replace(self._request(body), requests=tries)
            except JudgeError as error:
                return Answer(result=error, requests=tries)
            except _Busy as busy:
                last = busy.error
                pause = max(self.backoff_s * 2 ** (tries - 1), busy.after_s)
                if tries > self.retries or stop.wait(min(pause, LONGEST_WAIT_S)):
                    break
        return Answer(result=last, requests=tries)

    def _body(self, question: Question) -> bytes:
        text = cut_middle(question.transcript, self.max_chars, NOTICE)
        content = question.before + text + question.after
        messages = [{"role": "user", "content": content}]
        fields = {"model": self.model, "messages": messages, **self.options}
        return json.dumps(fields).encode()

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self.key_env is not None:
            headers["Authorization"] = f"Bearer {self._key()}"
        return headers

    def _key(self) -> str:
        """Return the key; a bad one is never shown."""
        key = os.environ.get(self.key_env or "", "").strip()
        # The library would print a header that it refuses.
        if not key.isascii() or not key.isprintable() or not key:
            raise ConfigError(
                f"The environment variable {self.key_env} holds no usable key.",
                "It is unset, empty, or has characters that no key has.",
                f"Set {self.key_env} before starting Python, or leave key_env out.",
            )
        return key

    def _request(self, body: bytes) -> Answer:
        """Send one request.

        Raises:
            JudgeError: If there is no usable answer.
            _Busy: If the server asks to come back later.
        """
        headers = self._headers()
        address = f"{self.url.rstrip('/')}/chat/completions"
        request = Request(address, data=body, headers=headers, method="POST")
        end = time.monotonic() + self.timeout_s
        try:
            with _opener().open(request, timeout=self.timeout_s) as response:
                return _read_completion(_read(response, end))
        except HTTPError as error:
            with error:
                raise self._refused(error) from error
        except (OSError, HTTPException) as error:
            cause = error.reason if isinstance(error, URLError) else error
            raise self._unreachable(cause) from error

    def _unreachable(self, cause: object) -> JudgeError:
        if isinstance(cause, TimeoutError):
            return JudgeError(
                "The judge did not answer in time.",
                f"Nothing complete came from {self.url} in {self.timeout_s:g} s.",
                "Raise timeout_s, or lower concurrency.",
            )
        return JudgeError(
            "The judge cannot be reached.",
            f"{self.url}: {type(cause).__name__}: {cause}",
            "Check that the server runs and that the address is right.",
        )

    def _refused(self, reply: HTTPError) -> JudgeError | _Busy:
        """Return what a status other than 200 means."""
        try:
            text = reply.read(300).decode(errors="replace").strip()
        except (OSError, HTTPException):
            text = ""
        if self.key_env is not None:  # some servers repeat the key they refuse
            text = text.replace(self._key(), "…")
        error = JudgeError(
            f"The judge answered with status {reply.code}.",
            text or str(reply.reason),
            _REMEDIES.get(reply.code, "See the message of the server."),
        )
        if reply.code == 429 or reply.code >= 500:
            return _Busy(error, _seconds(reply.headers.get("Retry-After")))
        return error


@functools.cache
def _opener() -> OpenerDirector:
    """Make the client once: it loads all certificates, which takes a while."""
    return build_opener(_NoRedirect)


_REMEDIES = {
    401: "Check the key in the environment variable that key_env names.",
    403: "Check the key in the environment variable that key_env names.",
    404: "Check the address, which usually ends with /v1, and the name of the model.",
    429: "Lower concurrency, or raise retries or backoff_s.",
}


def _seconds(text: str | None) -> float:
    """Return a `Retry-After` in seconds; dates are ignored."""
    return float(text) if text and text.isascii() and text.isdigit() else 0.0


def _read(response: HTTPResponse, end: float) -> bytes:
    """Read a reply, however slowly it drips, until `end`.

    Raises:
        TimeoutError: If it is not complete then.
        JudgeError: If it is far too long.
    """
    parts, size = [], 0
    while part := response.read1(1 << 16):
        parts.append(part)
        size += len(part)
        if time.monotonic() > end:
            raise TimeoutError
        if size > LONGEST_ANSWER:
            raise JudgeError("The judge's reply has no end.", "It passed 1 MiB.")
    return b"".join(parts)


def _read_completion(body: bytes) -> Answer:
    """Return the grade in a chat completion.

    Raises:
        JudgeError: If it is none, was cut off, or says no grade.
    """
    try:
        reply = json.loads(body)
        choice = reply["choices"][0]
        text = str.strip(choice["message"]["content"] or "")
        usage = reply.get("usage") or {}
        tokens = [
            int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")
        ]
        cut = choice.get("finish_reason") == "length"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as e:
        raise JudgeError(
            "The judge's reply is not a chat completion.",
            f"It starts with {body[:80].decode(errors='replace')!r}.",
            "Check that the address is that of an OpenAI-compatible server.",
        ) from e
    try:
        if cut:
            raise JudgeError(
                "The judge was cut off before its grade.",
                "Its answer reached max_tokens.",
                'Give it more room, such as options={"max_tokens": 1024}.',
            )
        result: float | JudgeError = read_grade(text)
    except JudgeError as error:  # its tokens were paid for all the same
        result = error
    return Answer(result=result, tokens_in=tokens[0], tokens_out=tokens[1])
