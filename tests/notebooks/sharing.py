"""Lets a solution run in the kernel of its lesson, if both are to be run.

A solution repeats its lesson but for the exercises, so what both have in common is run
once. Where they differ, the solution's cells are run first and the lesson's after them,
at the same place of one kernel; so are all later cells that read what these have bound.
Nothing is left out: a cell is shared only if it would do the same in both. (What a call
does to its arguments is not seen; an exercise must not train a model that is used after
it.) A solution whose lesson is not run with it runs from top to bottom.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from itertools import groupby

from IPython.core.inputtransformer2 import TransformerManager


def pytest_collection_modifyitems(config, items):
    """Put the cells that a solution has for itself beside those of its lesson."""
    cells = defaultdict(list)
    for item in items:
        cells[item.path].append(item)
    shared = []
    for path, lesson in list(cells.items()):
        solution = cells.get(path.parent / "solutions" / path.name, [])
        if path.suffix == ".ipynb" and len(lesson) == len(solution):
            cells[path], same = merged(lesson, solution)
            cells[solution[0].path] = []
            shared += same
    items[:] = [item for group in cells.values() for item in group]
    config.hook.pytest_deselected(items=shared)


def merged(lesson, solution):
    """Return the cells of both in the order of running, and those that are shared."""
    pairs = list(zip(lesson, solution, strict=True))
    order, shared = [], []
    for is_apart, run in groupby(
        zip(pairs, apart([tuple(map(seen, pair)) for pair in pairs]), strict=True),
        key=lambda found: found[1],
    ):
        ours, theirs = zip(*(pair for pair, _ in run), strict=True)
        for cell in theirs if is_apart else ():
            cell.parent = ours[0].parent  # whose kernel it runs in
            order.append(cell)
        order += ours
        shared += () if is_apart else theirs
    return order, shared


def seen(item):
    """Return what a cell consists of: its source, and outputs if they are compared."""
    outputs = item.cell.outputs if item.options["check"] else ()
    return item.cell.source, [{**o, "execution_count": None} for o in outputs]


def apart(pairs):
    """Return for each pair of cells whether both of them must be run.

    Args:
        pairs: What `seen` returned for the cells of a lesson and of its solution.
    """
    code = [[parsed(cell[0]) for cell in pair] for pair in pairs]
    found = [ours != theirs for ours, theirs in pairs]
    for start, differs in enumerate(list(found)):
        if not differs:
            continue
        names, end = set().union(*map(bound, code[start])), start
        for at in range(start + 1, len(pairs)):
            if any(reads(cell) & names for cell in code[at]):
                names, end = names.union(*map(bound, code[at])), at
        found[start : end + 1] = [True] * (end + 1 - start)
    return found


def parsed(source):
    """Return the syntax tree of a cell, which may hold magics."""
    return ast.parse(TransformerManager().transform_cell(source))


def reads(tree):
    """Return the names that a cell reads without having assigned them before."""
    found, own = set(), set()
    for statement in tree.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.AugAssign):
                found |= root(node.target) - own
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found |= {node.id} - own
        if isinstance(statement, ast.Assign):
            own |= {t.id for t in statement.targets if isinstance(t, ast.Name)}
    return found


def bound(tree):
    """Return the names that a cell binds, or whose object it visibly changes."""
    found, nodes = set(), [tree]
    while nodes:
        match node := nodes.pop():
            case ast.FunctionDef() | ast.ClassDef():
                found.add(node.name)
                continue  # names inside are its own
            case ast.alias():
                found.add((node.asname or node.name).partition(".")[0])
            case ast.Name(ctx=ast.Store() | ast.Del()):
                found.add(node.id)
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
                found |= root(node)
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
                found |= root(method)
        nodes += ast.iter_child_nodes(node)
    return found


def root(node):
    """Return the name that `name`, `name.field[3].other()` and the like begin with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()
