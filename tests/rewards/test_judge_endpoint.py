import socket
import threading
import time

import pytest

from tests.rewards.games import play
from tests.rewards.judge_server import completion, serve
from toolkit.errors import ConfigError, JudgeError
from toolkit.rewards import Endpoint
from toolkit.rewards.judge import questions


def ask(server, n=1, said="go", **settings):
    """Ask about n episodes and return the answers in order."""
    settings = {"backoff_s": 0.01, "timeout_s": 30.0} | settings
    endpoint = Endpoint(url=server.url, model="judge", **settings)
    asked = [questions(play(f"{said} {i}"), "Win.", "episode")[0] for i in range(n)]
    return [answer for _, answer in sorted(endpoint.ask(asked), key=lambda x: x[0])]


def test_the_protocol():
    with serve(completion("4", tokens=(321, 2))) as server:
        (answer,) = ask(server)
    assert answer.result == 0.75
    assert (answer.requests, answer.tokens_in, answer.tokens_out) == (1, 321, 2)
    assert server.paths == ["/v1/chat/completions"]
    (body,) = server.bodies
    assert body["model"] == "judge"
    assert body["temperature"] == 0
    assert "agent| go 0" in body["messages"][0]["content"]
    assert "Authorization" not in server.headers[0]


def test_answers_belong_to_their_questions():
    def reply(body, n):
        i = int(body["messages"][0]["content"].split("agent| go ")[1].split()[0])
        time.sleep(0.05 * (5 - i))  # the first question is answered last
        return str(i + 1)

    with serve(reply) as server:
        results = [answer.result for answer in ask(server, 5)]
    assert results == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_busy_servers_are_asked_again():
    replies = [(429, {}, b"slow down"), (503, {}, b""), completion("5")]
    with serve(lambda body, n: replies[n]) as server:
        (answer,) = ask(server)
    assert (answer.result, answer.requests) == (1.0, 3)


def test_pauses_double_and_the_server_may_ask_for_more():
    replies = [(500, {}, b""), (500, {}, b""), (429, {"Retry-After": "1"}, b""), "3"]
    with serve(lambda body, n: replies[n]) as server:
        ask(server, backoff_s=0.1)
    a, b, c, d = server.times
    assert b - a >= 0.1
    assert c - b >= 0.2
    assert d - c >= 1.0


def test_a_server_that_stays_broken_is_given_up():
    with serve((500, {}, b"no memory left")) as server:
        (answer,) = ask(server, retries=2)
    assert answer.requests == len(server.bodies) == 3
    assert isinstance(answer.result, JudgeError)
    assert "status 500" in answer.result.what
    assert "no memory left" in answer.result.why


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_other_refusals_are_not_retried(status):
    with serve((status, {}, b"no")) as server:
        (answer,) = ask(server)
    assert len(server.bodies) == 1
    assert f"status {status}" in answer.result.what


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"<html>Welcome</html>",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}",
        {"choices": []},
        {"choices": [{"message": {"content": ["4"]}}]},
        {"choices": [{"message": {"content": "4"}}], "usage": {"prompt_tokens": "x"}},
        {"choices": [{"message": {"content": "4"}}], "usage": 7},
        (200, {"Content-Length": 5000}, b'{"choices"'),
    ],
)
def test_garbage_is_a_failure_and_not_retried(reply):
    with serve(reply) as server:
        (answer,) = ask(server)
    assert len(server.bodies) == 1
    assert "not a chat completion" in answer.result.what


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        (completion("I would give it a ten"), "gave no grade"),
        (completion(None), "gave no grade"),
        (completion("It goes\n4", finish="length"), "cut off"),
    ],
)
def test_an_answer_without_a_grade_is_a_failure_that_costs_its_tokens(reply, what):
    with serve(reply) as server:
        (answer,) = ask(server)
    assert what in answer.result.what
    assert (answer.tokens_in, answer.tokens_out) == (100, 1)


def test_one_failure_leaves_the_others_alone():
    def reply(body, n):
        return "ten" if "agent| go 1\n" in body["messages"][0]["content"] else "5"

    with serve(reply) as server:
        results = [answer.result for answer in ask(server, 3)]
    assert [results[0], results[2]] == [1.0, 1.0]
    assert isinstance(results[1], JudgeError)


def test_slow_answers_are_given_up_in_time():
    end = threading.Event()
    with serve(lambda body, n: end.wait(60) and "5") as server:
        answers = ask(server, 3, timeout_s=2.0)
        end.set()
    assert len(server.bodies) == 3  # a time-out is not retried
    assert all("in time" in answer.result.what for answer in answers)


