"""The panel beside a repair: files, the open one, changes, tests and the grade.

Trees of `markup`, so that the page and the static HTML show the same. Controls carry
`data-ask`, the request that they send.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.widgets.base import message_size
from toolkit.widgets.markup import Tree, count, cut, tag

if TYPE_CHECKING:
    from toolkit.environments.swe.desk import Desk
    from toolkit.environments.swe.grading import Grade

WINDOW = 60
"""Lines of a file that are shown at once."""
BEFORE = 5
"""Lines that are shown before the one that was used."""
LINE, NAME = 160, 120
"""Characters of a line and of a name that are shown."""
LINES_BYTES, DIFF_BYTES, FILES_BYTES, NAMES_BYTES = 10_000, 4_000, 8_000, 1_200
"""Of the open file, the changes, the list of files and each list of tests that are
sent."""
_MARKS = {"+": "plus", "-": "minus", "@": "place"}


def panel(desk: Desk, first: int | None, *, live: bool) -> list[Tree]:
    """Return the panel of a repair.

    Args:
        desk: What there is to show.
        first: Number of the first line of the open file (`None`: near the last use).
        live: With controls, for a page that answers.
    """
    parts = (
        _grade(desk.grade),
        _tests(desk),
        _files(desk, live=live),
        _open_file(desk, first, live=live),
        _changes(desk),
    )
    return [part for part in parts if part]


def window(desk: Desk, first: int | None) -> int:
    """Return the number of the first line that is shown of the open file."""
    wanted = desk.first - BEFORE if first is None else first
    return max(1, min(wanted, len(desk.lines) - WINDOW + 1))


def draft(desk: Desk, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return an edit to be filled in, and what of it is to be selected.

    Args:
        desk: With an open file.
        request: `form`, `first` and `last`, the numbers of lines.

    Returns:
        `text`, and `from` and `to`, counted as a page counts; `None` if no file is open
        or the request makes no sense.
    """
    match request:
        case {"form": "replace", "first": int(first), "last": int(last)} if desk.file:
            text, mark = desk.replace_form(first, last), "\n=======\n"
            above, chosen = _chosen(desk, first, last)
        case {"form": "insert", "first": int(first)} if desk.file:
            text, mark = desk.insert_form(first), "\n<<<<<<< NEW\n"
            above = chosen = ""
        case _:
            return None
    start = text.find(mark) + len(mark) + len(above)
    if mark not in text:  # an edit in JSON, where the file holds such marks
        start, chosen = len(text), ""
    end = start + len(chosen)
    return {"text": text, "from": _units(text[:start]), "to": _units(text[:end])}


def _chosen(desk: Desk, first: int, last: int) -> tuple[str, str]:
    """Return the text of some lines, and what stands above them in a form."""
    up, down = desk.around(first, last)
    first = min(max(first, up), down)
    above = "".join(f"{line}\n" for line in desk.lines[up - 1 : first - 1])
    return above, "\n".join(desk.lines[first - 1 : min(max(last, first), down)])


