"""`toolkit swe prepare | bugs | validate`: the repositories and their bugs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from toolkit.environments.swe import workbench
from toolkit.environments.swe.bugs import Bug, load_bugs, read_bugs, write_bugs
from toolkit.environments.swe.repositories import fetch, get_repository
from toolkit.environments.swe.shipped import make_shipped
from toolkit.environments.swe.workbench import Workbench, make_bugs


def prepare(args: argparse.Namespace) -> None:
    """Put repositories into the cache.

    Raises:
        DownloadError: If one cannot be fetched.
        RepositoryError: If there is none of a name.
    """
    for repository in fetch(args.repositories):
        of = (
            f" {repository.version}, {repository.licence}" if repository.version else ""
        )
        print(f"{repository.name}{of}: {repository.root}", flush=True)


def bugs(args: argparse.Namespace) -> None:
    """Make bugs and write them to a file.

    Raises:
        DownloadError: If a repository has to be fetched and cannot be.
        RepositoryError: If there is none of that name, or it is no good for bugs.
        SandboxError: If there is no sandbox.
    """
    made: list[Bug] = []
    for more in _made(args):
        made += more
        write_bugs(args.out, made)
    print(f"{len(made)} bugs: {args.out}")


def validate(args: argparse.Namespace) -> int:
    """Check bugs again; return 1 if one is not what it was.

    Raises:
        DownloadError: If a repository has to be fetched and cannot be.
        RepositoryError: If the file or a repository cannot be read.
        SandboxError: If there is no sandbox.
    """
    given = read_bugs(args.file) if args.file else load_bugs()
    wrong = 0
    for name, group in groupby(given, attrgetter("repository")):
        with Workbench(get_repository(name)) as bench:
            verdicts = [workbench.validate(bug, bench) for bug in group]
        different = [verdict for verdict in verdicts if not verdict.same]
        wrong += len(different)
        print(
            f"{name}: {len(verdicts) - len(different)} of {len(verdicts)}", flush=True
        )
        for verdict in different:
            print(f"  {verdict.bug.id}: {verdict.difference}", flush=True)
    print(f"{len(given) - wrong} of {len(given)} bugs are as they were written down.")
    return int(wrong > 0)


def _made(args: argparse.Namespace) -> Iterator[list[Bug]]:
    """Yield the bugs of one repository after the other."""
    if not args.repositories:
        yield from make_shipped(_tell)
    for name in args.repositories:
        with Workbench(get_repository(name)) as bench:
            yield make_bugs(bench, args.n, seed=args.seed, tell=_tell)


def _tell(bug: Bug) -> None:
    where = ", ".join(f"{m.kind} in {m.function}" for m in bug.mutations)
    tests = f"{bug.failing_tests} tests fail"
    print(f"{bug.id}: difficulty {bug.difficulty}, {where}, {tests}", flush=True)
