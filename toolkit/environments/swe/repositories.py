"""The repositories that are repaired: small Python packages with their own tests.

They come from the index that pip is set up for, as source distributions of one version
each, checked by their SHA-256, and are kept in the cache of the toolkit. After that
nothing is fetched any more. A folder of one's own works as well.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from toolkit.environments.swe import compiled
from toolkit.environments.swe.packages import Package, unpacked
from toolkit.errors import RepositoryError, near_matches
from toolkit.paths import cache_dir

FOLDER = "folder:"
"""Begins the name of a repository that is a folder of the user."""
IGNORED = (".*", "__pycache__", "*.pyc", "venv", "node_modules")
"""What a copy of a repository leaves out."""
_TEST_FILE = re.compile(r"(test_.*|.*_test|conftest)\.py")
_TEST_FOLDERS = ("test", "tests")


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A package whose code gets bugs, with the tests that find them.

    All paths are relative to its root, with `/`.
    """

    name: str
    """Name on the package index, or `folder:` and a path."""
    version: str = ""
    """Version on the index."""
    sha256: str = ""
    """Checksum of the source distribution."""
    licence: str = ""
    """Licence, by its SPDX name."""
    licence_file: str = ""
    """File of the source distribution with the text of the licence."""
    sources: tuple[str, ...]
    """Files and folders whose Python files may get bugs; tests in them do not."""
    tests: tuple[str, ...]
    """Files and folders with tests."""
    left_out: tuple[str, ...] = ()
    """Files with tests, or ids of tests, that need what is not here, depend on the
    clock, or start many processes."""
    path: tuple[str, ...] = (".",)
    """Folders from which the tests import."""
    requires: tuple[Package, ...] = ()
    """Wheels that the package or its tests import."""
    folder: Path | None = None
    """Where it is, for a folder of the user. The settings of pytest in it hold, and
    its tests can import whatever is installed; those of packages from the index can
    import the standard library and `requires` alone, and so are the same anywhere."""

    @property
    def root(self) -> Path:
        """The folder with the files as they were published; do not change them.

        Raises:
            DownloadError: If they have to be fetched and cannot be.
        """
        if self.folder is not None:
            return self.folder
        return unpacked(self._package, wheel=False)

    @property
    def import_folders(self) -> tuple[Path, ...]:
        """The folders of `requires`.

        Raises:
            DownloadError: If they have to be fetched and cannot be.
        """
        return tuple(unpacked(package, wheel=True) for package in self.requires)

    @property
    def _package(self) -> Package:
        return Package(name=self.name, version=self.version, sha256=self.sha256)

    def source_files(self) -> list[str]:
        """Return the Python files that may get bugs, in alphabetical order."""
        root = self.root
        found = {p for name in self.sources for p in python_files(root / name)}
        files = sorted(path.relative_to(root).as_posix() for path in found)
        return [name for name in files if not _is_test(name)]

    def codes(self) -> compiled.Codes:
        """Return what its files compile to, from the cache; put it there if need be.

        Returns:
            Nothing for a folder of the user, whose files change and whose settings of
            pytest may matter; nothing if the cache cannot be written to.

        Raises:
            DownloadError: If it has to be fetched and cannot be.
        """
        if self.folder is not None:
            return {}
        roots = (self.root, *self.import_folders)
        with suppress(OSError, ImportError):  # a full disk; no pytest
            name = f"{self.root.name}-{sys.implementation.cache_tag}"
            kept = cache_dir() / "swe" / "compiled" / name
            files = (path for root in roots for path in python_files(root))
            return compiled.load(kept) or compiled.make(files, kept)
        return {}

    def copy_to(self, target: Path) -> None:
        """Copy the files, without caches and links, into a folder.

        Args:
            target: May exist.
        """
        _copy(self.root, target)


def register_repository(repository: Repository) -> None:
    """Make a repository known by its name.

    >>> own = Repository(name="own", folder=Path("."), sources=("a.py",), tests=("t",))
    >>> register_repository(own)
    >>> get_repository("own") is own
    True
    """
    _KNOWN[repository.name] = repository


