import nbformat
import pytest

from toolkit.errors import ConfigError
from toolkit.lessons.guides import HEADINGS, guide
from toolkit.lessons.masters import convert


def executed(master):
    book = convert(master)
    data = {"text/plain": "30 of 64 games won"}
    book.cells[2].outputs = [nbformat.v4.new_output("display_data", data=data)]
    return book


def test_a_guide_has_all_parts_in_order(master):
    text = guide(master, executed(master))
    assert text.startswith("# Teaching 04_credit: What is left out?\n")
    places = [text.index(f"\n## {heading}\n") for heading in HEADINGS]
    assert places == sorted(places)


def test_a_guide_tells_what_checks_recognise_and_what_comes_out(master):
    text = guide(master, executed(master))
    assert "- The sign is turned: whoever earns more" in text
    assert "```text\n30 of 64 games won\n```" in text
    assert "| `same_room` | 3 | 3 | 15 |" in text


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("# ## Discussion\n# Why?\n", "", "Discussion"),
        ("# Why?\n", "", "Discussion"),
        ("# ## Discussion\n", "# ## Debate\n", "Discussion"),
        ("# ## Discussion\n", "# ## Debate\n# Yes.\n# ## Discussion\n", "Debate"),
    ],
)
def test_a_part_that_is_missing_empty_or_unknown_is_told(master, old, new, part):
    book, text = executed(master), master.read_text(encoding="utf-8")
    assert old in text
    master.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"'{part}' is unknown or empty"):
        guide(master, book)
