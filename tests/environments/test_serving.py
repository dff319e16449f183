import json
import time
import urllib.error
import urllib.request

import pytest

from tests.environments.toy_envs import EchoEnv
from toolkit.environments import base
from toolkit.environments.base import make_env, register, tasks
from toolkit.environments.serving import as_openenv
from toolkit.errors import ConfigError

sync_client = pytest.importorskip("websockets.sync.client", reason="needs extra games")
exceptions = pytest.importorskip("websockets.exceptions")
COUNTDOWN = "countdown/n3-easy"


@pytest.fixture(autouse=True)
def no_custom_envs(monkeypatch):
    monkeypatch.setattr(base, "_CUSTOM", {})


PATIENCE_S = 60
"""Only a test that fails waits so long."""


def connected(server):
    url = server.url.replace("http", "ws") + "/ws"
    return sync_client.connect(url, proxy=None, compression=None)


def ask(connection, kind, **data):
    message = {"type": kind} | ({"data": data} if kind != "state" else {})
    connection.send(json.dumps(message))
    return json.loads(connection.recv(timeout=PATIENCE_S))


def test_a_game_in_the_words_of_openenv():
    task = tasks(COUNTDOWN, split="test", n=1)[0]
    here = make_env(COUNTDOWN, expert=True)
    text, info = here.reset(options={"task": task})
    with as_openenv(COUNTDOWN) as server, connected(server) as line:
        first = ask(line, "reset", seed=task.seed, episode_id="mine")
        assert first["type"] == "observation"
        assert first["data"]["observation"]["text"] == text
        assert (first["data"]["reward"], first["data"]["done"]) == (None, False)
        assert ask(line, "step", message="check 1")["data"]["reward"] == 0.0
        state = {"episode_id": "mine", "step_count": 1}
        assert ask(line, "state") == {"type": "state", "data": state}
        last = ask(line, "step", message=info["expert"][0])["data"]
        assert (last["reward"], last["done"]) == (1.0, True)
        assert last["metadata"]["won"] is True
        assert last["metadata"] == last["observation"]["metadata"]
        again = ask(line, "step", message="check 1")
        assert again["data"]["code"] == "EXECUTION_ERROR"
        assert "without a running game" in again["data"]["message"]


def test_sessions_do_not_know_of_each_other():
    with (
        as_openenv(COUNTDOWN) as server,
        connected(server) as a,
        connected(server) as b,
    ):
        first = ask(a, "reset", seed=1)
        assert ask(b, "reset", seed=2) != first
        ask(b, "step", message="check 1")
        assert ask(a, "state")["data"]["step_count"] == 0
        assert ask(b, "reset", seed=1) == first


def test_any_seed_gives_a_game_and_none_too():
    train = tasks(COUNTDOWN)
    with as_openenv(COUNTDOWN) as server, connected(server) as line:
        for seed in (10**12, 0):
            text = ask(line, "reset", seed=seed)["data"]["observation"]["text"]
            task = train[seed % len(train)]
            assert make_env(COUNTDOWN).reset(options={"task": task})[0] == text
        assert ask(line, "reset")["type"] == "observation"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("hello", "INVALID_JSON"),
        ("3", "INVALID_JSON"),
        ("{}", "INVALID_JSON"),
        ('{"type": "dance"}', "UNKNOWN_TYPE"),
        ('{"type": "answer"}', "UNKNOWN_TYPE"),
        ('{"type": ["reset"]}', "UNKNOWN_TYPE"),
        ('{"type": "reset", "data": 3}', "UNKNOWN_TYPE"),
        ('{"type": "reset", "data": {"seed": "x"}}', "EXECUTION_ERROR"),
        ('{"type": "step", "data": {"message": "x"}}', "EXECUTION_ERROR"),
        ('{"type": "step", "data": {"command": "x"}}', "EXECUTION_ERROR"),
    ],
)
def test_bad_messages_are_answered_and_the_session_goes_on(said, code):
    with as_openenv(COUNTDOWN) as server, connected(server) as line:
        line.send(said)
        answer = json.loads(line.recv(timeout=PATIENCE_S))
        assert (answer["type"], answer["data"]["code"]) == ("error", code)
        assert ask(line, "reset", seed=1)["type"] == "observation"


def test_a_world_that_breaks_is_told():
    register("toy", EchoEnv)
    with as_openenv("toy") as server, connected(server) as line:
        ask(line, "reset", seed=1)
        assert "bad command" in ask(line, "step", message="raise")["data"]["message"]
        told = ask(line, "step", message="exit")["data"]
        assert "SystemExit" in told["message"]


def test_sessions_are_counted_and_given_back():
    with as_openenv(COUNTDOWN, max_sessions=1) as server:
        with connected(server) as line:
            ask(line, "reset", seed=1)
            with connected(server) as other:
                answer = json.loads(other.recv(timeout=PATIENCE_S))
                assert answer["data"]["code"] == "CAPACITY_REACHED"
        for _ in range(500):  # the end of a session takes a moment
            with connected(server) as line:
                if ask(line, "reset", seed=1)["type"] == "observation":
                    break
            time.sleep(0.02)
        else:
            pytest.fail("the session was never given back")


def test_close_ends_sessions_and_frees_the_port():
    server = as_openenv(COUNTDOWN)
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(ConfigError, match=str(port)):
        as_openenv(COUNTDOWN, port=port)
    with connected(server) as line:
        ask(line, "reset", seed=1)
        start = time.monotonic()
        server.close()
        assert time.monotonic() - start < PATIENCE_S
        with pytest.raises(exceptions.ConnectionClosed):
            line.recv(timeout=PATIENCE_S)
    as_openenv(COUNTDOWN, port=port).close()


def test_health_and_schema_over_http():
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with as_openenv(COUNTDOWN) as server:
        health = opener.open(f"{server.url}/health", timeout=PATIENCE_S)
        assert json.load(health) == {"status": "healthy"}
        assert health.headers["Content-Type"] == "application/json"
        schema = json.load(opener.open(f"{server.url}/schema", timeout=PATIENCE_S))
        assert schema["action"]["required"] == ["message"]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            opener.open(f"{server.url}/web", timeout=PATIENCE_S)


def test_a_world_that_cannot_be_made_again_is_refused():
    with pytest.raises(ConfigError, match="EchoEnv was not made by make_env"):
        as_openenv(EchoEnv())