def get_repository(name: str) -> Repository:
    """Return a repository by its name.

    Args:
        name: Of one of `REPOSITORIES`, of one that was registered, or
            `folder:/path/to/a/repository`, whose sources and tests are looked for in
            the usual places.

    Raises:
        RepositoryError: If there is none of that name.
    """
    if name in _KNOWN:
        return _KNOWN[name]
    if name.startswith(FOLDER):
        return _local(name, Path(name.removeprefix(FOLDER)).expanduser().resolve())
    raise RepositoryError(
        f"There is no repository {name!r}.",
        "It is neither among the known ones nor `folder:` with a path.",
        near_matches(name, _KNOWN),
    )


def fetch(names: Iterable[str] = ()) -> Iterator[Repository]:
    """Put repositories into the cache, and yield each as soon as it is there.

    Args:
        names: Of them; all of `REPOSITORIES` if empty.

    Raises:
        DownloadError: If one cannot be fetched.
        RepositoryError: If there is none of that name.
    """
    for name in tuple(names) or tuple(r.name for r in REPOSITORIES):
        repository = get_repository(name)
        _ = repository.root, repository.import_folders, repository.codes()
        yield repository


def _local(name: str, folder: Path) -> Repository:
    """Look for sources and tests in a folder of the user."""
    if not folder.is_dir():
        raise RepositoryError(
            f"There is no folder {folder}.",
            "A repository of your own is named by `folder:` and its path.",
            "Check the path.",
        )
    base = folder / "src" if (folder / "src").is_dir() else folder
    packages = {p.parent for p in base.glob("*/__init__.py")}
    sources = sorted((packages or set()) | set(base.glob("*.py")))
    sources = [p for p in sources if p.name not in (*_TEST_FOLDERS, "setup.py")]
    tests = [folder / name for name in _TEST_FOLDERS if (folder / name).is_dir()]
    tests = tests or [p for p in sorted(folder.glob("*.py")) if _is_test(p.name)]
    tests = tests or [t for s in sources for t in s.glob("test*") if t.is_dir()]
    found = Repository(
        name=name,
        folder=folder,
        sources=_below(folder, [p for p in sources if not _is_test(p.name)]),
        tests=_below(folder, tests),
        path=_below(folder, [base]),
    )
    for what, where in (("code", found.sources), ("tests", found.tests)):
        if not where:
            raise RepositoryError(
                f"No {what} was found in {folder}.",
                "Looked for packages and modules in it and in src/, and for tests in "
                "tests/, test/ and files named test_….py.",
                "Register it, with the places named: "
                "register_repository(Repository(…)).",
            )
    return found


def _below(folder: Path, paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(path.relative_to(folder).as_posix() for path in paths)


def python_files(path: Path) -> list[Path]:
    """Return the Python files at a path, which may be one; links are left out."""
    if path.is_file():
        return [path]
    return [p for p in path.rglob("*.py") if p.is_file() and not p.is_symlink()]


def _is_test(name: str) -> bool:
    """Return whether a file, by its name, belongs to tests."""
    *folders, file = name.split("/")
    return bool(_TEST_FILE.fullmatch(file)) or any(f in _TEST_FOLDERS for f in folders)


def _copy(source: Path, target: Path) -> None:
    """Copy files and folders; links are left out, because they may lead anywhere."""

    def ignored(folder: str, names: list[str]) -> set[str]:
        links = {name for name in names if (Path(folder) / name).is_symlink()}
        return links | shutil.ignore_patterns(*IGNORED)(folder, names)

    shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)


_SIX = Package(
    name="six",
    version="1.17.0",
    sha256="4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274",
)
_DATEUTIL = Package(
    name="python-dateutil",
    version="2.9.0.post0",
    sha256="a8b2bc7bffae282281c8140a97d3aa9c14da0b136dfe83f850eea9a5f7470427",
)
_FREEZEGUN = Package(
    name="freezegun",
    version="1.5.5",
    sha256="cd557f4a75cf074e84bc374249b9dd491eaeacd61376b9eb3c423282211619d2",
)
_UNIDECODE = Package(
    name="text-unidecode",
    version="1.3",
    sha256="1311f10e8b895935241623731c2ba64f4c455287888b18189350b67134a822e8",
)

