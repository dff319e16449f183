"""Our worlds behind an OpenEnv server, for anybody who speaks its protocol."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from toolkit.environments.adapted import storable
from toolkit.environments.base import SPLITS, Task, TextEnv, make_env, tasks
from toolkit.environments.openenv import websockets
from toolkit.environments.worker import describe
from toolkit.errors import ConfigError, TaskError, ToolkitError

TEXT = {"type": "string"}
SCHEMA = {
    "action": {"properties": {"message": TEXT}, "required": ["message"]},
    "observation": {"properties": {"text": TEXT}, "required": ["text"]},
    "state": {"properties": {"episode_id": TEXT, "step_count": {"type": "integer"}}},
}
"""What an action, an observation and a state hold."""


def as_openenv(
    env: str | TextEnv,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    max_sessions: int = 64,
) -> OpenEnvServer:
    """Serve a world in the background.

    Actions are `{"message": "look"}`, observations `{"text": …}`; the metadata hold
    `info`. `reset` takes the `seed` of a task; other numbers choose a training task.
    There is no authentication: anybody who reaches the port can play.

    Args:
        env: Registry id, or an environment made by `make_env`.
        host: Address to listen at; `0.0.0.0` lets other machines in.
        port: 0 takes a free one.
        max_sessions: Games played at the same time.

    Raises:
        ConfigError: If the port cannot be had, or `env` cannot be made again.
        MissingExtraError: If websockets is not installed.

    >>> from toolkit.environments.openenv import from_openenv
    >>> with as_openenv("countdown/n3-easy") as server:
    ...     player = from_openenv(server.url)
    ...     player.reset(seed=1)[0][:20]
    ...     player.close()
    'Make 28 from 20, 4 a'
    """
    made = make_env(env) if isinstance(env, str) else env
    if made.factory is None or made.spec is None:
        raise ConfigError(
            f"{type(made).__name__} was not made by make_env.",
            "Every session needs a world of its own.",
            "Give what make_env returned, or an id.",
        )
    params = {k: v for k, v in made.spec.kwargs.items() if k != "env"}
    games = _all_tasks(made.spec.id, params)
    return OpenEnvServer(made.factory, games, host, port, max_sessions)


class OpenEnvServer:
    """A running server; `close` it, or use it in a `with` statement."""

    url: str
    """Where it listens, such as `http://127.0.0.1:8000`."""

    def __init__(
        self,
        factory: Callable[[], TextEnv],
        games: dict[int, Task],
        host: str,
        port: int,
        max_sessions: int,
    ) -> None:
        self._factory, self._games = factory, games
        self._train = [task for task in games.values() if task.split == "train"]
        self._free = threading.Semaphore(max_sessions)
        self._one = threading.Lock()  # interpreters of games are no friends of threads
        self._open: set[Any] = set()
        try:
            self._server = websockets("sync.server").serve(
                self._session,
                host,
                port,
                process_request=_plain_http,
                compression=None,
                close_timeout=1,
            )
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"Nothing can be served at {host}:{port}.",
                f"{error}.",
                "Use port=0, which takes a free port.",
            ) from error
        self.url = f"http://{host}:{self._server.socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End all sessions and stop."""
        self._server.shutdown()
        self._thread.join()
        for socket in tuple(self._open):
            socket.close()

    def __enter__(self) -> OpenEnvServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _session(self, socket: Any) -> None:
        """Answer one player until the connection closes."""
        if not self._free.acquire(blocking=False):
            socket.send(_error("CAPACITY_REACHED", "All sessions are taken."))
            return
        session = None
        self._open.add(socket)
        try:
            with self._one:
                session = _Session(self._factory(), self._task)
            for text in socket:
                answer = self._answer(session, text)
                if answer is None:
                    break
                socket.send(answer)
        except websockets("exceptions").ConnectionClosed:
            pass  # the player has gone in the middle of a turn
        except ToolkitError as error:
            socket.send(_error("FACTORY_ERROR", str(error)))
        finally:
            self._open.discard(socket)
            self._free.release()
            if session is not None:
                with self._one:
                    session.env.close()

    def _answer(self, session: _Session, text: str | bytes) -> str | None:
        """Return the answer to a message, `None` if it ends the session."""
        try:
            message = json.loads(text)
            kind, data = message["type"], message.get("data") or {}
            is_sound = isinstance(kind, str) and isinstance(data, dict)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return _error("INVALID_JSON", f"{type(error).__name__}: {error}")
        if not is_sound or kind not in ("reset", "step", "state", "close"):
            return _error("UNKNOWN_TYPE", f"Unknown message type: {kind}")
        if kind == "close":
            return None
        try:
            with self._one:
                answer = getattr(session, kind)(data)
            return json.dumps(answer, allow_nan=False)
        except (Exception, SystemExit) as error:  # some games end the process
            what = str(error) if isinstance(error, ToolkitError) else describe(error)
            return _error("EXECUTION_ERROR", what)

    def _task(self, seed: int | None) -> Task | None:
        """Return the game of a seed, `None` to let the world choose."""
        if seed is None:
            return None
        return self._games.get(seed) or self._train[seed % len(self._train)]


