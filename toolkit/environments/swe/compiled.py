"""Keeps what the published files of a repository compile to, so that no run has to.

Every run of tests imports all code anew and may write no bytecode; compiling could be
more than half of its time. The code of a file is found by what is in the file, never
by its name or time, so one that was changed is compiled as ever.

`make` runs nothing of what it compiles. What it writes is never seen in the sandbox:
there come only `chosen` codes, through a pipe, to `use`. Like
`toolkit.environments.swe.server` this file is used inside without the toolkit.
"""

from __future__ import annotations

import _imp
import ast
import base64
import hashlib
import importlib
import marshal
import sys
import tempfile
import types
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from fnmatch import fnmatch
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

Codes = dict[bytes, bytes]
"""Code, as `marshal` writes it, by what it was compiled from."""

REWRITTEN = ("conftest.py", "test_*.py", "*_test.py")
"""Names of files in which pytest rewrites assertions."""
_DIGEST = hashlib.sha256().digest_size


def make(files: Iterable[Path], target: Path) -> Codes:
    """Compile files, write down the result and return it.

    Args:
        files: With Python; those that are none are left out.
        target: Replaced in one go.

    Raises:
        OSError: If a file cannot be read, or the result cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as draft:
        codes = {}
        for file in files:
            source, is_rewritten = file.read_bytes(), _is_rewritten(file)
            with suppress(SyntaxError, ValueError, RecursionError):
                code = _compiled(source, file.name, is_rewritten)
                codes[_key(source, is_rewritten)] = marshal.dumps(code)
        data = marshal.dumps(codes)
        whole = Path(draft) / "whole"
        whole.write_bytes(_digest(data) + data)
        whole.replace(target)
    return codes


def load(file: Path) -> Codes:
    """Return what `make` wrote: nothing if it is damaged, or was of other versions."""
    try:
        found = file.read_bytes()
    except OSError:
        return {}
    data = found[_DIGEST:]
    codes: Codes = marshal.loads(data) if _digest(data) == found[:_DIGEST] else {}
    return codes


def chosen(codes: Codes, files: Iterable[Path]) -> Codes:
    """Return the codes of files."""
    keys = {_key(file.read_bytes(), _is_rewritten(file)) for file in files}
    return {key: code for key, code in codes.items() if key in keys}


def to_text(codes: Codes) -> str:
    """Return codes as text.

    >>> from_text(to_text({b"key": b"code"}))
    {b'key': b'code'}
    """
    return base64.b64encode(marshal.dumps(codes)).decode()


def from_text(text: str) -> Codes:
    """Return the codes that were made a text by `to_text`."""
    codes: Codes = marshal.loads(base64.b64decode(text))
    return codes


def use(codes: Codes) -> None:
    """Let all imports of this process take code from here, if it is here."""
    if codes:
        # What functions close over is watched, and a proxy cannot be written to.
        known = types.MappingProxyType(codes)
        _use_in_imports(known)
        _use_in_pytest(known)


def _use_in_imports(known: Mapping[bytes, bytes]) -> None:
    compile_it: Any = SourceFileLoader.source_to_code

    def source_to_code(self: Any, data: Any, path: Any, *rest: Any, **more: Any) -> Any:
        code = known.get(_key(data, False)) if isinstance(data, bytes) else None
        if code is None:
            return compile_it(self, data, path, *rest, **more)
        return _placed(code, path)

    SourceFileLoader.source_to_code = source_to_code  # type: ignore[method-assign]


def _use_in_pytest(known: Mapping[bytes, bytes]) -> None:
    rewrite: Any = importlib.import_module("_pytest.assertion.rewrite")
    compile_it = rewrite._rewrite_test

    def _rewrite_test(file: Path, *rest: Any) -> Any:
        code = known.get(_key(file.read_bytes(), True))
        if code is None or not sys.dont_write_bytecode:
            return compile_it(file, *rest)
        return None, _placed(code, str(file))  # None: facts for those who write

    rewrite._rewrite_test = _rewrite_test


def _placed(data: bytes, path: str) -> types.CodeType:
    """Return code, with the name of the file that it stands for now."""
    code: types.CodeType = marshal.loads(data)
    _imp._fix_co_filename(code, path)  # type: ignore[attr-defined]
    return code


def _compiled(source: bytes, name: str, is_rewritten: bool) -> types.CodeType:
    """Compile a file as an import does, or as pytest does."""
    # the first is not needed, but `use` needs it
    from _pytest.assertion.rewrite import _rewrite_test, rewrite_asserts  # noqa: F401

    tree: Any = source
    with warnings.catch_warnings(action="ignore"):
        if is_rewritten:
            tree = ast.parse(source, name)
            rewrite_asserts(tree, source, name)
        return compile(tree, name, "exec", dont_inherit=True, optimize=0)


def _key(source: bytes, is_rewritten: bool) -> bytes:
    return hashlib.sha256(source).digest() + bytes([is_rewritten])


def _is_rewritten(file: Path) -> bool:
    return any(fnmatch(file.name, pattern) for pattern in REWRITTEN)


def _digest(data: bytes) -> bytes:
    """Return the checksum of data and of what code depends on beside its source."""
    from _pytest import __version__

    facts = f"{sys.implementation.cache_tag} {sys.version} pytest {__version__}"
    return hashlib.sha256(facts.encode() + data).digest()
