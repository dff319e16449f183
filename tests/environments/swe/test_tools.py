import re

import pytest

from tests.environments.swe.shop import BROKEN, SOURCE
from toolkit.environments.swe.grammar import Action
from toolkit.environments.swe.tools import LONGEST_LINE, use
from toolkit.environments.swe.workspace import Workspace
from toolkit.errors import ActionError


def ask(workspace, tool, max_chars=2_000, **given):
    return use(workspace, Action(tool=tool, **given), max_chars)


def replace(workspace, old, new, file=SOURCE):
    return ask(workspace, "replace", file=file, old=old, new=new)


def test_ls(workspace):
    assert ask(workspace, "ls") == "README.md\nshop/\ntests/"
    assert ask(workspace, "ls", folder="./shop/") == "__init__.py\nprices.py"
    (workspace.folder / "empty").mkdir()
    assert ask(workspace, "ls", folder="empty") == "The folder is empty."
    with pytest.raises(ActionError, match="not a directory"):
        ask(workspace, "ls", folder=SOURCE)


def test_view_shows_numbers_and_what_was_asked_for(workspace):
    assert ask(workspace, "view", file=SOURCE, lines="6:7") == (
        "shop/prices.py, lines 6 to 7 of 14\n"
        "6|    amount = sum(prices)\n7|    if discount > 100:"
    )
    whole = ask(workspace, "view", file=SOURCE)
    assert whole.startswith("shop/prices.py, lines 1 to 14 of 14\n 1|")
    assert [line.partition("|")[2] for line in whole.split("\n")[1:]] == (
        BROKEN.removesuffix("\n").split("\n")
    )
    assert ask(workspace, "view", file=SOURCE, lines="13:99").count("\n") == 2
    assert ask(workspace, "view", file="shop/__init__.py").endswith("is empty.")
    for lines in ("15:", "7:6", "99:"):
        with pytest.raises(ActionError, match="It has 14"):
            ask(workspace, "view", file=SOURCE, lines=lines)


def test_long_files_and_lines_are_cut_with_a_notice(workspace):
    (workspace.folder / "long.py").write_text("x = 1\n" * 5_000)
    text = ask(workspace, "view", file="long.py", lines="100:", max_chars=1_000)
    assert len(text) < 1_200
    *_, last, notice = text.split("\n")
    number = int(last.partition("|")[0])
    left = 5_000 - number
    go_on = f"view long.py {number + 1}:5000"
    assert notice == f"[{left:,} more lines left out; go on with {go_on}]"
    (workspace.folder / "wide.py").write_text("y" * 10_000)
    text = ask(workspace, "view", file="wide.py")
    assert text.endswith(f"[{10_000 - LONGEST_LINE:,} more characters left out]")


def test_nothing_shown_controls_a_terminal(workspace):
    (workspace.folder / "odd.py").write_text("a\x1b[31m\x07\tb\x9b\x7fc")
    assert ask(workspace, "view", file="odd.py").endswith("1|a�[31m�\tb��c")


def test_search(workspace):
    assert ask(workspace, "search", text="amount - ") == "No line holds 'amount - '."
    found = ask(workspace, "search", text="def total")
    assert found == "shop/prices.py:4|def total(prices, discount=0):"
    assert "tests/" in ask(workspace, "search", text="total")
    assert "tests/" not in ask(workspace, "search", text="total", folder="shop")
    assert "prices.py:4|" in ask(workspace, "search", text="total", folder=SOURCE)
    (workspace.folder / "shop/many.py").write_text("total\n" * 900)
    (workspace.folder / "shop/binary.py").write_bytes(b"\0total")
    found = ask(workspace, "search", text="total", max_chars=500)
    assert len(found) < 600
    assert found.endswith("more lines left out]")
    with pytest.raises(ActionError, match="no such file"):
        ask(workspace, "search", text="total", folder="nowhere")


