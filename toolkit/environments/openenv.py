"""Worlds behind an OpenEnv server, played here.

OpenEnv (https://github.com/meta-pytorch/OpenEnv) keeps one session for each WebSocket
`/ws`. Messages are JSON: `{"type": "reset", "data": {"seed": 1}}` and
`{"type": "step", "data": {"message": "look"}}` are answered by `{"type":
"observation", "data": {"observation": {…}, "reward": 0.0, "done": false}}` or by
`{"type": "error", …}`. This file speaks it without the package openenv, which brings a
web framework along.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import re
from typing import Any, ClassVar

from toolkit.environments.adapted import AdaptedEnv, check_won_at, finite, outcome
from toolkit.environments.arguments import check_max_turns
from toolkit.environments.base import Task, TextEnv, make_env
from toolkit.errors import (
    ConfigError,
    EnvironmentCrashError,
    MissingExtraError,
    UnknownEnvironmentError,
)

MAX_TURNS = 50
"""Turns of an episode if the caller names no limit; servers have their own."""
RESET_PATIENCE = 5
"""A reset may take so many times as long as a step."""
LOCAL = ("localhost", "127.0.0.1", "[::1]")
_ADDRESS = re.compile(r"openenv/([\w.-]+):(\d{1,5})")


def from_openenv(url: str, **options: Any) -> TextEnv:
    """Return the world of an OpenEnv server.

    Args:
        url: Such as `http://localhost:8000` or `https://name.hf.space`.
        **options: Arguments of `OpenEnvEnv`.

    Raises:
        ConfigError: If this is no address, or an argument is out of range.
        MissingExtraError: If websockets is not installed.

    >>> from_openenv("http://localhost:8000", max_turns=9).spec.id
    'openenv/localhost:8000'
    """
    found = re.fullmatch(r"(http|ws)(s?)://([\w.-]+)(?::(\d{1,5}))?/?", url)
    if not found:
        raise ConfigError(
            f"{url!r} is no address of an OpenEnv server.",
            "It is not http://host:port.",
            "Give for instance http://localhost:8000.",
        )
    secure = bool(found[2])
    port = found[4] or (443 if secure else 80)
    return make_env(f"openenv/{found[3]}:{port}", secure=secure, **options)


class OpenEnvEnv(AdaptedEnv):
    """A world behind an OpenEnv server, spoken to in text.

    The seed of a task goes to the server with `reset`; whether the same seed gives the
    same game is up to the server, and `check_env` tells.

    Args:
        env_id: `openenv/HOST:PORT`.
        say: Field of the server's action that takes what is said.
        read: Field of its observation that holds the text. By default the only field
            that is text, and the whole observation as JSON if there are several.
        max_turns: Turns of an episode, by default `MAX_TURNS`.
        won_at: A game that has ended counts as won if its last reward, or the sum of
            all, is at least this; unless the metadata tell `won`, `is_success` or
            `success`.
        timeout_s: Seconds that a step may take. Worker processes have time-outs of
            their own.
        secure: Use TLS.
        admissible: Put `admissible_actions` into `info`, where the metadata hold them.
        expert: There is none; `info["expert"]` is `None`.

    Raises:
        UnknownEnvironmentError: If the id names no address.
        ConfigError: If an argument is out of range.
        MissingExtraError: If websockets is not installed.
    """

    refusal: ClassVar[str] = "Nothing was said."

    def __init__(
        self,
        env_id: str,
        *,
        say: str = "message",
        read: str = "",
        max_turns: int | None = None,
        won_at: float = 1.0,
        timeout_s: float = 8.0,
        secure: bool = False,
        admissible: bool = False,
        expert: bool = False,
    ) -> None:
        check_max_turns(max_turns)
        check_won_at(won_at)
        self._line = Line(_url(env_id, secure), timeout_s)
        self._say, self._read = say, read
        self._won_at, self._earned = float(won_at), 0.0
        super().__init__(
            max_turns=max_turns or MAX_TURNS, admissible=admissible, expert=expert
        )

    def close(self) -> None:
        """End the session."""
        self._line.close()

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        self._earned = 0.0
        message = {"type": "reset", "data": {"seed": task.seed}}
        data = self._line.ask(message, patience=RESET_PATIENCE)
        return self._text(data), self._facts(data)

    def _advance(self, command: str) -> tuple[str, float, bool, dict[str, Any]]:
        data = self._line.ask({"type": "step", "data": {self._say: command}})
        paid = data.get("reward")
        reward = finite(0.0 if paid is None else paid, self._line.url)
        self._earned += reward
        over = bool(data.get("done"))
        if over and metadata(data).get("truncated") is True:
            self._cut_off()
            over = False
        return self._text(data), reward, over, self._facts(data, over, reward)

    def _facts(
        self, data: dict[str, Any], over: bool = False, last: float = 0.0
    ) -> dict[str, Any]:
        return outcome(
            metadata(data),
            over=over,
            earned=self._earned,
            last=last,
            won_at=self._won_at,
            admissible=self.wants_admissible,
        )

    def _text(self, data: dict[str, Any]) -> str:
        """Return what is to be read in an answer."""
        fields = {k: v for k, v in data["observation"].items() if k != "metadata"}
        if self._read and not isinstance(fields.get(self._read), str):
            raise EnvironmentCrashError(
                f"The server's observation has no text {self._read!r}.",
                f"It has {', '.join(sorted(fields)) or 'nothing'}.",
                "Name one of these as read=…, or leave it out.",
            )
        texts = [v for v in fields.values() if isinstance(v, str) and v]
        if self._read or len(texts) == 1:
            return str(fields[self._read] if self._read else texts[0])
        return json.dumps(fields, ensure_ascii=False, sort_keys=True)


class Line:
    """A session with a server; it is made when something is asked.

    Args:
        url: Such as `ws://localhost:8000/ws`.
        timeout_s: Seconds that an answer may take.

    Raises:
        ConfigError: If `timeout_s` is not above 0.
        MissingExtraError: If websockets is not installed.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        if not timeout_s > 0:
            raise ConfigError(
                f"timeout_s is {timeout_s!r}.",
                "A server needs some time to answer.",
                "Give a number of seconds above 0.",
            )
        self.url, self._timeout_s = url, timeout_s
        self._client = websockets("sync.client")
        self._stack = contextlib.ExitStack()
        self._socket: Any = None

    def ask(self, message: dict[str, Any], *, patience: int = 1) -> dict[str, Any]:
        """Send a message and return the data of the observation that answers it.

        Raises:
            EnvironmentCrashError: If the server is gone, too slow or does not speak
                OpenEnv. The session is then over; the next message begins another.
        """
        errors = websockets("exceptions").WebSocketException
        try:
            self._socket = self._socket or self._connect()
            self._socket.send(json.dumps(message))
            answer = self._socket.recv(timeout=patience * self._timeout_s)
            return _observation(json.loads(answer), self.url)
        except (errors, OSError, ValueError, EnvironmentCrashError) as error:
            self.close()
            if isinstance(error, EnvironmentCrashError):
                raise
            raise EnvironmentCrashError(
                f"The OpenEnv server at {self.url} does not answer.",
                f"{type(error).__name__}: {error}",
                "See whether it runs, is no other kind of server, and has a session "
                "left for every episode that is played at the same time.",
            ) from error

    def close(self) -> None:
        """End the session, if there is one."""
        socket, self._socket = self._socket, None
        if socket is not None:
            with contextlib.suppress(Exception):  # it may be broken already
                socket.send('{"type": "close"}')
            self._stack.close()

    def _connect(self) -> Any:
        is_local = self.url.partition("//")[2].startswith(LOCAL)
        line = self._client.connect(
            self.url,
            open_timeout=self._timeout_s,
            close_timeout=1,
            compression=None,
            proxy=None if is_local else True,
        )
        return self._stack.enter_context(line)