def test_answers_that_drip_are_given_up_in_time():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def drip():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                try:
                    while True:
                        connection.sendall(b" ")
                        time.sleep(0.05)
                except OSError:
                    pass

        threading.Thread(target=drip, daemon=True).start()
        endpoint = Endpoint(url=f"http://127.0.0.1:{port}/v1", model="m", timeout_s=0.4)
        ((_, answer),) = endpoint.ask(questions(play("go"), "Win.", "episode"))
    assert "in time" in answer.result.what


def test_a_server_that_is_not_there():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    endpoint = Endpoint(url=f"http://127.0.0.1:{port}/v1", model="m")
    ((_, answer),) = endpoint.ask(questions(play("go"), "Win.", "episode"))
    assert "cannot be reached" in answer.result.what
    assert "refused" in answer.result.why
    assert answer.requests == 1


def test_a_server_that_hangs_up():
    with serve(lambda body, n: 1 / 0) as server:
        (answer,) = ask(server)
    assert "cannot be reached" in answer.result.what


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_requests_at_a_time_than_allowed(limit):
    together = threading.Barrier(limit)  # opens only when that many are there

    def reply(body, n):
        together.wait(timeout=60)
        time.sleep(0.02)
        return "5"

    with serve(reply) as server:
        answers = ask(server, 6, concurrency=limit, timeout_s=60.0)
    assert server.most_live == limit
    assert [answer.result for answer in answers] == [1.0] * 6


def test_leaving_early_drops_the_questions_that_wait():
    left = threading.Event()
    with serve(lambda body, n: (n == 0 or left.wait(60)) and "5") as server:
        endpoint = Endpoint(url=server.url, model="m", concurrency=2)
        asked = [questions(play(str(i)), "Win.", "episode")[0] for i in range(40)]
        answers = endpoint.ask(asked)
        next(answers)
        answers.close()
        left.set()
        time.sleep(0.3)
        assert len(server.bodies) <= 3  # those that were under way


def test_a_long_transcript_loses_its_middle_with_a_notice():
    with serve("3") as server:
        ask(server, said="x" * 5000 + "END", max_chars=600)
    (prompt,) = server.prompts()
    assert "left out here" in prompt
    assert "END 0" in prompt
    assert prompt.count("x" * 100) < 5


# ---- the key ---------------------------------------------------------------------

SECRET = "sk-12345-very-secret"


def checks_key(body, n, server):
    if server.headers[n].get("Authorization") == f"Bearer {SECRET}":
        return "5"
    wrong = server.headers[n].get("Authorization", "").encode()
    return (401, {}, b"Incorrect key provided: " + wrong)


def test_the_key_comes_from_the_environment_and_is_kept_nowhere(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", f"{SECRET}\n")
    with serve(lambda body, n: checks_key(body, n, server)) as server:
        (answer,) = ask(server, key_env="JUDGE_KEY")
        endpoint = Endpoint(url=server.url, model="m", key_env="JUDGE_KEY")
    assert answer.result == 1.0
    shown = f"{endpoint!r} {vars(endpoint)} {endpoint.identity()} {answer!r}"
    assert SECRET not in shown
    assert SECRET not in str(server.bodies)


def test_a_wrong_key_is_named_but_not_shown(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "sk-wrong")
    with serve(lambda body, n: checks_key(body, n, server)) as server:
        (answer,) = ask(server, key_env="JUDGE_KEY")
    assert answer.requests == 1
    assert "status 401" in answer.result.what
    assert "key_env" in answer.result.fix
    assert "sk-wrong" not in str(answer.result)


@pytest.mark.parametrize("value", [None, "", "  ", "sk-a\r\nX-Evil: 1", "schlüssel"])
def test_an_unusable_key_is_refused_at_once_and_not_shown(monkeypatch, value):
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("JUDGE_KEY", value)
    with pytest.raises(ConfigError, match="JUDGE_KEY holds no usable key") as caught:
        Endpoint(url="http://localhost/v1", model="m", key_env="JUDGE_KEY")
    assert "sk-a" not in str(caught.value)


def test_the_key_does_not_follow_a_redirect(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", SECRET)
    with serve("5") as thief, serve(lambda body, n: moved) as server:
        moved = (302, {"Location": f"{thief.url}/chat/completions"}, b"")
        (answer,) = ask(server, key_env="JUDGE_KEY")
        assert thief.bodies == []
    assert "status 302" in answer.result.what


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "localhost:8000"},
        {"url": "file:///etc/passwd"},
        {"model": ""},
        {"concurrency": 0},
        {"timeout_s": 0},
        {"max_chars": 0},
        {"retries": -1},
        {"backoff_s": -0.1},
    ],
)
def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ConfigError):
        Endpoint(**({"url": "http://localhost/v1", "model": "m"} | settings))
