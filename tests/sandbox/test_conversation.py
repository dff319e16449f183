import pytest

from toolkit.sandbox import SandboxError, SandboxTimeoutError

ECHO = """
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    print("heard", file=sys.stderr, flush=True)
    print(json.dumps({"got": message}), flush=True)
"""


def test_questions_and_answers(box):
    with box.start(ECHO) as conversation:
        for message in ({}, {"text": "ü\n\u2028"}, {"large": "x" * 300_000}):
            assert conversation.ask(message, 30) == {"got": message}
        assert conversation.errors == "heard\n" * 3


def test_answers_are_told_apart(box):
    code = 'print(\'{"n": 1}\\n{"n": 2}\', flush=True); input(); input()'
    with box.start(code) as conversation:
        assert [conversation.ask({}, 30) for _ in range(2)] == [{"n": 1}, {"n": 2}]


def test_files_that_are_written_outside_are_seen_inside(box):
    code = "while input(): print('{\"read\": \"%s\"}' % open('f').read(), flush=True)"
    with box.start(code) as conversation:
        for text in ("one", "two"):
            (box.folder / "f").write_text(text)
            assert conversation.ask({}, 30) == {"read": text}


@pytest.mark.parametrize("busy", ["time.sleep(60)", "os.write(2, b'x' * 2**20)"])
def test_no_answer_in_time(busy, box):
    code = f"import os, time; input()\nwhile True: {busy}"
    conversation = box.start(code)
    with pytest.raises(SandboxTimeoutError, match="no answer in time"):
        conversation.ask({}, 1)
    with pytest.raises(SandboxError, match="has ended"):
        conversation.ask({}, 1)


def test_a_question_that_is_not_read(box):
    conversation = box.start("import time; time.sleep(60)")
    with pytest.raises(SandboxTimeoutError):
        conversation.ask({"large": "x" * 2**20}, 1)


@pytest.mark.parametrize(
    "answer", ["no JSON", "[1]", "null", "{", "[" * 10**5, "\\xff", "NaN"]
)
def test_an_answer_that_is_none(answer, box):
    code = f"import os; input(); os.write(1, b'{answer}\\n'); input()"
    with box.start(code) as conversation, pytest.raises(SandboxError, match="no JSON"):
        conversation.ask({}, 30)


def test_the_end_of_the_process_is_explained(box):
    conversation = box.start("input(); raise ValueError('inside')")
    with pytest.raises(SandboxError, match="has ended") as raised:
        conversation.ask({}, 30)
    assert "ValueError: inside" in raised.value.why


def test_the_limit_that_ended_it_is_named(box):
    filler = "[open(str(n), 'wb').write(bytes(2**20)) for n in range(10**4)]"
    conversation = box.start(f"input(); {filler}; input()")
    with pytest.raises(SandboxError, match="has ended") as raised:
        conversation.ask({}, 60)
    assert "more than 24 MB of files" in raised.value.why


def test_it_is_watched_between_questions_too(box):
    code = """
print('{}', flush=True)
for n in range(10**4): open(str(n), 'wb').write(bytes(2**20))
input(); input()
"""
    conversation = box.start(code)
    assert conversation.ask({}, 30) == {}
    with pytest.raises(SandboxError, match="has ended") as raised:
        conversation.ask({}, 60)
    assert "24 MB" in raised.value.why
