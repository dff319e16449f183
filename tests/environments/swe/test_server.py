import json
import os
import subprocess
import sys
import time
from pathlib import Path

from toolkit.environments.swe import server
from toolkit.environments.swe.server import Stream


def report(key, *lines):
    return b"".join(key + b" " + json.dumps(line).encode() + b"\n" for line in lines)


def test_reports_count_with_the_key_alone():
    said = report(b"key", ["passed", "a"], ["skipped", "b"], ["error", "c.py"])
    forged = report(b"kex", ["passed", "x"], ["end", ""]) + b"passed\n\xff\n"
    found = server._results(said + forged, b"key")
    assert found["passed"] == ["a"]
    assert found["skipped"] == ["b"]
    assert found["errors"] == ["c.py"]
    assert not found["ended"]
    assert server._results(said + report(b"key", ["end", ""]), b"key")["ended"]


def test_a_test_that_once_failed_has_failed():
    lines = ["failed", "a"], ["passed", "a"], ["passed", "b"], ["failed", "b"]
    found = server._results(report(b"key", *lines), b"key")
    assert found["failed"] == ["a", "b"]
    assert found["passed"] == []


def test_a_stream_keeps_its_end():
    out, into = os.pipe()
    stream = Stream(out, 3)
    os.write(into, b"abc")
    assert stream.read()
    os.write(into, b"defg")
    assert stream.read()
    os.close(into)
    assert not stream.read()
    assert (bytes(stream.data), stream.total) == (b"efg", 7)
    os.close(out)


def test_children_are_found():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    assert child.pid in server._children()
    child.kill()
    child.wait()
    time.sleep(0.01)
    assert child.pid not in server._children()


def test_the_server_needs_no_toolkit():
    for name in ("server.py", "forked.py", "compiled.py"):
        path = str(Path(server.__file__).with_name(name))
        script = f"import runpy, sys; runpy.run_path({path!r}, run_name='x')"
        script += "; print([m for m in sys.modules if m.startswith('toolkit')])"
        command = [sys.executable, "-I", "-S", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"
