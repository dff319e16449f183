"""One list: what checks, diagnosis and guides call misconceptions is all in it."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from toolkit.diagnosis.rules import RULES
from toolkit.lessons import exercises
from toolkit.lessons.broken_runs import BROKEN
from toolkit.lessons.misconceptions import said_by_checks, said_by_diagnosis

ROOT = Path(__file__).parents[2]
LESSONS = sorted(path.stem for path in (ROOT / "tutorials" / "src").glob("*.py"))
PARTS = (ast.Dict, ast.List, ast.Tuple)
"""What a table of a check is made of."""
NEEDS_A_WORLD = {
    "one term is so loud that winning is not heard. Give it a smaller weight."
}
"""Said only of games with rooms to find, which no stand-in has."""
OTHER = {"Exercise", "Wrong", "not_yet", "right"}
"""Calls whose texts are hints, or verdicts on what is no answer at all."""


def tabled(node):
    """Return the sentences in the tables of a module: what it tells apart."""
    name = getattr(getattr(node, "func", None), "id", "")
    if name in OTHER:
        return []
    below = ast.iter_child_nodes(node)
    found = [text for child in below for text in tabled(child)]
    if isinstance(node, PARTS):
        texts = (c.value for c in ast.iter_child_nodes(node) if is_text(c))
        found += [text for text in texts if len(text.split()) > 5 and is_said(text)]
    return found


def is_said(text):
    """Tell a message from a title: it begins in lower case, or with a letter."""
    return text[0].islower() or text[1] in " ,"


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_misconception_that_a_check_can_name_is_listed(lesson):
    module = Path(exercises.__file__).with_name(f"{lesson[3:]}.py")
    said = "\n".join(text for many in said_by_checks(lesson).values() for text in many)
    tables = tabled(ast.parse(module.read_text(encoding="utf-8")))
    missing = {text for text in tables if text.strip().lower() not in said.lower()}
    assert missing <= NEEDS_A_WORLD


def test_tables_are_found():
    source = "known = [(1, 'the sign of it is turned round.')]\nright('a b c d e f g')"
    assert tabled(ast.parse(source)) == ["the sign of it is turned round."]
    module = Path(exercises.__file__).with_name("credit.py")
    assert len(tabled(ast.parse(module.read_text(encoding="utf-8")))) > 20


def test_every_rule_of_diagnosis_is_listed_where_it_is_explained():
    listed = Counter(rule for lesson in LESSONS for rule in said_by_diagnosis(lesson))
    assert set(listed) == {rule.id for rule in RULES}


def test_causes_are_called_alike_by_the_exercise_and_in_the_list():
    said = said_by_diagnosis("09_nothing_learns")
    for run in BROKEN.values():
        assert all(said[alert].lower().startswith(run.cause) for alert in run.alerts)
    causes = {text.partition(":")[0].lower() for text in said.values()}
    assert causes == {run.cause for run in BROKEN.values()}


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_guide_repeats_the_list(lesson):
    guide = (ROOT / "tutorials" / "guides" / f"{lesson}.md").read_text(encoding="utf-8")
    checked = [t for texts in said_by_checks(lesson).values() for t in texts]
    warned = [f"- `{rule}`: {why}" for rule, why in said_by_diagnosis(lesson).items()]
    assert not [text for text in (*checked, *warned) if text not in guide]


def test_the_page_for_teachers_shows_the_list():
    page = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    assert "```{misconceptions}\n```" in page
    assert "said_by_diagnosis(lesson)" in (ROOT / "docs" / "site_parts.py").read_text(
        "utf-8"
    )
