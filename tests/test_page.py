from tests.html_checks import Outline
from toolkit.page import (
    big,
    escaped,
    folded,
    page,
    section,
    style,
    table,
    wide_and_narrow,
)


def whole(content="", title="A title"):
    return Outline(page(title, content))


def test_a_page_loads_nothing_and_runs_nothing():
    text = page("Title", section("Heading", "<p>text</p>"))
    found = Outline(text)
    policies = [m.get("content") for m in found.having("meta")]
    assert "default-src 'none'; style-src 'unsafe-inline'" in policies
    assert not found.having("script") + found.having("link") + found.having("img")
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text


def test_a_page_is_for_phones_and_for_both_colour_schemes():
    metas = {m.get("name"): m.get("content") for m in whole().having("meta")}
    assert metas["viewport"].startswith("width=device-width")
    assert metas["color-scheme"] == "light dark"
    assert "prefers-color-scheme: dark" in page("", "")


def test_tables_have_captions_and_headed_rows_and_columns():
    found = Outline(table("Won", ("Name", "Share"), escaped([("a<b", 1), ("c", 2)])))
    scopes = [th["scope"] for th in found.having("th")]
    assert scopes == ["col", "col", "row", "row"]
    assert found.having("caption")
    assert "a<b" in found.texts
    (region,) = found.having("div")
    assert region["tabindex"] == "0"  # the keyboard can scroll it
    assert region["aria-label"] == "Won"


def test_plain_arguments_are_escaped():
    evil = "<i>&"
    parts = section(evil, folded(evil, table(evil, [evil], [])) + big("1", ["2"]))
    found = whole(parts, title=evil)
    assert not found.having("i")
    assert found.texts.count(evil) == 5


def test_a_page_can_bring_its_own_sheet():
    plain, special = page("", ""), page("", "", "experiments")
    assert ".verdict" in special
    assert ".verdict" not in plain
    assert "prefers-color-scheme: dark" in special


def test_charts_are_drawn_for_screens_and_for_phones():
    drawn = wide_and_narrow("<svg width={}>".format)
    assert '<div class="wide"><svg width=920>' in drawn
    assert '<div class="narrow"><svg width=330>' in drawn
    assert ".narrow" in style("report")
