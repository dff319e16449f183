import subprocess
import sys
from typing import ClassVar

import pytest
import traitlets

from toolkit.widgets.base import (
    LARGEST,
    ToolkitWidget,
    latest,
    message_size,
    script,
    sheet,
)


class Counter(ToolkitWidget):
    kind: ClassVar[str] = "stepper"
    _esm = script("stepper")
    _css = sheet("stepper")

    def __init__(self, **traits):
        self.count = 0
        super().__init__(**traits)

    def answer(self, request):
        self.count += request.get("do") == "add"

    def shown(self):
        return {"count": self.count, "announce": f"{self.count}"}

    def summary(self):
        return str(self.count)

    def content(self):
        return f"<p>{self.count}</p>"


class DummyComm:
    """Stands for the kernel's end of a connection; keeps what was sent."""

    def __init__(self):
        self.sent, self.comm_id = [], "c"

    def send(self, data=None, metadata=None, buffers=None):
        self.sent.append(data)

    def on_msg(self, callback):
        self.receive = callback

    def close(self, *args, **kwargs):
        pass


def connected(widget):
    widget.comm = DummyComm()
    return widget.comm


def from_page(comm, **state):
    data = {"method": "update", "state": state, "buffer_paths": []}
    comm.receive({"content": {"data": data}, "buffers": []})


def views(comm):
    updates = [m["state"] for m in comm.sent if m["method"] == "update"]
    return [state["view"] for state in updates if "view" in state]


def test_the_page_asks_and_is_answered():
    comm = connected(Counter())
    from_page(comm, request={"id": 1, "do": "add"})
    from_page(comm, request={"id": 2, "do": "nothing"})  # answered, though unchanged
    shown = {"count": 1, "announce": "1"}
    assert views(comm) == [{**shown, "answered": 1}, {**shown, "answered": 2}]


def test_only_view_request_and_theme_cross():
    own = {
        name for name in Counter().keys if name not in ("layout", "tabbable", "tooltip")
    }
    assert {n for n in own if not n.startswith("_")} == {"view", "request", "theme"}


def test_the_repr_is_the_state_and_nothing_else():
    first, second = Counter(), Counter()
    first.ask({"do": "add"})
    assert (repr(first), repr(second)) == ("Counter(1)", "Counter(0)")


def test_pages_without_widgets_get_html():
    data, _ = Counter()._repr_mimebundle_()
    assert data["text/plain"] == "Counter(0)"
    assert data["text/html"].endswith('data-theme="auto"><p>0</p></section>')
    assert "application/vnd.jupyter.widget-view+json" in data


def test_static_pages_get_nothing_else(monkeypatch):
    monkeypatch.setenv("TOOLKIT_WIDGETS", "static")
    data, _ = Counter()._repr_mimebundle_()
    assert sorted(data) == ["text/html", "text/plain"]


def test_the_theme_is_one_of_three():
    assert 'data-theme="dark"' in Counter(theme="dark").to_html()
    with pytest.raises(traitlets.TraitError, match="theme"):
        Counter(theme="blue")


def test_the_style_sheet_loads_nothing():
    text = Counter().to_html()
    assert "url(" not in text
    assert "@import" not in text


def test_latest_keeps_what_fits():
    assert latest(["ccc", "bbb", "aaa"], 14) == ["bbb", "ccc"]
    assert latest(["x" * 99], 20) == []
    assert message_size(latest((str(k) for k in range(99_999)), LARGEST)) < LARGEST


def test_the_package_needs_no_widgets():
    code = "import sys, toolkit, toolkit.cli; print('anywidget' in sys.modules)"
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, check=True, capture_output=True, text=True)
    assert out.stdout.strip() == "False"
