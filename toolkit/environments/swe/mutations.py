"""Places in Python code where a small, plausible mistake can be put.

A mutation replaces a few bytes and leaves every other byte as it was: comments, line
ends, and text outside ASCII. Only code inside functions is changed, and of that no
annotation, no decorator, no f-string (until Python 3.12 the places in them were wrong)
and nothing that depends on a version or a type checker.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

ONE_TOKEN, ONE_STATEMENT, TWO_PLACES = DIFFICULTIES = (1, 2, 3)
"""What it takes to repair a bug."""
KINDS = {
    "compare": ONE_TOKEN,
    "boolop": ONE_TOKEN,
    "binop": ONE_TOKEN,
    "drop-not": ONE_TOKEN,
    "add-not": ONE_TOKEN,
    "constant": ONE_TOKEN,
    "drop-statement": ONE_STATEMENT,
    "return-none": ONE_STATEMENT,
    "swap-arguments": ONE_STATEMENT,
}
"""The kinds of mutations, with the difficulty of a bug that is one of them."""

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "+",
    ast.FloorDiv: "*",
    ast.Mod: "//",
}
_UNTOUCHED_CONDITIONS = re.compile(
    r"\b(TYPE_CHECKING|__version__|version_info|hexversion|platform|PY[23]\w*)\b"
)
_DROPPED = (ast.Assign, ast.AugAssign, ast.Expr, ast.Raise)
_BARE = (ast.Name, ast.Call, ast.Attribute, ast.Subscript)
_MARK = b"\xef\xbb\xbf"
_COMMENT = re.compile(rb"#[^\n]*")
_NOT = re.compile(rb"not\s*")
_OPERATOR = re.compile(rb"[^\s()\\](?:.*[^\s()\\])?", re.DOTALL)
_MAX_CONSTANT = 1000


@dataclass(frozen=True, kw_only=True, order=True)
class Mutation:
    """One replacement in one file."""

    file: str
    """Path from the root of the repository, with `/`."""
    start: int
    """First byte that is replaced."""
    end: int
    """First byte after it."""
    kind: str
    """One of `KINDS`."""
    old: str
    """What was there."""
    new: str
    """What takes its place."""
    line: int
    """Line of `start`, counted from 1."""
    function: str
    """The innermost function around it, such as `Cache.pop`."""

    @property
    def difficulty(self) -> int:
        """`ONE_TOKEN` or `ONE_STATEMENT`."""
        return KINDS[self.kind]

    @property
    def changed_lines(self) -> int:
        """Lines that a patch of it takes away and adds."""
        return len(self.old.splitlines() or [""]) + len(self.new.splitlines() or [""])


def apply(source: bytes, mutations: Iterable[Mutation]) -> bytes:
    r"""Return the source of one file with mutations in it.

    Args:
        source: The file without them.
        mutations: Of this file, in any order; they must not overlap.

    Raises:
        ValueError: If the source is another one than they were made for.

    >>> for mutation in candidates(b"def f(x):\n    return x + 1\n", "a.py")[:2]:
    ...     print(apply(b"def f(x):\n    return x + 1\n", [mutation]).decode())
    def f(x):
        return None
    <BLANKLINE>
    def f(x):
        return x - 1
    <BLANKLINE>
    """
    for m in sorted(mutations, reverse=True):
        if source[m.start : m.end] != m.old.encode():
            raise ValueError(f"{m.file}:{m.line} is not {m.old!r}")
        source = source[: m.start] + m.new.encode() + source[m.end :]
    return source


def candidates(source: bytes, file: str) -> list[Mutation]:
    """Return all places for mutations in a file, from its beginning to its end.

    `is_sound` tells whether the file is still Python with one of them.

    Args:
        source: Its bytes; nothing is found if it is not UTF-8 or not Python.
        file: Its path, for the mutations to keep.
    """
    try:
        source.decode("utf-8")
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    finder = _Finder(source, file)
    for node in tree.body:
        finder.look(node, "", inside=False)
    return sorted(set(finder.found))


def is_sound(source: bytes, mutations: Iterable[Mutation]) -> bool:
    """Return whether a file stays valid Python, and means something else."""
    changed = apply(source, mutations)
    try:
        tree = ast.parse(changed)
        compile(tree, "mutated", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return ast.dump(tree) != ast.dump(ast.parse(source))


class _Finder:
    """Walks over the code of one file and collects mutations in `found`."""

    def __init__(self, source: bytes, file: str) -> None:
        self.source, self.file = source, file
        self.found: list[Mutation] = []
        mark = len(_MARK) if source.startswith(_MARK) else 0
        self._lines = [0, mark]
        for line in source[mark:].splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def look(self, node: ast.AST, function: str, *, inside: bool) -> None:
        """Collect the mutations of a node and of everything in it."""
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            function = f"{function}.{node.name}".lstrip(".")
            inside = inside or not isinstance(node, ast.ClassDef)
        elif inside:
            if self._is_left_alone(node):
                return
            self._try(node, function)
        for child in _code_in(node):
            self.look(child, function, inside=inside)

    def _is_left_alone(self, node: ast.AST) -> bool:
        """Return whether a node depends on where it runs, or has no sure place."""
        if isinstance(node, (ast.If, ast.IfExp)):
            node = node.test
        elif not isinstance(node, (ast.Compare, ast.BoolOp)):
            return isinstance(node, ast.JoinedStr)
        return bool(_UNTOUCHED_CONDITIONS.search(self._text(*self._span(node))))

    def _try(self, node: ast.AST, function: str) -> None:
        for kind, start, end, new in self._replacements(node):
            self.found.append(
                Mutation(
                    file=self.file,
                    start=start,
                    end=end,
                    kind=kind,
                    old=self._text(start, end),
                    new=new,
                    line=self.source.count(b"\n", 0, start) + 1,
                    function=function,
                )
            )

    def _replacements(self, node: ast.AST) -> Iterator[tuple[str, int, int, str]]:
        """Yield kind, place and new text of what can be done to one node itself."""
        yield from self._operators(node)
        match node:
            case ast.UnaryOp(op=ast.Not()):
                start, _ = self._span(node)
                found = _NOT.match(self.source, start)
                assert found  # it starts with the word
                yield "drop-not", start, found.end(), ""
            case ast.Constant(value=bool(flag)):
                yield "constant", *self._span(node), str(not flag)
            case ast.Constant(value=int(number)) if number < _MAX_CONSTANT:
                yield "constant", *self._span(node), str(number + 1)
            case ast.If() | ast.While() | ast.IfExp():
                yield from self._condition(node.test)
            case ast.Return(value=ast.expr() as value) if not _is_constant(value):
                yield "return-none", *self._span(value), "None"
            case ast.Call(args=[_, _], keywords=[]):
                yield from self._swapped(*node.args)
        if self._can_go(node):
            yield "drop-statement", *self._span(node), "pass"

    def _operators(self, node: ast.AST) -> Iterator[tuple[str, int, int, str]]:
        match node:
            case ast.Compare():
                sides = pairwise([node.left, *node.comparators])
                for pair, op in zip(sides, node.ops, strict=True):
                    yield "compare", *self._between(*pair), _COMPARE[type(op)]
            case ast.BoolOp():
                other = "or" if isinstance(node.op, ast.And) else "and"
                for pair in pairwise(node.values):
                    yield "boolop", *self._between(*pair), other
            case ast.BinOp() if type(node.op) in _BINARY and not _is_text(node.left):
                place = self._between(node.left, node.right)
                yield "binop", *place, _BINARY[type(node.op)]

    def _condition(self, test: ast.expr) -> Iterator[tuple[str, int, int, str]]:
        """Yield the negation of a condition that has no operator of its own."""
        if isinstance(test, _BARE):
            start, _ = self._span(test)
            yield "add-not", start, start, "not "

    def _swapped(
        self, first: ast.expr, second: ast.expr
    ) -> Iterator[tuple[str, int, int, str]]:
        (a, b), (c, d) = self._span(first), self._span(second)
        texts = self._text(c, d), self._text(b, c), self._text(a, b)
        yield "swap-arguments", a, d, "".join(texts)

    def _can_go(self, node: ast.AST) -> bool:
        """Return whether a node is a statement, or a guard, that may be forgotten."""
        if isinstance(node, ast.If) and len(node.body) == 1 and not node.orelse:
            return isinstance(node.body[0], (ast.Return, ast.Raise, ast.Continue))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return False  # a docstring, or `...`
        return isinstance(node, _DROPPED)

    def _between(self, left: ast.expr, right: ast.expr) -> tuple[int, int]:
        """Return the place of the operator between two operands."""
        start, end = self._span(left)[1], self._span(right)[0]
        gap = _COMMENT.sub(lambda m: b" " * len(m[0]), self.source[start:end])
        found = _OPERATOR.search(gap)
        assert found  # between two operands there is an operator
        return start + found.start(), start + found.end()

    def _span(self, node: ast.AST) -> tuple[int, int]:
        """Return the first byte of a node and the first after it."""
        assert isinstance(node, (ast.expr, ast.stmt))
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._lines[node.lineno] + node.col_offset,
            self._lines[node.end_lineno] + node.end_col_offset,
        )

    def _text(self, start: int, end: int) -> str:
        return self.source[start:end].decode()


def _code_in(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the children of a node that run, in their order."""
    skipped = {"annotation", "returns", "decorator_list", "type_params"}
    for name, value in ast.iter_fields(node):
        if name not in skipped:
            children = value if isinstance(value, list) else [value]
            yield from (c for c in children if isinstance(c, ast.AST))


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def _is_text(node: ast.expr) -> bool:
    """Return whether a node is a text, such as one that `%` formats."""
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return is_text or isinstance(node, ast.JoinedStr)
