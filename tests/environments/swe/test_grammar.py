import json

import pytest

from toolkit.environments.swe.actions import parse
from toolkit.environments.swe.grammar import TOOLS, Action, grammar


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_grammar_names_every_tool(form):
    told = grammar(form)
    for name, tool in TOOLS.items():
        assert tool.does in told
        if form == "json":
            assert f'"tool": "{name}"' in told
    calls = [line.rpartition("  (")[0] for line in told.split("\n")]
    if form == "json":
        assert [parse(json.dumps(json.loads(call))).tool for call in calls] == [*TOOLS]


def test_the_span_of_lines():
    spans = {
        ":": (1, None),
        "": (1, None),
        "3:": (3, None),
        ":4": (1, 4),
        "2:9": (2, 9),
    }
    for lines, span in spans.items():
        assert Action(tool="view", file="a.py", lines=lines).span == span
