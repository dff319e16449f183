import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.environments.swe.actions import (
    LONGEST,
    ReplyRules,
    as_json,
    as_text,
    parse,
)
from toolkit.environments.swe.grammar import TOOLS, Action
from toolkit.errors import ActionError

BLOCK = "<<<<<<< OLD\n    a = 1\n\n=======\n    a = 2\n>>>>>>> NEW"
REPLACE = Action(tool="replace", file="a.py", old="    a = 1\n", new="    a = 2")


def read(reply):
    return parse(ReplyRules().clean(reply))


@pytest.mark.parametrize(
    ("reply", "action"),
    [
        ("ls", Action(tool="ls")),
        ("ls src", Action(tool="ls", folder="src")),
        ("view a.py", Action(tool="view", file="a.py")),
        ("view a.py 3:", Action(tool="view", file="a.py", lines="3:")),
        ('view "a b.py" :9', Action(tool="view", file="a b.py", lines=":9")),
        ("search def f(x): \\n", Action(tool="search", text="def f(x): \\n")),
        ('search "a b" src', Action(tool="search", text="a b", folder="src")),
        (f"replace a.py\n{BLOCK}", REPLACE),
        (
            "insert a.py 0\n<<<<<<< NEW\n\timport b\n>>>>>>> NEW",
            Action(tool="insert", file="a.py", line=0, text="\timport b"),
        ),
        ("run_tests", Action(tool="run_tests")),
        ("run_tests test_a[x y]", Action(tool="run_tests", pattern="test_a[x y]")),
        ("diff", Action(tool="diff")),
        ("submit", Action(tool="submit")),
    ],
)
def test_text_is_read_and_written(reply, action):
    assert read(reply) == action
    assert read(as_text(action)) == read(as_json(action)) == action


@pytest.mark.parametrize(
    "wrapped",
    [
        "<think>First view b.py.\n```\ndiff\n```</think>\n\nview a.py 1:2",
        "I look at it.\n\n```\nview a.py 1:2\n```\nThen I go on.",
        "```bash\nview a.py 1:2\n```",
        '{"tool": "view", "file": "a.py", "lines": "1:2"}',
        '```json\n{"tool": "view", "file": "a.py", "lines": "1:2"}\n```',
        '<tool_call>\n{"name": "view", "arguments": {"file": "a.py", "lines": "1:2"}}'
        "\n</tool_call>",
        'Let me see. <tool_call>{"name": "view", "arguments": '
        '"{\\"file\\": \\"a.py\\", \\"lines\\": \\"1:2\\"}"}</tool_call>',
        '{"id": "c1", "type": "function", "function": {"name": "view", '
        '"arguments": "{\\"file\\": \\"a.py\\", \\"lines\\": \\"1:2\\"}"}}',
    ],
)
def test_an_action_may_be_wrapped(wrapped):
    assert read(wrapped) == Action(tool="view", file="a.py", lines="1:2")


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ("open the door", "There is no tool 'open'"),
        ("View a.py", "There is no tool 'View'"),
        ("", "names no tool"),
        ("view", "FILE is missing"),
        ("view a.py 1-9", "'1-9' is no range of lines"),
        ("view a.py 1:2 3", "'3' is too much"),
        ("view a.py\nview b.py", "more than one line"),
        ("diff now", "'now' is too much"),
        ("search", "TEXT is missing"),
        ("replace a.py", "must open the text"),
        (f"replace a.py\n{BLOCK}\nDone.", "must open the text"),
        (f"replace\n{BLOCK}", "FILE is missing"),
        (f"replace a.py 3\n{BLOCK}", "'3' is too much"),
        ("replace a.py\n<<<<<<<\na\n>>>>>>>", "not 0"),
        ("replace a.py\n<<<<<<<\na\n=======\nb\n=======\nc\n>>>>>>>", "not 2"),
        ("replace a.py\n<<<<<<<\n=======\nb\n>>>>>>>", "OLD is missing"),
        ("insert a.py\n<<<<<<<\na\n>>>>>>>", "LINE is missing"),
        ("insert a.py 1e3\n<<<<<<<\na\n>>>>>>>", "'1e3' is no number"),
        ("```\ndiff\n```\n```\nsubmit\n```", "several blocks"),
        ("<tool_call>{}</tool_call><tool_call>{}</tool_call>", "several blocks"),
        ('{"tool": "view"}', "FILE is missing"),
        ('{"tool": "view", "path": "a.py"}', "It takes no 'path'"),
        ('{"tool": "view", "file": 3}', "must be a text"),
        ('{"tool": ["view"]}', "names no tool"),
        ('{"tool": "insert", "file": "a", "line": true, "text": ""}', "no number"),
        ('{"tool": "view", "file": "a.py"', "is no JSON"),
        ('[{"tool": "ls"}]', "no JSON object"),
        ("[" * 20_000, "is no JSON"),
        ('{"a":' * 3_000, "is no JSON"),
        ('{"tool": "insert", "file": "a", "line": ' + "9" * 5_000, "is no JSON"),
    ],
)
def test_what_is_wrong_is_said(reply, says):
    with pytest.raises(ActionError) as raised:
        read(reply)
    assert says in str(raised.value)
    name = reply.split()[0] if reply else ""
    if name in TOOLS:
        assert TOOLS[name].form in str(raised.value)