_CLI_OF_SLUGIFY = (
    "tests/test_release.py::ReleaseRegressionTests::test_algorithm_cli",
    "tests/test_release.py::ReleaseRegressionTests::test_ascii_input_skips_backend_import",
    "tests/test_release.py::ReleaseRegressionTests::test_cli_forwarding_and_real_module",
    "tests/test_release.py::UppercaseHexReferenceTests::test_uppercase_reference_through_cli",
)
_PYTZ = Package(
    name="pytz",
    version="2026.6",
    sha256="7fed3fee8fd6bd4a2b7b75a8d56021d0624127bf69bd5691f115db929ac570b3",
)
REPOSITORIES = (
    Repository(
        name="boltons",
        version="26.2.0",
        sha256="d39cfd15c1a1c3bd4d705c82252fa9edb8e4f5e8cc039f8e39afac7b1b47e92c",
        licence="BSD-3-Clause",
        licence_file="LICENSE",
        sources=("boltons",),
        tests=("tests",),
        left_out=(
            "tests/test_gcutils.py",
            "tests/test_socketutils.py",
            "tests/test_funcutils.py::test_once_thread_safety",
            "tests/test_funcutils_fb_py3.py::test_wraps_async",
        ),
    ),
    Repository(
        name="cachetools",
        version="8.0.1",
        sha256="deb1d376d4d28c2f33f3e3058043b005e0af75c35c094bd54053e27d2906ad95",
        licence="MIT",
        licence_file="LICENSE",
        sources=("src/cachetools",),
        tests=("tests",),
        left_out=("tests/test_threading.py",),
        path=("src",),
    ),
    Repository(
        name="humanize",
        version="4.17.0",
        sha256="1d6a36c453dbfbb3f0b34601d2e0b4ce5d48d780305cd45714843f0068fde6ac",
        licence="MIT",
        licence_file="LICENCE",
        sources=("src/humanize",),
        tests=("tests",),
        left_out=(
            "tests/test_benchmarks.py",
            "tests/test_i18n.py::test_update_translations",
        ),
        path=("src",),
        requires=(_FREEZEGUN, _DATEUTIL, _SIX),
    ),
    Repository(
        name="inflection",
        version="0.5.1",
        sha256="1a29730d366e996aaacffb2f1f1cb9593dc38e2ddd30c91250c6dde09ea9b417",
        licence="MIT",
        licence_file="LICENSE",
        sources=("inflection",),
        tests=("test_inflection.py",),
    ),
    Repository(
        name="parse",
        version="1.22.4",
        sha256="706d458feed5a81b02768d3156e8070baf6cee7d150a3a3c0cd43101a875c3b5",
        licence="MIT",
        licence_file="LICENSE",
        sources=("parse",),
        tests=("tests",),
    ),
    Repository(
        name="python-slugify",
        version="9.2.0",
        sha256="cee32948083476013804de1667724fb1362dacb71e47b1d5d92adf8db6ee3298",
        licence="MIT",
        licence_file="LICENSE",
        sources=("slugify",),
        tests=("tests",),
        left_out=(
            "tests/test_modern_combining_marks.py",
            *_CLI_OF_SLUGIFY,
        ),
        requires=(_UNIDECODE,),
    ),
    Repository(
        name="schedule",
        version="1.2.2",
        sha256="15fe9c75fe5fd9b9627f3f19cc0ef1420508f9f9a46f45cd0769ef75ede5f0b7",
        licence="MIT",
        licence_file="LICENSE.txt",
        sources=("schedule",),
        tests=("test_schedule.py",),
        requires=(_PYTZ,),
    ),
    Repository(
        name="tabulate",
        version="0.10.0",
        sha256="e2cfde8f79420f6deeffdeda9aaec3b6bc5abce947655d17ac662b126e48a60d",
        licence="MIT",
        licence_file="LICENSE",
        sources=("tabulate",),
        tests=("test",),
        left_out=("test/test_cli.py",),
    ),
    Repository(
        name="toolz",
        version="1.2.0",
        sha256="9667a038e9d6ecba37995e26cb2f59ec6420b6ad8dd9677de59db9b956b08490",
        licence="BSD-3-Clause",
        licence_file="LICENSE.txt",
        sources=("toolz",),
        tests=("toolz/tests",),
    ),
)
"""The repositories of the shipped bugs."""
_KNOWN = {repository.name: repository for repository in REPOSITORIES}
