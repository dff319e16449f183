import json
import os
import pickle
import signal
import threading
import time

import pytest

from tests.models import tiny_policy
from tests.rewards.games import play
from tests.rewards.judge_server import serve
from toolkit.errors import ConfigError, JudgeError, ModelError
from toolkit.rewards import Endpoint, judged

RUBRIC = "Find the key."


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path))
    return tmp_path / "judgements"


def judge(server, *, rubric=RUBRIC, each="episode", **settings):
    endpoint = Endpoint(url=server.url, model="judge", backoff_s=0.01, **settings)
    return judged(endpoint, rubric, each=each)


def key_is_good(body, n):
    """A judge that knows one thing, and reads the turn it is asked about."""
    prompt = body["messages"][0]["content"]
    last = prompt.split("agent| ")[-1].splitlines()[0]
    return "5" if "key" in last else "ten" if "break" in last else "2"


def test_the_grade_of_an_episode_is_paid_on_its_last_turn():
    with serve(key_is_good) as server:
        reward = judge(server)
        assert reward(play("go", "look", "take key")) == [0.0, 0.0, 1.0]
        assert reward(play("go")) == [0.25]


def test_each_turn_is_paid_its_share():
    with serve(key_is_good) as server:
        reward = judge(server, each="turn")
        assert reward(play("go", "take key", "go", "go")) == [
            0.0625,
            0.25,
            0.0625,
            0.0625,
        ]
    assert len(server.bodies) == 4


def test_playing_on_earns_nothing():
    with serve("4") as server:
        reward = judge(server, each="turn")
        totals = [sum(reward(play(*["go"] * k))) for k in (1, 3, 7)]
    assert totals == pytest.approx([0.75] * 3)


def test_many_episodes_are_one_call_and_alike_ones_one_question():
    episodes = [play("go"), play("take key"), play("go", sample=1), play()]
    with serve(key_is_good) as server:
        reward = judge(server)
        assert reward.batch(episodes) == [[0.25], [1.0], [0.25], []]
    assert len(server.bodies) == 2
    assert (reward.usage.requests, reward.usage.cache_hits) == (2, 1)


@pytest.mark.parametrize("each", ["episode", "turn"])
def test_what_is_known_needs_no_request(each):
    episodes = [play("go", "take key"), play("look")]
    with serve(key_is_good) as server:
        first = judge(server, each=each).batch(episodes)
        asked = len(server.bodies)
        url = server.url
    # The server is gone now; another reward, as in another process, still knows.
    again = judged(Endpoint(url=url, model="judge"), RUBRIC, each=each)
    assert again.batch(episodes) == first
    assert again.usage.to_dict() | {"seconds": 0} == {
        "requests": 0,
        "tokens_in": 0,
        "tokens_out": 0,
        "seconds": 0,
        "cache_hits": asked,
        "failures": {},
    }


def test_another_question_is_asked_anew():
    episode = play("go")
    with serve("3") as server:
        for settings in (
            {},
            {"rubric": "Be quick."},
            {"each": "turn"},
            {"options": {"temperature": 1}},
            {},
        ):
            judge(server, **settings)(episode)
        judge(server)(play("go", final="Another end."))
        judged(Endpoint(url=server.url, model="other"), RUBRIC)(episode)
    assert len(server.bodies) == 6


def test_a_damaged_entry_is_made_again(cache):
    with serve("5") as server:
        judge(server)(play("go"))
        (path,) = cache.rglob("*.json")
        path.write_bytes(path.read_bytes()[:9])
        assert judge(server)(play("go")) == [1.0]
        assert judge(server)(play("go")) == [1.0]
    assert len(server.bodies) == 2


# ---- failures --------------------------------------------------------------------


def test_a_failure_takes_the_place_of_one_episode_and_names_it():
    episodes = [play("go"), play("break", seed=7, sample=2), play("take key")]
    with serve(key_is_good) as server:
        reward = judge(server)
        low, error, high = reward.batch(episodes)
    assert (low, high) == ([0.25], [1.0])
    assert isinstance(error, JudgeError)
    assert "sample 2 of toy/train/7" in error.what
    assert "gave no grade" in error.why
    assert reward.usage.failures == {"The judge gave no grade.": 1}
    json.dumps(reward.usage.to_dict())