def metadata(data: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of an answer, which may stand in two places."""
    found = data.get("metadata") or data["observation"].get("metadata")
    return found if isinstance(found, dict) else {}


def websockets(module: str) -> Any:
    """Import a module of the package websockets.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        return importlib.import_module(f"websockets.{module}")
    except ModuleNotFoundError as error:
        raise MissingExtraError("websockets", "games") from error


def _observation(answer: Any, url: str) -> dict[str, Any]:
    """Return the data of an answer that is an observation."""
    data = answer.get("data") if isinstance(answer, dict) else None
    kind = answer.get("type") if isinstance(answer, dict) else None
    if isinstance(data, dict) and kind == "observation":
        if isinstance(data.get("observation"), dict):
            return data
    elif isinstance(data, dict) and kind == "error":
        raise EnvironmentCrashError(
            f"The OpenEnv server at {url} reports an error.",
            f"{data.get('code', '')} {data.get('message', '')}".strip(),
            "See the log of the server; say=… names the field of its actions.",
        )
    raise EnvironmentCrashError(
        f"The server at {url} does not speak OpenEnv.",
        f"It answers {json.dumps(answer)[:100]}.",
        "Give the address of an OpenEnv server.",
    )


def _url(env_id: str, secure: bool) -> str:
    found = _ADDRESS.fullmatch(env_id)
    if not found:
        raise UnknownEnvironmentError(
            f"There is no environment {env_id!r}.",
            "An OpenEnv server is named openenv/HOST:PORT.",
            "Use for instance openenv/localhost:8000.",
        )
    return f"ws{'s' * secure}://{found[1]}:{found[2]}/ws"
