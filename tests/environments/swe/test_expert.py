from hypothesis import given
from hypothesis import strategies as st

from tests.environments.swe.shop import PRICES, SOURCE
from toolkit.environments.swe.expert import plan, repairs
from toolkit.environments.swe.grammar import Action
from toolkit.environments.swe.tools import use
from toolkit.environments.swe.workspace import Workspace


def test_the_plan_looks_repairs_tests_and_hands_in(workspace):
    actions = plan(workspace, {SOURCE: PRICES}, seen=(), tested=False)
    assert actions == [
        Action(tool="view", file=SOURCE, lines="1:17"),
        Action(
            tool="replace",
            file=SOURCE,
            old="    return amount + amount * discount / 100",
            new="    return amount - amount * discount / 100",
        ),
        Action(tool="run_tests"),
        Action(tool="submit"),
    ]
    for action in actions[:2]:
        use(workspace, action, 2_000)
    rest = plan(workspace, {SOURCE: PRICES}, seen=(SOURCE,), tested=False)
    assert rest == actions[2:]
    rest = plan(workspace, {SOURCE: PRICES}, seen=(SOURCE,), tested=True)
    assert rest == actions[3:]


def test_without_the_file_there_is_no_plan(workspace):
    (workspace.folder / SOURCE).unlink()
    assert plan(workspace, {SOURCE: PRICES}, seen=(), tested=False) is None


def test_new_files_are_made_where_that_is_wanted(workspace):
    wanted = {"a.py": "x\r\ny", "b.py": ""}
    assert plan(workspace, wanted, seen=(), tested=True) is None
    with Workspace({}, growing=True) as growing:
        *edits, _, _ = plan(growing, wanted, seen=(), tested=True)
        for action in edits:
            use(growing, action, 2_000)
        assert growing.read("a.py") == "x\ny"
        assert growing.read("b.py") == ""
        assert plan(growing, wanted, seen=(), tested=True) == [Action(tool="submit")]


lines = st.lists(st.sampled_from(["a", "b", "ab", "", "  a"]), max_size=9).map(
    "\n".join
)


@given(lines, lines, st.booleans())
def test_repairs_make_any_text_of_any_other(before, after, whole):
    if whole:
        before, after = before + "\n", after + "\n"
    with Workspace({SOURCE: before.encode()}) as workspace:
        for action in repairs(SOURCE, before, after):
            use(workspace, action, 2_000)
        assert workspace.read(SOURCE) == after
