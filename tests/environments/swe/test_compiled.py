import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import _pytest
import pytest

from toolkit.environments.swe import compiled, repositories
from toolkit.environments.swe.compiled import chosen, from_text, load, make, to_text
from toolkit.environments.swe.runner import TestRunner

TESTS, CODE = "test_inflection.py", "inflection/__init__.py"


@pytest.fixture
def files(tmp_path):
    """A module, a file of tests and something that is no Python."""
    texts = {
        "a.py": "x = 1\n",
        "test_a.py": "def test():\n    assert 1 == 2\n",
        "no.py": "x = (\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return [tmp_path / name for name in texts]


@pytest.fixture
def place(inflection, tmp_path):
    """A copy of the package."""
    inflection.copy_to(tmp_path / "copy")
    return tmp_path / "copy"


def started(repository, folder, codes=None):
    """Return a runner, with other codes if they are given."""
    runner = TestRunner(repository, folder)
    if codes is not None:
        runner._compiled = to_text(codes)
    return runner


def without_times(report):
    """Return what has to be the same in two runs."""
    output = re.sub(r"in \d+\.\d+s", "", report.output)
    return dataclasses.replace(report, output=output, seconds=0.0, cpu_seconds=0.0)


# ---- the file --------------------------------------------------------------------


def test_what_is_made_is_loaded_again(files, tmp_path):
    target = tmp_path / "kept" / "codes"
    made = make(files, target)
    assert len(made) == 2  # not the one that is no Python
    assert load(target) == made
    assert [p.name for p in target.parent.iterdir()] == ["codes"]


def test_what_is_damaged_is_not_used(files, tmp_path):
    target = tmp_path / "codes"
    assert load(target) == {}
    make(files, target)
    whole = target.read_bytes()
    for wrong in (b"", whole[:20], whole[:-1], whole + b"x", b"x" + whole[1:]):
        target.write_bytes(wrong)
        assert load(target) == {}
    target.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    assert load(target) == {}


@pytest.mark.parametrize(
    ("owner", "name"), [(_pytest, "__version__"), (sys, "version")]
)
def test_what_other_versions_made_is_not_used(
    files, tmp_path, monkeypatch, owner, name
):
    make(files, tmp_path / "codes")
    monkeypatch.setattr(owner, name, "3.0")
    assert load(tmp_path / "codes") == {}


def test_a_file_is_chosen_by_what_is_in_it(files, tmp_path):
    made = make(files, tmp_path / "codes")
    assert chosen(made, files) == made
    assert chosen(made, [files[0]]) == chosen(made, [files[0]] * 2) != made
    files[0].write_text("x = 2\n")
    assert chosen(made, [files[0]]) == {}
    files[0].write_text(files[1].read_text())  # pytest does not rewrite it there
    assert chosen(made, [files[0]]) == {}


def test_a_file_that_cannot_be_used_is_made_anew(inflection, tmp_path, monkeypatch):
    root, folders = inflection.root, inflection.import_folders
    monkeypatch.setattr(repositories, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(type(inflection), "root", root)
    monkeypatch.setattr(type(inflection), "import_folders", folders)
    codes = inflection.codes()
    (kept,) = (tmp_path / "swe" / "compiled").iterdir()
    assert load(kept) == codes != {}
    kept.write_bytes(kept.read_bytes()[:99])
    assert inflection.codes() == codes == load(kept)
    kept.unlink()
    kept.parent.rmdir()
    kept.parent.write_text("in the way")
    assert inflection.codes() == {}


def test_a_folder_of_the_user_is_compiled_each_time(calc):
    assert calc.codes() == {}


# ---- imports ---------------------------------------------------------------------


def test_imports_take_known_code_and_compile_other(tmp_path):
    script = """
import sys
sys.path.insert(0, sys.argv[1])
from toolkit.environments.swe import compiled
from pathlib import Path
file = Path(sys.argv[2])
(key,) = compiled.make([file], file.with_name("codes"))
(code,) = compiled.make([file.with_name("b.py")], file.with_name("codes")).values()
compiled.use({key: code})
sys.path.insert(0, str(file.parent))
sys.dont_write_bytecode = True
import a
print(a.f(), a.f.__code__.co_filename == str(file))
del sys.modules["a"]
file.write_text(file.read_text() + "# more")
import a
print(a.f())
"""
    (tmp_path / "a.py").write_text("def f():\n    return 'own'\n")
    (tmp_path / "b.py").write_text("def f():\n    return 'known'\n")
    root = Path(compiled.__file__).parents[3]
    command = [sys.executable, "-c", script, str(root), str(tmp_path / "a.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "known True\nown\n"


# ---- runs of tests ---------------------------------------------------------------


@pytest.mark.usefixtures("sandbox")
class TestRuns:
    def test_pytest_takes_known_code(self, inflection, place, tmp_path):
        other = tmp_path / TESTS
        other.write_text("def test_other():\n    assert 1\n")
        (code,) = make([other], tmp_path / "codes").values()
        (key,) = chosen(inflection.codes(), [place / TESTS])
        with started(inflection, place, {key: code}) as runner:
            assert runner.run().passed == {f"{TESTS}::test_other"}
            with (place / TESTS).open("a") as file:
                file.write("\n")
            assert len(runner.run().passed) > 400

    def test_results_and_tracebacks_are_the_same(self, inflection, place):
        code = (place / CODE).read_text()
        broken = code.replace("return word", "return word.no_such_name", 1)
        assert broken != code
        with (
            started(inflection, place) as knowing,
            started(inflection, place, {}) as compiling,
        ):
            assert len(from_text(knowing._compiled)) >= 2
            right = [without_times(r.run()) for r in (knowing, compiling)]
            (place / CODE).write_text(broken)
            wrong = [without_times(r.run()) for r in (knowing, compiling)]
        assert right[0] == right[1]
        assert len(right[0].passed) == 455
        assert wrong[0] == wrong[1]
        assert wrong[0].failed
        line = 1 + broken[: broken.index("no_such_name")].count("\n")
        assert f"{CODE}:{line}: in" in wrong[0].output
        assert f"{TESTS}:" in wrong[0].output

    def test_right_code_is_not_shown_beside_a_bug(self, inflection, place):
        with (place / CODE).open("a") as file:
            file.write("\nbug = 1\n")
        cache = repositories.cache_dir() / "swe" / "compiled"
        look = f"""
import os
import _pytest.assertion.rewrite as r
def test_look():
    assert not os.path.exists({str(cache)!r})
    found = [c.cell_contents for c in r._rewrite_test.__closure__]
    (known,) = [c for c in found if hasattr(c, "keys")]
    assert not any(b"ordinalize" in code for code in known.values())
    try:
        known[b"key"] = b"code"
    except TypeError:
        return
    assert 0
"""
        right = chosen(inflection.codes(), [inflection.root / CODE])
        assert b"ordinalize" in next(iter(right.values()))
        (place / TESTS).write_text(look)
        assert cache.is_dir()
        with started(inflection, place) as runner:
            assert runner._compiled != to_text({})
            assert runner.run().passed == {f"{TESTS}::test_look"}

    def test_known_code_that_is_exchanged_is_noticed(self, inflection, place):
        attack = """
import _pytest.assertion.rewrite as r
for cell in r._rewrite_test.__closure__:
    if hasattr(cell.cell_contents, "keys"):
        cell.cell_contents = {}
"""
        with (place / CODE).open("a") as file:
            file.write(attack)
        with started(inflection, place) as runner:
            assert "_rewrite_test" in runner.run().broken