class _Session:
    """One player's world."""

    def __init__(
        self, env: TextEnv, choose: Callable[[int | None], Task | None]
    ) -> None:
        self.env, self._choose = env, choose
        self._episode, self._turns = "", 0

    def reset(self, data: dict[str, Any]) -> dict[str, Any]:
        """Start a game."""
        seed = data.get("seed")
        task = self._choose(None if seed is None else int(seed))
        text, info = self.env.reset(
            seed=None if task is None else task.seed,
            options=None if task is None else {"task": task},
        )
        self._episode, self._turns = str(data.get("episode_id") or ""), 0
        return self._observation(text, info)

    def step(self, data: dict[str, Any]) -> dict[str, Any]:
        """Play a turn."""
        said = data.get("message")
        if not isinstance(said, str):
            raise TaskError(
                "The action has no text 'message'.",
                f"It has {', '.join(map(str, data)) or 'nothing'}.",
                'Send {"message": "look"}.',
            )
        text, reward, terminated, truncated, info = self.env.step(said)
        self._turns += 1
        more = {**info, "truncated": truncated}
        return self._observation(text, more, reward, terminated or truncated)

    def state(self, data: dict[str, Any]) -> dict[str, Any]:
        """Tell how far the game is."""
        told = {"episode_id": self._episode, "step_count": self._turns}
        return {"type": "state", "data": told}

    def _observation(
        self,
        text: str,
        info: dict[str, Any],
        reward: float | None = None,
        done: bool = False,
    ) -> dict[str, Any]:
        told = storable(info, without=())
        observation = {"text": text, "metadata": told}
        data = {
            "observation": observation,
            "reward": reward,
            "done": done,
            "metadata": told,
        }
        return {"type": "observation", "data": data}


def _plain_http(socket: Any, request: Any) -> Any:
    """Answer what is no WebSocket."""
    path = request.path.partition("?")[0]
    if path == "/ws":
        return None
    known = {"/health": {"status": "healthy"}, "/schema": SCHEMA}
    status = HTTPStatus.OK if path in known else HTTPStatus.NOT_FOUND
    answer = socket.respond(status, json.dumps(known.get(path, {"detail": "no"})))
    with contextlib.suppress(KeyError):
        del answer.headers["Content-Type"]
    answer.headers["Content-Type"] = "application/json"
    return answer


def _error(code: str, message: str) -> str:
    return json.dumps({"type": "error", "data": {"message": message, "code": code}})


def _all_tasks(env: str, params: dict[str, Any]) -> dict[int, Task]:
    """Return the tasks of all splits by their seeds."""
    found: dict[int, Task] = {}
    for split in SPLITS:
        try:
            games = tasks(env, split=split, **params)
        except TaskError:  # this world has no such split
            continue
        found |= {task.seed: task for task in games}
    return found