def test_cleaning_keeps_code_and_drops_what_controls():
    rules = ReplyRules()
    kept = "search\té \\x41 日本 🙂\n\f>> a.b; then"
    assert rules.clean(kept) == kept
    assert rules.clean("a\0b\x1b[31m\r\nc\rd\x85\ud800e") == "ab[31m\nc\nde"
    assert rules.clean("x" * 5 + "y" * LONGEST) == "y" * LONGEST
    assert rules.clean("<think>a</think>b</think> c ") == "c"


text = st.text(alphabet='ab \n\t"=<>`\\é{}:/0', max_size=30)
names = st.text(alphabet="ab./ -\"'é", min_size=1, max_size=8)


@given(
    st.one_of(
        st.builds(Action, tool=st.just("ls"), folder=names | st.just("")),
        st.builds(Action, tool=st.just("view"), file=names),
        st.builds(Action, tool=st.just("search"), text=text.filter(bool), folder=names),
        st.builds(Action, tool=st.just("run_tests"), pattern=text),
        st.builds(
            Action, tool=st.just("replace"), file=names, old=text.filter(bool), new=text
        ),
        st.builds(
            Action,
            tool=st.just("insert"),
            file=names,
            line=st.integers(0, 9),
            text=text,
        ),
    )
)
def test_what_is_written_is_read_again(action):
    for written in (as_text(action), as_json(action)):
        cleaned = ReplyRules().clean(written)
        assert cleaned == written
        assert parse(cleaned) == action


@given(st.text(max_size=300) | st.text(alphabet='view{}[]":,`<>=\nabc/. ', max_size=80))
def test_any_text_is_an_action_or_an_error(reply):
    cleaned = ReplyRules().clean(reply)
    assert ReplyRules().clean(cleaned) == cleaned
    try:
        tool = parse(cleaned).tool
    except ActionError as error:
        tool, said = "", str(error)
    assert tool in TOOLS or 20 < len(said) < 1_000


def test_control_characters_survive_in_json():
    action = Action(tool="insert", file="a.py", line=1, text="\f\x85\x7f\x1b x")
    assert read(as_json(action)) == read(as_text(action)) == action


@pytest.mark.parametrize(
    ("typed", "complete"),
    [
        ("ls", True),
        ("", True),
        ("nonsense", True),
        ('{"tool": "replace", "file": "a.py"}', True),
        ("replace a.py", False),
        ("replace a.py\n<<<<<<< OLD", False),
        ("replace a.py\n<<<<<<< OLD\n\na\n=======\nb", False),
        ("replace a.py\n<<<<<<< OLD\na\n=======\nb\n>>>>>>> NEW", True),
        ("insert a.py 3\n<<<<<<<\na\n>>>>>>>", True),
        ("replace a.py\nold text", True),  # an error, which parse explains
    ],
)
def test_an_edit_is_typed_to_its_closing_mark(typed, complete):
    assert ReplyRules().is_complete(typed) is complete
