import pytest

from tests.environments.swe.shop import FAILING, PASSING, SOURCE, make_shop
from toolkit import make_env, tasks
from toolkit.environments.swe.actions import ReplyRules, parse
from toolkit.environments.swe.bugs import write_bugs
from toolkit.environments.swe.desk import Desk

WRONG = "    return amount + amount * discount / 100"
RIGHT = WRONG.replace("+", "-")


def edit(old, new, file=SOURCE):
    return f"replace {file}\n<<<<<<< OLD\n{old}\n=======\n{new}\n>>>>>>> NEW"


@pytest.fixture(scope="module")
def bugs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    path = folder / "bugs.json.xz"
    write_bugs(path, [make_shop(folder)])
    return str(path)


@pytest.fixture
def at(bugs, sandbox):
    """Return a function from actions to the desk after them."""
    env = make_env("swe/all", bugs=bugs)
    task = tasks("swe/all", bugs=bugs)[0]

    def after(*actions):
        env.reset(options={"task": task})
        for action in actions:
            env.step(action)
        return env.surroundings().desk

    yield after
    env.close()


def test_at_first_there_are_files_alone(at):
    desk = at()
    assert SOURCE in desk.files
    assert desk == Desk(files=desk.files)


def test_the_file_that_was_used_last_is_open_where_it_was_used(at):
    look = "view ./shop/prices.py 6:8"
    assert (at(look).file, at(look).first) == (SOURCE, 6)
    assert at(look).lines[8] == WRONG  # lines that the view did not show
    assert at(look, "ls", "view none.py").file == SOURCE
    assert at(look, edit(WRONG, RIGHT)).first == 9
    inserted = at(look, f"insert {SOURCE} 2\n<<<<<<< NEW\nimport os\n>>>>>>> NEW")
    assert (inserted.first, inserted.lines[2]) == (3, "import os")
    failed = at(look, edit("none", "def", "tests/test_prices.py"))
    assert (failed.file, failed.first) == (SOURCE, 6)


def test_changes_are_told_until_they_are_undone(at):
    desk = at(edit(WRONG, RIGHT))
    assert desk.changed == (SOURCE,)
    assert [line for line in desk.diff if line.startswith(("- ", "+ "))] == [
        f"-{WRONG}",
        f"+{RIGHT}",
    ]
    undone = at(edit(WRONG, RIGHT), edit(RIGHT, WRONG))
    assert (undone.changed, undone.diff) == ((), ())


def test_the_last_tests_are_told_and_which_of_them_broke(at):
    desk = at("run_tests")
    assert desk.report.failed == {*FAILING}
    assert (desk.broke, desk.is_stale) == ((), False)
    sold = edit("return min(prices", "return max(prices")
    assert not at("run_tests", edit("none", "def")).is_stale  # nothing was changed
    assert at("run_tests", sold).is_stale
    assert at("run_tests", sold).broke == ()
    assert at("run_tests", sold, "run_tests").broke == PASSING[:1]
    assert not at("run_tests", sold, "run_tests").is_stale


def test_the_grade_is_told(at):
    assert at(edit(WRONG, RIGHT)).grade is None
    assert at(edit(WRONG, RIGHT), "submit").grade.binary == 1.0
    assert at("submit").grade.still_fail


def test_nothing_tells_where_the_mistake_is(at):
    assert "amount - amount" not in repr(at("run_tests", f"view {SOURCE}", "submit"))


# ---- edits to be filled in -----------------------------------------------------------

CODE = ("def f(x):", "    return x", "", "def g(x):", "    return x", "", "")


def opened(*lines):
    return Desk(files=("a.py",), file="a.py", lines=lines)


@pytest.mark.parametrize(
    ("first", "last", "old"),
    [
        (1, 1, "def f(x):"),
        (1, 2, "def f(x):\n    return x"),
        (2, 2, "def f(x):\n    return x"),  # that line alone stands there twice
        (3, 3, "    return x\n\ndef g(x):"),
        (5, 6, "def g(x):\n    return x\n"),
        (7, 7, "def g(x):\n    return x\n\n"),
        (-9, 99, "\n".join(CODE)),
        (4, 1, "def g(x):"),
    ],
)
def test_a_replace_form_holds_what_stands_there_once(first, last, old):
    form = opened(*CODE).replace_form(first, last)
    action = parse(ReplyRules().clean(form))
    assert (action.file, action.old, action.new) == ("a.py", old, old)
    assert "\n".join(CODE).count(old) == 1


def test_forms_that_are_filled_in_can_be_done(at):
    look = f"view {SOURCE}"
    form = at(look).replace_form(9, 9)
    start, _, end = form.rpartition("amount + amount")
    mended = at(look, f"{start}amount - amount{end}")
    assert mended.lines[8] == RIGHT
    form = mended.insert_form(2).replace("NEW\n\n", "NEW\nimport os\n")
    assert at(look, form).lines[1:4] == ("", "import os", "")


def test_lines_with_marks_of_edits_become_json():
    form = opened("<<<<<<< OLD", "=======", "x").replace_form(2, 2)
    assert parse(form).old == "======="


def test_an_insert_form_is_empty_and_stays_in_the_file():
    assert parse(opened("x").insert_form(99)).line == 1
    assert parse(opened("x").insert_form(-1)).line == 0
    assert opened("x").insert_form(1).split("\n") == [
        "insert a.py 1",
        "<<<<<<< NEW",
        "",
        ">>>>>>> NEW",
    ]
