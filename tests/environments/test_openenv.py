import json
import pickle
import socket
import threading
from contextlib import contextmanager

import pytest

from toolkit.environments import openenv
from toolkit.environments.base import make_env, tasks
from toolkit.environments.checker import check_env
from toolkit.environments.openenv import Line, from_openenv
from toolkit.environments.serving import as_openenv
from toolkit.episodes.record import StopReason
from toolkit.episodes.rollout import collect
from toolkit.errors import (
    ConfigError,
    EnvironmentCrashError,
    MissingExtraError,
    UnknownEnvironmentError,
)
from toolkit.policies.base import Action, Policy

sync_server = pytest.importorskip("websockets.sync.server", reason="needs extra games")
COUNTDOWN = "countdown/n3-easy"


class Checking(Policy):
    def start(self, *, greedy=False):
        pass

    def act(self, observations):
        return [Action(text="check 1") for _ in observations]


@contextmanager
def answering(answer):
    """A server that answers every message with what `answer` makes of it."""

    def session(connection):
        for text in connection:
            said = answer(json.loads(text))
            if said is None:
                return
            connection.send(said if isinstance(said, str) else json.dumps(said))

    with sync_server.serve(session, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


def seen(observation, **more):
    data = {"observation": observation, "reward": None, "done": False} | more
    return {"type": "observation", "data": data}


@contextmanager
def player(url, **options):
    env = from_openenv(url, **options)
    try:
        env.reset(options={"task": tasks(env.spec.id, n=1)[0]})
        yield env
    finally:
        env.close()


def test_a_world_behind_a_server_keeps_the_contract():
    with as_openenv(COUNTDOWN) as server:
        verdict = check_env(from_openenv(server.url).spec.id)
    assert set(verdict.codes) == {"choices"}, str(verdict)
    assert verdict.passed
    assert verdict.asked >= {"process", "snapshot", "hostile", "repeat"}


def test_it_is_the_game_that_is_served():
    game = tasks(COUNTDOWN, split="test", n=1)[0]
    here = make_env(COUNTDOWN, expert=True)
    text, info = here.reset(options={"task": game})
    with as_openenv(COUNTDOWN) as server:
        env = from_openenv(server.url)
        there = tasks(env.spec.id, split="test", n=1)[0]
        assert env.reset(options={"task": there})[0] == text
        answer = info["expert"][0]
        assert env.step("check 1")[:4] == here.step("check 1")[:4]
        one, other = env.step(answer), here.step(answer)
        assert one[:4] == other[:4]
        assert one[4]["won"]
        assert one[4]["distance"] == other[4]["distance"] == 0.0
        env.close()


def test_a_turn_limit_of_the_server_cuts_the_game_off():
    server = as_openenv(make_env(COUNTDOWN, max_turns=2))
    with server, player(server.url) as env:
        env.step("check 1")
        *_, terminated, truncated, info = env.step("check 1")
        assert (terminated, truncated) == (False, True)
        assert not info["lost"]


def test_rewards_decide_who_won_if_the_server_does_not_tell():
    def counting(message):
        word = message["data"].get("message", "")
        ended = word in ("win", "lose")
        return seen({"text": "x"}, done=ended, reward=float(word == "win"))

    with answering(counting) as url:
        for word in ("win", "lose"):
            with player(url) as env:
                assert not env.step("go on")[2]
                info = env.step(word)[4]
                assert (info["won"], info["lost"]) == (word == "win", word == "lose")


def test_which_text_is_read_and_where_words_go():
    said = []

    def board(message):
        said.append(message["data"])
        return seen({"board": "x|o", "hint": "left", "turn": 3, "metadata": {"a": 1}})

    with answering(board) as url:
        with player(url, say="move") as env:
            text, _, _, _, info = env.step("4")
            assert json.loads(text) == {"board": "x|o", "hint": "left", "turn": 3}
            assert info["a"] == 1
        with player(url, read="board") as env:
            assert env.step("4")[0] == "x|o"
        with pytest.raises(EnvironmentCrashError, match="board, hint, turn"):
            player(url, read="turn").__enter__()
    assert {"move": "4"} in said
    assert {"message": "4"} in said


WRONG = {
    "no JSON": "hello",
    "another type": {"type": "greeting", "data": {}},
    "no observation": {"type": "observation", "data": {"reward": 1.0}},
    "a list": [1, 2],
    "an error": {"type": "error", "data": {"code": "X", "message": "not today"}},
    "a text for a reward": seen({"text": "x"}, reward="much"),
    "the end": None,
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
def test_a_server_that_speaks_something_else(answer):
    def changing(message):
        return seen({"text": "x"}) if message["type"] == "reset" else answer

    with answering(changing) as url, player(url) as env:
        with pytest.raises(EnvironmentCrashError) as caught:
            env.step("look")
        assert caught.value.fix
        if caught.value.why.startswith("X"):
            assert "not today" in str(caught.value)


def test_a_server_that_never_answers_is_given_up():
    given_up = threading.Event()

    def silent(message):
        if message["type"] != "reset":
            given_up.wait(60)
        return seen({"text": "x"})

    with answering(silent) as url, player(url, timeout_s=2.0) as env:
        with pytest.raises(EnvironmentCrashError, match="does not answer"):
            env.step("look")
        given_up.set()


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        env = from_openenv(f"http://127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(EnvironmentCrashError, match="does not answer"):
            env.reset(options={"task": tasks(env.spec.id, n=1)[0]})


@pytest.mark.parametrize("workers", [0, 1])
def test_a_server_that_goes_in_mid_episode_gives_broken_episodes(workers):
    turns = []

    def dying(message):
        turns.append(message["type"])
        return None if len(turns) > 4 else seen({"text": "x"})

    with answering(dying) as url:
        env = from_openenv(url, max_turns=10)
        games = tasks(env.spec.id, n=2)
        episodes = collect(
            Checking(), env, games, live=1, workers=workers, progress=False
        )
        assert [e.stop_reason for e in episodes] == [StopReason.ENVIRONMENT_ERROR] * 2
        assert "does not answer" in episodes[0].error
        assert len(episodes[0].turns) == 4


def test_after_a_failure_the_next_game_gets_a_new_session():
    failing = [True]

    def once(message):
        if message["type"] == "step" and failing:
            failing.clear()
            return None
        return seen({"text": "x"})

    with answering(once) as url, player(url) as env:
        with pytest.raises(EnvironmentCrashError):
            env.step("look")
        env.reset(options={"task": tasks(env.spec.id, n=1)[0]})
        assert env.step("look")[0] == "x"


def test_addresses():
    assert make_env("openenv/localhost:80")._line.url == "ws://localhost:80/ws"
    secure = from_openenv("https://name.hf.space")
    assert secure._line.url == "wss://name.hf.space:443/ws"
    assert pickle.loads(pickle.dumps(secure.factory))()._line.url == secure._line.url
    for wrong in ("localhost", "ftp://x:1", "http://x:1/y", "http://x y"):
        with pytest.raises(ConfigError, match="http://localhost:8000"):
            from_openenv(wrong)
    for wrong in ("openenv/", "openenv/x", "openenv/x:y"):
        with pytest.raises(UnknownEnvironmentError, match="HOST:PORT"):
            make_env(wrong)
    for wrong in ({"timeout_s": 0}, {"max_turns": -1}, {"won_at": 0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            make_env("openenv/x:1", **wrong)


def test_without_the_package_the_extra_is_named(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(openenv.importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match="games"):
        Line("ws://localhost:1/ws", 1.0)