def test_replace_and_diff(workspace):
    assert ask(workspace, "diff") == "You have changed nothing."
    said = replace(workspace, "amount + amount", "amount - amount")
    assert said == "Replaced in shop/prices.py, at line 9."
    assert workspace.read(SOURCE) == BROKEN.replace("amount + am", "amount - am")
    diff = ask(workspace, "diff").split("\n")
    assert diff[:2] == ["--- a/shop/prices.py", "+++ b/shop/prices.py"]
    assert [line for line in diff[3:] if line[0] in "+-"] == [
        "-    return amount + amount * discount / 100",
        "+    return amount - amount * discount / 100",
    ]


def test_a_line_that_is_replaced_by_nothing_goes(workspace):
    replace(workspace, "    amount = sum(prices)", "")
    assert workspace.read(SOURCE) == BROKEN.replace("    amount = sum(prices)\n", "")
    replace(workspace, "# ", "", file="README.md")
    assert workspace.read("README.md") == "Shop\n"


@pytest.mark.parametrize(
    ("old", "says"),
    [
        ("prices", "more than once.*lines 4, 5, 6, 12, 14"),
        ("return amount - amount", r"not in shop.*nearest lines are:\n8\|[\s\S]*\n9\|"),
        ("return amount +  amount", r"blanks too[\s\S]*9\|    return amount \+ amount"),
        ("9|    return amount + amount * discount", "number and the bar"),
        ("%&$!", "No line is like it"),
        ("    amount = sum(prices)\n    if discount < 100:", "nearest"),
    ],
)
def test_an_edit_that_does_not_fit_says_why_and_changes_nothing(workspace, old, says):
    with pytest.raises(ActionError) as raised:
        replace(workspace, old, "x")
    assert re.search(says, str(raised.value), flags=re.DOTALL)
    assert workspace.changed() == {}


def test_overlapping_places_are_two(workspace):
    (workspace.folder / "README.md").write_text("aXaXa")
    with pytest.raises(ActionError, match="more than once"):
        replace(workspace, "aXa", "b", file="README.md")


def test_the_same_text_is_no_edit(workspace):
    with pytest.raises(ActionError, match="are the same"):
        replace(workspace, "amount + amount", "amount + amount")


def test_insert_makes_files_where_that_is_wanted(workspace):
    with Workspace({}, growing=True) as growing:
        assert ask(growing, "insert", file="a.py", text="x\ny") == "Made a.py."
        ask(growing, "insert", file="shop/__init__.py")
        assert growing.read("a.py") == "x\ny\n"
        assert growing.read("shop/__init__.py") == ""
        with pytest.raises(ActionError, match="no such file"):
            ask(growing, "insert", file="b.py", line=1, text="x")
    with pytest.raises(ActionError, match="no such file"):
        ask(workspace, "insert", file="b.py", text="x")


def test_insert(workspace):
    said = ask(workspace, "insert", file="README.md", line=1, text="\nTea.")
    assert said == "Inserted 2 lines behind line 1."
    ask(workspace, "insert", file="README.md", line=0, text="top")
    assert workspace.read("README.md") == "top\n# Shop\n\nTea.\n"
    ask(workspace, "insert", file="shop/__init__.py", line=0, text="a = 1")
    assert workspace.read("shop/__init__.py") == "a = 1\n"
    with pytest.raises(ActionError, match="no line 5 in README"):
        ask(workspace, "insert", file="README.md", line=5, text="x")


def test_a_diff_of_something_huge_is_quick(workspace):
    (workspace.folder / SOURCE).write_text("a\nb\n" * 100_000)
    (workspace.folder / "README.md").write_bytes(b"\0")
    (workspace.folder / "shop/new.py").write_text("a = 1\n")
    text = ask(workspace, "diff")
    assert f"{SOURCE} has changed; it is no text, or too long" in text
    assert "README.md has changed; it is no text" in text
    assert "--- /dev/null\n+++ b/shop/new.py" in text
