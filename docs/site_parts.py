"""The parts of the site that Sphinx does not bring."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri

from toolkit.diagnosis import rules
from toolkit.lessons.misconceptions import said_by_checks, said_by_diagnosis

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\]\((?!https?:|#)")
DOCUMENTED = re.compile(r"automodule:: (\S+)")
LABEL = re.compile(r'aria-label="([^"]*)"')
LESSON = re.compile(r"tutorials/(\d+)_")


class Part(SphinxDirective):
    """A section of a page of the repository, without its heading.

    `{part} README.md` is what stands before its first section; the option `section`
    names another. Links and pictures are made to lead to the same places from here.
    """

    required_arguments = 1
    option_spec: ClassVar[Any] = {"section": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return what stands there.

        Raises:
            DirectiveError: If there is no such section.
        """
        page = ROOT / self.arguments[0]
        self.env.note_dependency(str(page))
        parts = sections(page.read_text(encoding="utf-8"))
        wanted = self.options.get("section", "")
        if wanted not in parts:
            raise self.error(f"{page.name} has no section {wanted!r}")
        folder = page.parent.relative_to(ROOT).as_posix()
        text = LINK.sub("](/" if folder == "." else f"](/{folder}/", parts[wanted])
        return self.parse_text_to_nodes(text)


def sections(markdown: str) -> dict[str, str]:
    """Return the text below each heading of level 2; under "" what precedes them.

    A page begins with its title, which is left out.
    """
    first, *others = re.split(r"^## ", markdown, flags=re.M)
    named = (part.partition("\n") for part in others)
    return {"": first.partition("\n")[2]} | {name: text for name, _, text in named}


class DiagnosisRules(SphinxDirective):
    """What `diagnose` looks for: every rule with its cause and its remedies."""

    def run(self) -> list[nodes.Node]:
        """Return a paragraph and a list for each rule."""
        self.env.note_dependency(rules.__file__)
        return [node for rule in rules.RULES for node in self._entry(rule)]

    def _entry(self, rule: rules.Rule) -> list[nodes.Node]:
        """Return one rule as text."""
        seen = (rule.check.__doc__ or "").partition("\n")[0].removeprefix("Look for ")
        remedies = "\n".join(f"- {remedy}" for remedy in rule.remedies)
        lesson = f"Lesson [{rule.lesson}](/tutorials/{rule.lesson}.ipynb)."
        text = (
            f"**`{rule.id}`** ({rule.severity}): {seen} {rule.why} {lesson} "
            f"Try first:\n\n{remedies}\n"
        )
        return self.parse_text_to_nodes(text)


class Misconceptions(SphinxDirective):
    """What checks of exercises and rules of `diagnose` recognise, lesson by lesson."""

    def run(self) -> list[nodes.Node]:
        """Return a list for each lesson."""
        lessons = sorted(path.stem for path in (ROOT / "tutorials").glob("*.ipynb"))
        return [node for lesson in lessons for node in self._of(lesson)]

    def _of(self, lesson: str) -> list[nodes.Node]:
        """Return what is known about one lesson."""
        said = [
            f"{message} (`{name}`)"
            for name, messages in said_by_checks(lesson).items()
            for message in messages
        ]
        said += [f"{why} (`{i}`)" for i, why in said_by_diagnosis(lesson).items()]
        lines = "\n".join(f"- {line}" for line in said)
        text = f"**[{lesson}](/tutorials/{lesson}.ipynb)**\n\n{lines}\n"
        return self.parse_text_to_nodes(text)


# ---- formulas ------------------------------------------------------------------------


def inline(self: Any, node: nodes.math) -> None:
    """Write a formula within a line as MathML, which needs no script."""
    self.body.append(str(tex2mathml(node.astext())))
    raise nodes.SkipNode


def displayed(self: Any, node: nodes.math_block) -> None:
    """Write a formula of its own as MathML."""
    formula = str(tex2mathml(node.astext(), as_block=True))
    self.body.append(f'<div class="math">{formula}</div>')
    raise nodes.SkipNode


# ---- what stands on pages ------------------------------------------------------------


def open_in_browser(app: Sphinx, tree: nodes.document) -> None:
    """Let links to our sources and reports open a page, where others download a file.

    Sources are shown by `sphinx.ext.viewcode`; HTML reports are copied as they are.
    """
    api = "".join(p.read_text() for p in (ROOT / "docs" / "api").glob("*.md"))
    documented = set(DOCUMENTED.findall(api))
    here = app.builder.get_target_uri(app.env.docname)
    for link in list(tree.findall(addnodes.download_reference)):
        name, _ = app.env.relfn2path(link["reftarget"], app.env.docname)
        module = name.removesuffix(".py").replace("/", ".")
        if name.endswith(".html"):
            uri, facts = relative_uri(here, name), {"report": name}
        elif name.endswith(".py") and module in documented:
            shown = f"_modules/{module.replace('.', '/')}.html"
            uri, facts = relative_uri(here, shown), {}
        else:
            continue
        page = nodes.reference("", "", *link.children, refuri=uri, **facts)
        link.replace_self(page)


def copy_reports(app: Sphinx, tree: nodes.document, page: str) -> None:
    """Copy the reports that a page links to."""
    for link in tree.findall(nodes.reference):
        if name := link.get("report"):
            copy = Path(app.outdir, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy)


def name_pictures(app: Sphinx, tree: nodes.document) -> None:
    """Give charts their words, and badges, which are not here, no picture."""
    for picture in list(tree.findall(nodes.image)):
        if "://" in picture["uri"]:
            picture.replace_self(nodes.Text(picture["alt"]))
        elif picture["uri"].endswith(".svg") and not picture.get("alt"):
            _, path = app.env.relfn2path(picture["uri"], app.env.docname)
            if label := LABEL.search(Path(path).read_text(encoding="utf-8")):
                picture["alt"] = html.unescape(label[1])


def number_lessons(app: Sphinx, tree: nodes.document) -> None:
    """Put the number of a lesson before its title."""
    if lesson := LESSON.match(app.env.docname):
        title = next(tree.findall(nodes.title))
        title.insert(0, nodes.Text(f"{lesson[1]} · "))


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx what there is."""
    app.add_directive("part", Part)
    app.add_directive("diagnosis-rules", DiagnosisRules)
    app.add_directive("misconceptions", Misconceptions)
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    for change in (open_in_browser, name_pictures, number_lessons):
        app.connect("doctree-read", change, priority=100)  # before Sphinx collects
    app.connect("doctree-resolved", copy_reports)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