def test_a_failed_turn_is_named_and_fails_its_episode():
    with serve(key_is_good) as server:
        reward = judge(server, each="turn")
        with pytest.raises(JudgeError, match="turn 2 of sample 0 of toy/train/0"):
            reward(play("go", "break it", "take key"))
    assert reward.usage.requests == 3


def test_a_failure_is_not_kept():
    replies = [(400, {}, b""), "5"]
    with serve(lambda body, n: replies[n]) as server:
        reward = judge(server)
        (error,) = reward.batch([play("go")])
        assert isinstance(error, JudgeError)
        assert reward.batch([play("go")]) == [[1.0]]


def test_an_error_survives_a_pickle():
    with serve((400, {}, b"no")) as server:
        (error,) = judge(server).batch([play("go")])
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_an_interrupt_loses_no_answer_that_was_paid_for(cache):
    interrupted = threading.Event()

    def kept():
        return list(cache.rglob("*.json"))

    def reply(body, n):
        if n == 3:
            deadline = time.monotonic() + 60
            while len(kept()) < 3 and time.monotonic() < deadline:
                time.sleep(0.01)  # the first three are being kept meanwhile
            os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C does
            interrupted.wait(60)
        return "3"

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with serve(reply) as server:
            reward = judge(server, concurrency=1)
            with pytest.raises(KeyboardInterrupt):
                reward.batch([play(str(i)) for i in range(20)])
            interrupted.set()
            assert len(server.bodies) < 20
    finally:
        signal.signal(signal.SIGINT, handler)
    assert len(kept()) == 3 >= reward.usage.requests >= 2


def test_cost_is_counted():
    replies = [(429, {}, b""), "3", "three"]
    with serve(lambda body, n: replies[n]) as server:
        reward = judge(server, concurrency=1)
        reward.batch([play("a"), play("b")])
    usage = reward.usage
    assert (usage.requests, usage.tokens_in, usage.tokens_out) == (3, 200, 2)
    assert usage.seconds > 0
    assert sum(usage.failures.values()) == 1


# ---- local models ----------------------------------------------------------------


def test_a_local_model_judges_and_remembers():
    policy = tiny_policy()
    reward = judged(policy, RUBRIC)
    episodes = [play("go"), play("go", "take key")]
    first = reward.batch(episodes)
    assert [len(r) for r in first] == [1, 2]
    assert first[1][0] == 0.0
    assert 0 < first[0][0] < 1
    assert reward.batch(episodes) == first
    assert (reward.usage.requests, reward.usage.cache_hits) == (2, 2)


def test_a_model_that_has_changed_is_asked_again():
    policy = tiny_policy()
    reward = judged(policy, RUBRIC)
    before = reward(play("go"))
    policy.model.load_state_dict(tiny_policy(seed=1).model.state_dict())
    assert reward(play("go")) != before
    assert (reward.usage.requests, reward.usage.cache_hits) == (2, 0)


def test_a_model_is_found_by_name_or_folder(tmp_path):
    tiny_policy().save(tmp_path / "model")
    by_folder = judged(tmp_path / "model", RUBRIC)(play("go"))
    assert by_folder == pytest.approx(
        judged(tiny_policy(), RUBRIC)(play("go")), abs=1e-5
    )
    with pytest.raises(ModelError, match="No model"):
        judged(str(tmp_path / "nothing"), RUBRIC)


# ---- bad input -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "rubric", "each", "message"),
    [
        ("pocket", "  ", "episode", "rubric is empty"),
        ("pocket", "Win.", "token", "each 'token'"),
        ("http://localhost:8000/v1", "Win.", "episode", "Endpoint"),
        (42, "Win.", "episode", "int cannot judge"),
    ],
)
def test_bad_settings_say_what_to_do(model, rubric, each, message):
    with pytest.raises(ConfigError, match=message):
        judged(model, rubric, each=each)
