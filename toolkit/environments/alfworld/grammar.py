"""The grammar of a game: how commands are worded and what the world answers.

A grammar holds rules such as `"You open the {r.name}. #examineReceptacle.feedback#"`:
`#…#` is replaced by a rule, `{…}` by the value of an expression, `{… | query}` by one
for every answer of a query, and `[…]` makes a list of those.

TextWorld evaluates the expressions as Python code, so that a game file from somewhere
can do anything. Here they are taken apart first, and only attributes of the things in
the game, literal strings, `+` and `or` are carried out; everything else is refused.
"""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from toolkit.environments.alfworld.facts import Facts, order
from toolkit.environments.alfworld.pddl import (
    ANY_TYPE,
    Conjunction,
    Literal,
    is_of_type,
)
from toolkit.errors import GameFileError

MAX_SYMBOLS = 20_000
"""Symbols that one text may take; real ones take a few hundred."""
MAX_DEPTH = 50
"""Rules that may call each other; real ones go 5 deep."""
WORDINGS = {
    "old": ("put {o} in/on {r}", "You put the {o.name} in/on the {r.name}."),
    "new": ("move {o} to {r}", "You move the {o.name} to the {r.name}."),
}
"""Command and answer of putting something somewhere, before and since ALFWorld 0.4."""
_ARRIVAL = {
    "old": "You arrive at {lend.name}. ",
    "new": "You arrive at {r.name}. ",
}
_TOKEN = re.compile(r'"""(.*?)"""|"([^"]*)"|#[^\n]*|([\w/-]+|::|[{};])', re.DOTALL)
_NONTERMINAL = re.compile(r"#([\w()/!<>\-\s,.]+)#")
_BRACES = re.compile(
    r"\{(?:#(?P<rule>[\w()/!<>\-\s,.]+)#|(?P<code>[^|\[\]{}\n<>]+))"
    r"(?:\s*\|\s*(?P<given>[^;|{}\n\[\]#]+))?\}"
)
_LITERAL = re.compile(r'[^;|"<>\[\]#{}]+')
_PREDICATE = re.compile(r"\s*([\w/-]+)\s*\(([^()]*)\)\s*(?:&|$)")
_HARMLESS = (ast.Name, ast.expr_context, ast.BinOp, ast.BoolOp, ast.Add, ast.Or)
_ATTRIBUTES = {"id", "type", "name", "definite", "indefinite"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """A thing in the world, as expressions of the grammar see it."""

    id: str
    """Its name in PDDL."""
    type: str
    """Its type in PDDL."""
    name: str
    """What the text calls it, such as `cabinet 3`."""
    definite: str = "the"
    """Article."""
    indefinite: str = "a"
    """Article."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Symbol:
    """One piece of a rule."""

    kind: str
    """`text`, `one`, or `list` for a piece in square brackets."""
    value: str
    """The text, an expression, or `#` and the name of a rule."""
    given: tuple[Literal, ...] | None = None
    """A query: the piece is repeated for each answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What a text is about."""

    facts: Facts
    """What holds."""
    entities: Mapping[str, Entity]
    """All things by their name in PDDL."""
    bound: dict[str, str] = field(default_factory=dict)
    """Variables, `?x:type`, and what they stand for."""


class Grammar:
    """Commands and answers of a game.

    Args:
        text: The grammar in the file of a game.

    Raises:
        GameFileError: If it cannot be read or does more than make sentences.
    """

    def __init__(self, text: str) -> None:
        self.templates: dict[str, str] = {}
        self.feedbacks: dict[str, str] = {}
        self._rules: dict[str, list[tuple[tuple[Literal, ...], str]]] = {}
        self._budget = 0
        blocks = self._read(text)
        if not blocks or not self.templates:
            raise _wrong("it has no rules or no actions")
        if {*self.templates} != {*self.feedbacks}:
            raise _wrong("an action has no template or no feedback")
        for block in blocks:
            self._add_rules(block)
        self._check()

    def tell(self, text: str, scene: Scene) -> str:
        """Return a text with all of its symbols replaced.

        Raises:
            GameFileError: If a rule is missing, or rules call each other for ever.
        """
        self._budget = MAX_SYMBOLS
        return self._tell(symbols(text), scene, 0)

    def queried(self, text: str) -> set[str]:
        """Return the predicates that a text without rules asks for."""
        return {q.atom[0] for s in symbols(text) for q in s.given or ()}

    def has_rules(self, text: str) -> bool:
        """Return whether rules of the grammar are called by a text."""
        return "#" in text

    def _read(self, text: str) -> list[str]:
        """Take in the actions; return the blocks of rules."""
        blocks, action = [], ""
        tokens = (m for m in _TOKEN.finditer(text) if m[0][0] != "#")
        for token in tokens:
            if token[0] == "action":
                action = next(tokens, token)[0].lower()
            elif token[0] in ("template", "feedback", "grammar"):
                next(tokens, None)  # the two colons
                value = next(tokens, None)
                if value is None or value[3] is not None:
                    raise _wrong(f"{token[0]} has no value")
                if token[0] == "grammar":
                    blocks.append(value[1] or "")
                elif token[0] == "template":
                    self.templates[action] = value[2] or ""
                else:
                    self.feedbacks[action] = value[2] or ""
        return blocks

    def _add_rules(self, block: str) -> None:
        lines = [x for x in block.splitlines() if not x.lstrip().startswith("#")]
        try:
            rules = json.loads("\n".join(lines), strict=False)
            for name, alternatives in rules.items():
                self._rules[name] = [
                    (query(r.get("condition", "")), r["rhs"]) for r in alternatives
                ]
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise _wrong(f"a block of rules cannot be read: {error}") from error

    def _check(self) -> None:
        """Look at every expression before any is carried out."""
        texts = [rhs for rules in self._rules.values() for _, rhs in rules]
        for text in (*texts, *self.templates.values(), *self.feedbacks.values()):
            if not isinstance(text, str):
                raise _wrong(f"{text!r} is not a text")
            for symbol in symbols(text):
                if symbol.kind != "text" and symbol.value[0] != "#":
                    expression(symbol.value)

    def _tell(self, parts: Sequence[Symbol], scene: Scene, depth: int) -> str:
        self._budget -= len(parts)
        if self._budget < 0 or depth > MAX_DEPTH:
            raise _wrong("its rules call each other without an end")
        return "".join(self._symbol(part, scene, depth) for part in parts)

    def _symbol(self, part: Symbol, scene: Scene, depth: int) -> str:
        if part.kind == "text":
            return part.value
        if part.given is None:
            told = [self._one(part.value, scene, depth)]
        else:
            told = [
                self._one(part.value, narrowed, depth)
                for narrowed in answers(part.given, scene)
            ]
        return (
            self._listed(told, scene, depth) if part.kind == "list" else "".join(told)
        )

    def _one(self, value: str, scene: Scene, depth: int) -> str:
        if value[0] != "#":
            return evaluate(expression(value), scene)
        for condition, rhs in self._rules.get(value[1:], ()):
            if not condition or next(iter(answers(condition, scene)), None):
                return self._tell(symbols(rhs), scene, depth + 1)
        raise _wrong(f"there is no rule {value!r} that applies")

    def _listed(self, told: list[str], scene: Scene, depth: int) -> str:
        """Join as `a, b, and c`, in the words of the grammar."""
        if not told:
            return self._one("#list_empty", scene, depth)
        if len(told) == 1:
            return told[0]
        comma = self._one("#list_separator", scene, depth)
        last = self._one("#list_last_separator", scene, depth)
        return comma.join(told[:-1]) + last + told[-1]


def reword(text: str, wording: str) -> str:
    """Return the grammar of a game in the words of another version of ALFWorld.

    Args:
        text: A grammar.
        wording: `old` (`put apple 1 in/on fridge 1`) or `new` (`move apple 1 to …`).
    """
    other = "old" if wording == "new" else "new"
    pairs = zip(WORDINGS[other], WORDINGS[wording], strict=True)
    for theirs, ours in (*pairs, (_ARRIVAL[other], _ARRIVAL[wording])):
        text = text.replace(theirs, ours)
    return text


# ---- pieces of a rule ------------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def symbols(text: str) -> tuple[Symbol, ...]:
    r"""Return the pieces of a text; what follows an unknown sign is left out.

    White space at the beginning goes, and `\n` becomes a line break: TextWorld's
    parser does both.
    """
    text, at, found = text.lstrip(), 0, []
    while at < len(text):
        symbol, at = _next(text, at)
        if symbol is None:
            break
        found.append(symbol)
    return tuple(found)


def _next(text: str, at: int) -> tuple[Symbol | None, int]:
    """Return the symbol at a place and where it ends."""
    if text[at] == "[":
        match = _BRACES.match(text, at + 1)
        if match and text[match.end() : match.end() + 1] == "]":
            return _braces(match, "list"), match.end() + 1
        return None, at
    if match := _BRACES.match(text, at):
        return _braces(match, "one"), match.end()
    if match := _NONTERMINAL.match(text, at):
        return Symbol(kind="one", value="#" + match[1]), match.end()
    if match := _LITERAL.match(text, at):
        words = match[0].replace("\\n", "\n")
        return Symbol(kind="text", value=words), match.end()
    return None, at


def _braces(match: re.Match[str], kind: str) -> Symbol:
    value = "#" + match["rule"] if match["rule"] else match["code"].strip()
    given = query(match["given"]) if match["given"] else None
    return Symbol(kind=kind, value=value or "#", given=given)


@functools.lru_cache(maxsize=4096)
def query(text: str) -> tuple[Literal, ...]:
    """Read `inreceptacle(o:object, r:receptacle) & opened(r:receptacle)`.

    A variable is its name with its type, as in TextWorld, where `r:receptacle` and
    `r:object` are not the same.

    Raises:
        GameFileError: If it is none.
    """
    found, at, text = [], 0, text.strip()
    while at < len(text):
        match = _PREDICATE.match(text, at)
        if not match:
            raise _wrong(f"{text!r} is not a query")
        words = [w.split(":") for w in match[2].replace(" ", "").split(",") if w]
        names = (f"?{w[0]}:{w[1] if len(w) > 1 else w[0]}" for w in words)
        found.append(Literal(atom=(match[1], *names)))
        at = match.end()
    return tuple(found)


@functools.lru_cache(maxsize=4096)
def _typed_query(given: Conjunction, bound: frozenset[str]) -> Conjunction:
    variables = sorted(set().union(*(q.variables for q in given)) - bound)
    kinds = ((v, v.partition(":")[2]) for v in variables)
    return (*given, *(is_of_type(v, k) for v, k in kinds if k != ANY_TYPE))


def answers(given: Conjunction, scene: Scene) -> list[Scene]:
    """Return one narrower scene for each answer of a query, in TextWorld's order."""
    wanted = _typed_query(given, frozenset(scene.bound))
    plan = order(wanted, scene.facts, scene.bound)
    found = []
    for bound in scene.facts.solve(plan, scene.bound):
        new = [v for k, v in bound.items() if k not in scene.bound]
        taken = set(scene.bound.values())
        if len({*new}) == len(new) and not taken & {*new}:  # all things differ
            key = [tuple(bound.get(w, w) for w in q.atom[1:]) for q in given]
            found.append((key, bound))
    found.sort(key=lambda pair: pair[0])
    return [
        Scene(facts=scene.facts, entities=scene.entities, bound=bound)
        for _, bound in found
    ]


# ---- expressions -----------------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def expression(code: str) -> ast.expr:
    """Return an expression, taken apart.

    Raises:
        GameFileError: If it is anything but attributes of things, strings, `+`, `or`.
    """
    try:
        tree = ast.parse(code.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _wrong(f"{code!r} is not an expression") from error
    for node in ast.walk(tree):
        plain = isinstance(node, _HARMLESS)
        field_of = isinstance(node, ast.Attribute) and node.attr in _ATTRIBUTES
        words = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if not (plain or field_of or words):
            raise _wrong(f"{code!r} does more than make a sentence")
    return tree


def evaluate(tree: ast.expr, scene: Scene) -> str:
    """Return the value of an expression that `expression` has let through."""
    if isinstance(tree, ast.Constant):
        return str(tree.value)
    if isinstance(tree, ast.BoolOp):
        values = [evaluate(value, scene) for value in tree.values]
        return next(filter(None, values), "")
    if isinstance(tree, ast.BinOp):
        return evaluate(tree.left, scene) + evaluate(tree.right, scene)
    if isinstance(tree, ast.Attribute) and isinstance(tree.value, ast.Name):
        return str(getattr(_entity(tree.value.id, scene), tree.attr))
    if isinstance(tree, ast.Name):
        return str(_entity(tree.id, scene))
    raise _wrong("an expression asks for an attribute of a text")


def _entity(name: str, scene: Scene) -> Entity:
    """Return the thing that a variable stands for, the last one bound of that name."""
    for variable in reversed(scene.bound):
        if variable[1:].partition(":")[0] == name:
            return scene.entities[scene.bound[variable]]
    raise _wrong(f"nothing is called {name!r}")


def _wrong(what: str) -> GameFileError:
    return GameFileError(
        f"The grammar of a game cannot be used: {what}.",
        "The file is damaged, or comes from somebody who wants it to run code.",
        "Get the file again from a place you trust, or leave it out.",
    )