def _units(text: str) -> int:
    """Return a length as JavaScript counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# ---- parts -----------------------------------------------------------------------


def _box(title: str, *children: Tree, name: str) -> Tree:
    return tag("section", tag("h4", title), *children, class_=name, aria_label=title)


def _button(
    label: str, title: str, request: Mapping[str, Any], *, live: bool, **more: str | int
) -> Tree:
    """Return a button that sends a request, or its label alone."""
    if not live:
        return tag("span", label, class_="name")
    asked = json.dumps(request)
    return tag("button", label, type="button", title=title, data_ask=asked, **more)


def _grade(grade: Grade | None) -> Tree:
    """Return what came of `submit`."""
    if grade is None:
        return ""
    won = grade.binary == 1.0
    mended = f"{grade.fail_to_pass:.0%} of the failing tests mended"
    kept = f"{grade.pass_to_pass:.0%} of the others still pass"
    head = "✓ Repaired: all tests pass" if won else "✗ Not repaired"
    return _box(
        "Graded in a fresh copy",
        tag("p", tag("strong", head), class_="gain" if won else "pain"),
        tag("p", grade.refused or f"{mended}, {kept}."),
        _names("still fail", grade.still_fail),
        _names("broke", grade.newly_fail),
        _names("changed but not counted", grade.ignored),
        name="grade",
    )


def _tests(desk: Desk) -> Tree:
    """Return what the last run of the tests said."""
    report = desk.report
    if report is None:
        text = tag("p", "Not run yet. run_tests runs them.", class_="quiet")
        return _box("Tests", text, name="tests")
    trouble = "They took too long and were stopped." if report.timed_out else ""
    if report.broken:
        trouble = f"They did not run to their end: {report.broken}"
    counts = (
        (f"✓ {len(report.passed)} passed", "gain"),
        (f"✗ {len(report.failed)} failed", "pain" if report.failed else "none"),
        (f"! {len(desk.broke)} newly broken", "warn" if desk.broke else "none"),
    )
    spans = [part for c in counts for part in (tag("span", c[0], class_=c[1]), " ")]
    stale = "Run before your last edit." if desk.is_stale else ""
    others = sorted(report.failed.difference(desk.broke))
    return _box(
        "Tests, last run",
        tag("p", *spans, class_="counts"),
        tag("p", stale, class_="stale") if stale else "",
        tag("p", cut(trouble, 300), class_="pain") if trouble else "",
        _names("broke", desk.broke),
        _names("failed", others),
        name="tests",
    )


def _names(what: str, names: Sequence[str]) -> Tree:
    """Return names of tests or files, each with what became of it."""
    if not names:
        return ""
    rows = _fitting(
        (tag("li", tag("b", what), " ", tag("code", cut(x, NAME))) for x in names),
        NAMES_BYTES,
    )
    more = len(names) - len(rows)
    rest = [tag("li", f"and {more} more", class_="quiet")] if more > 0 else []
    return tag("ul", *rows, *rest, class_="names")


def _files(desk: Desk, *, live: bool) -> Tree:
    """Return the files of the workspace: changed ones first, then code, then tests."""
    paths = sorted(desk.files, key=lambda path: _rank(desk, path))
    rows = _fitting((_file(desk, path, live=live) for path in paths), FILES_BYTES)
    more = len(paths) - len(rows)
    if more > 0:
        rows.append(tag("li", f"and {count(more, 'more file')}; ls lists them"))
    head = f"{count(len(paths), 'file')}, {len(desk.changed)} changed"
    hint = "" if desk.file or not live else "Click a file to view it; that is a turn."
    return tag(
        "details",
        tag("summary", head),
        tag("p", hint, class_="quiet") if hint else "",
        tag("ul", *rows, class_="paths", tabindex=0, aria_label="Files"),
        class_="files",
        data_key="files",
        open="",
    )


def _rank(desk: Desk, path: str) -> tuple[bool, bool, bool, str]:
    return path not in desk.changed, not path.endswith(".py"), "test" in path, path


def _file(desk: Desk, path: str, *, live: bool) -> Tree:
    word = f'"{path}"' if " " in path else path
    here = {"aria_current": "true"} if path == desk.file else {}
    ask = {"do": "type", "text": f"view {word}"}
    # after submit there is nothing left to play
    name = _button(
        cut(path, NAME), "View it: a turn", ask, live=live and not desk.grade, **here
    )
    mark = tag("span", "± changed", class_="changed") if path in desk.changed else ""
    return tag("li", name, " " if mark else "", mark)


def _open_file(desk: Desk, first: int | None, *, live: bool) -> Tree:
    """Return lines of the open file, and what edits them."""
    if not desk.file:
        return ""
    start, live = window(desk, first), live and not desk.grade
    rows = _fitting(
        (_line(n, desk.lines[n - 1], live=live) for n in _numbers(desk, start)),
        LINES_BYTES,
    )
    end, total = start + len(rows) - 1, len(desk.lines)
    where = f"lines {start} to {end} of {total}" if rows else "empty"
    return tag(
        "section",
        tag("h4", tag("span", cut(desk.file, NAME)), f", {where}"),
        _edits(start, total) if live else "",
        tag("ul", *rows, class_="code", tabindex=0, aria_label="Lines"),
        _pages(start, end, total) if live and len(rows) < total else "",
        class_="open",
        aria_label=f"Open file {cut(desk.file, NAME)}",
    )


def _numbers(desk: Desk, start: int) -> range:
    return range(start, min(start + WINDOW, len(desk.lines) + 1))


def _line(number: int, text: str, *, live: bool) -> Tree:
    mark = tag("span", str(number), class_="line")
    if live:
        mark = tag("button", str(number), type="button", tabindex=-1, data_line=number)
    return tag("li", mark, " ", tag("code", cut(text, LINE)))


def _edits(start: int, total: int) -> Tree:
    """Return the form that puts an edit of some lines into the box for actions."""
    span: dict[str, str | int] = {
        "type": "number",
        "min": 1,
        "max": max(total, 1),
        "value": start,
    }
    return tag(
        "p",
        tag("label", "Lines ", tag("input", class_="from", **span)),
        " ",
        tag("label", "to ", tag("input", class_="to", **span)),
        " ",
        tag("button", "Replace…", type="button", data_form="replace"),
        " ",
        tag("button", "Insert behind…", type="button", data_form="insert"),
        " ",
        tag("span", "or click a number, Shift+click for several", class_="quiet"),
        class_="edits",
    )


def _pages(start: int, end: int, total: int) -> Tree:
    """Return buttons for what comes before and after; they cost no turn."""
    back = {"do": "lines", "first": start - WINDOW}
    parts = []
    if start > 1:
        parts += [_button("Earlier lines", "Costs no turn", back, live=True), " "]
    if end < total:
        on = {"do": "lines", "first": end + 1}
        parts.append(_button("Later lines", "Costs no turn", on, live=True))
    return tag("p", *parts, class_="pages")


def _changes(desk: Desk) -> Tree:
    """Return the diff, its lines marked with + and -."""
    if not desk.diff:
        return ""
    body = [x for x in desk.diff if not x.startswith(("+++ ", "--- "))]
    added, gone = (sum(x.startswith(c) for x in body) for c in "+-")
    rows = _fitting(map(_diff_line, desk.diff), DIFF_BYTES)
    more = len(desk.diff) - len(rows)
    rest = [tag("div", f"{count(more, 'more line')}: see diff")] if more else []
    return tag(
        "details",
        tag("summary", f"Your changes: +{added} −{gone} lines"),
        tag("div", *rows, *rest, class_="diff", tabindex=0, aria_label="Changes"),
        class_="changes",
        data_key="changes",
        open="",
    )


def _diff_line(line: str) -> Tree:
    is_head = line.startswith(("+++ ", "--- "))
    mark = "place" if is_head else _MARKS.get(line[:1], "same")
    return tag("div", cut(line, LINE) or " ", class_=mark)


def _fitting(rows: Iterable[Tree], budget: int) -> list[Tree]:
    """Return as many of the first rows as fit into so many bytes."""
    kept: list[Tree] = []
    for row in rows:
        budget -= message_size(row) + 2
        if budget < 0:
            break
        kept.append(row)
    return kept
