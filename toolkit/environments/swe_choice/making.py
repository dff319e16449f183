"""Makes the tasks of `swe-choice` by running the tests of each choice: `make choices`.

With `--check` it runs all of them again, and compares with what was written down.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path

from toolkit.environments.swe.mutations import Mutation, candidates, is_sound
from toolkit.environments.swe.repositories import get_repository
from toolkit.environments.swe.workbench import Workbench
from toolkit.environments.swe_choice.choices import (
    SHIPPED,
    Choice,
    Pick,
    Place,
    read_choices,
    write_choices,
)

TO_LEARN = ("train", "demonstration")
PLAN = {
    "toolz": TO_LEARN,
    "schedule": ("validation",),
    "boltons": TO_LEARN,
    "tabulate": TO_LEARN,
    "cachetools": ("test",),
    "parse": ("test",),
    "humanize": ("test",),
    "inflection": TO_LEARN,
    "python-slugify": TO_LEARN,
}
"""What each repository is for. Where there are two, a function is for one of them."""
MOST = {"train": 16, "demonstration": 8, "validation": 24, "test": 20}
"""Tasks of a repository and split, at most."""
LEAST_PLACES, MOST_PLACES = 3, 4
OF_FUNCTION = 3
"""Tasks with the same function, at most."""
MOST_TESTS = 80
"""Functions that more tests reach are left out."""
MOST_LINES = 40
"""Lines from the first place of a function to its last."""
_KINDS = ("compare", "boolop", "binop", "constant")
_THIRD = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "+": "*", "-": "*", "*": "-"}
"""A third token, beside what was published and its mutation."""


def make_choices(bench: Workbench, splits: tuple[str, ...]) -> Iterator[Choice]:
    """Yield tasks of a repository: the mistake makes a test fail, and no choice hangs.

    The same repository gives the same tasks, wherever its tests give the same results.

    Args:
        bench: Of the repository.
        splits: What its functions are shared out to.
    """
    left = {split: MOST[split] for split in splits}
    for places in _functions(bench):
        split = splits[_order(places[0]) % 3 % len(splits)]
        most = min(OF_FUNCTION, left[split])
        for choice in islice(_of_function(bench, places, split), most):
            left[split] -= 1
            yield choice
        if not any(left.values()):
            return


def measure(choice: Choice, bench: Workbench) -> Choice | None:
    """Return a task with what its tests say now about every choice.

    `None` if the tests do not run to their end with one of them. Where no test notices
    the mistake, there is nothing to choose.
    """
    failing: dict[Pick, frozenset[int]] = {}
    for pick in (choice.bug, *choice.choices):
        found = _failing(choice, bench, pick)
        if found is None:
            return None
        if not found and pick == choice.bug:
            break
        failing[pick] = found
    return replace(choice, failing=failing)


def _functions(bench: Workbench) -> Iterator[list[Mutation]]:
    """Yield the places of each function that has enough, in a mixed order."""
    found: dict[tuple[str, str], list[Mutation]] = {}
    for file, source in bench.sources(bench.repository.source_files()).items():
        names = Counter(re.findall(rb"^ *(?:async )?def (\w+)", source, re.MULTILINE))
        for m in candidates(source, file):
            once = names[m.function.rpartition(".")[2].encode()] == 1
            if (
                (once or "." in m.function)
                and m.kind in _KINDS
                and is_sound(source, [m])
            ):
                found.setdefault((file, m.function), []).append(m)
    for places in sorted(found.values(), key=lambda places: _order(places[0])):
        few = {m.start: m for m in sorted(places, key=_order)}.values()
        near = [m for m in few if m.line - min(p.line for p in few) < MOST_LINES]
        tests = bench.reaching(near[0])
        if len(near) >= LEAST_PLACES and 0 < len(tests) <= MOST_TESTS:
            yield near


def _of_function(
    bench: Workbench, mutations: list[Mutation], split: str
) -> Iterator[Choice]:
    """Yield tasks with one function, up to the first whose tests do not end."""
    tests = tuple(sorted(bench.reaching(mutations[0])))
    made = 0
    for k, wrong in enumerate(mutations):
        # the mistake among others, which are not the same each time
        others = mutations[k + 1 :] + mutations[:k]
        marked = sorted([wrong, *others[: MOST_PLACES - 1]])
        tokens = _tokens(wrong)
        choice = Choice(
            repository=bench.repository.name,
            split=split,
            file=wrong.file,
            function=wrong.function,
            places=tuple(
                Place(start=m.start, end=m.end, tokens=_tokens(m)) for m in marked
            ),
            bug=(marked.index(wrong), tokens[1 + made % (len(tokens) - 1)]),
            tests=tests,
            failing={},
        )
        measured = measure(choice, bench)
        if measured is None:
            return
        if measured.failing:
            made += 1
            yield measured


def _tokens(m: Mutation) -> tuple[str, ...]:
    """Return what a place may be, first what it was."""
    third = _THIRD.get(m.old)
    if m.old.isdigit() and int(m.old):
        third = str(int(m.old) - 1)
    return m.old, m.new, *([third] if third else [])


def _failing(choice: Choice, bench: Workbench, pick: Pick) -> frozenset[int] | None:
    """Run the tests with a choice made; `None` if they do not run to their end."""
    right = [place.tokens[0] for place in choice.places]
    changed = [
        Mutation(
            file=choice.file,
            start=place.start,
            end=place.end,
            kind="constant",
            old=old,
            new=new,
            line=0,
            function=choice.function,
        )
        for place, old, new in zip(
            choice.places, right, choice.tokens(pick), strict=True
        )
        if old != new
    ]
    if not changed:
        return frozenset()  # the tests of a task are those that pass then
    report = bench.report_with(changed, choice.tests)
    if report.broken:
        return None
    numbers = enumerate(choice.tests)
    return frozenset(i for i, name in numbers if name not in report.passed)


def _order(m: Mutation) -> int:
    """Return a number that mixes places, the same one everywhere."""
    text = f"{m.file} {m.start} {m.new}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def make_shipped() -> Iterator[list[Choice]]:
    """Make the tasks of `PLAN`, one repository after the other.

    Raises:
        DownloadError: If a repository has to be fetched and cannot be.
        SandboxError: If there is no sandbox.
    """
    for name, splits in PLAN.items():
        with Workbench(get_repository(name)) as bench:
            yield list(make_choices(bench, splits))


def check(choices: Iterable[Choice]) -> Iterator[tuple[Choice, bool]]:
    """Run the tests of tasks again; yield each, and whether they say the same.

    Raises:
        DownloadError: If a repository has to be fetched and cannot be.
        SandboxError: If there is no sandbox.
    """
    for name, group in groupby(choices, attrgetter("repository")):
        with Workbench(get_repository(name)) as bench:
            for choice in group:
                yield choice, measure(choice, bench) == choice


def main(arguments: list[str] | None = None) -> int:
    """Make the shipped tasks, or check them; return 1 if one is not what it was."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--file", type=Path, default=SHIPPED)
    args = parser.parse_args(arguments)
    if args.check:
        wrong = 0
        for choice, same in check(read_choices(args.file)):
            wrong += not same
            if not same:
                print(f"differs: {choice.repository} {choice.function} {choice.bug}")
        print(f"{wrong} tasks are not as they were written down.")
        return int(wrong > 0)
    made: list[Choice] = []
    for more in make_shipped():
        made += more
        print(f"{len(made)} tasks, the last of {made[-1].repository}", flush=True)
        write_choices(args.file, made)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
