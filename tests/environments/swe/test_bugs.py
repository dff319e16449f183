import collections
import dataclasses
import json

import pytest

from tests.environments.swe.conftest import CALC
from toolkit.environments.swe import bugs as module
from toolkit.environments.swe.bugs import Bug, load_bugs, read_bugs, write_bugs
from toolkit.environments.swe.mutations import DIFFICULTIES, candidates
from toolkit.environments.swe.repositories import REPOSITORIES
from toolkit.environments.swe.shipped import PLAN
from toolkit.errors import RepositoryError


@pytest.fixture
def bug(calc):
    """A bug in two places."""
    found = candidates(CALC.encode(), "calc.py")
    chosen = [m for m in found if m.old in ("+", "hello") or m.kind == "compare"][:2]
    return Bug(
        repository=calc.name,
        seed=3,
        difficulty=3,
        mutations=tuple(chosen),
        fail_to_pass=("t::a", "t::b"),
        pass_to_pass=("t::c [ü]",),
    )


def test_a_bug_survives_json(bug):
    assert Bug.from_dict(json.loads(json.dumps(bug.to_dict()))) == bug
    assert bug.files == ("calc.py",)
    assert bug.failing_tests == 2
    assert bug.changed_lines == 4


def test_a_bug_is_planted_and_taken_out(bug, calc, tmp_path):
    calc.copy_to(tmp_path / "copy")
    bug.plant(tmp_path / "copy")
    planted = (tmp_path / "copy" / "calc.py").read_bytes()
    assert planted == bug.broken_sources()["calc.py"] != CALC.encode()
    assert bug.sources() == {"calc.py": CALC.encode()}
    assert (calc.root / "calc.py").read_bytes() == CALC.encode()


def test_a_repository_that_has_changed(bug, calc):
    (calc.root / "calc.py").write_text(f"# new\n{CALC}", encoding="utf-8")
    with pytest.raises(RepositoryError, match="make the bugs again"):
        bug.broken_sources()


def test_a_file_of_bugs(bug, tmp_path):
    other = dataclasses.replace(bug, seed=4, fail_to_pass=("t::c [ü]",))
    write_bugs(tmp_path / "new" / "bugs", [bug, other])
    assert read_bugs(tmp_path / "new" / "bugs") == [bug, other]


@pytest.mark.parametrize("content", [None, b"", b"bugs", b"\xfd7zXZ\x00cut"])
def test_a_file_that_is_none(tmp_path, content):
    if content is not None:
        (tmp_path / "bugs").write_bytes(content)
    with pytest.raises(RepositoryError, match="Make the file again"):
        read_bugs(tmp_path / "bugs")


def test_a_file_that_was_damaged(bug, tmp_path, monkeypatch):
    write_bugs(tmp_path / "bugs", [bug])
    whole = (tmp_path / "bugs").read_bytes()
    (tmp_path / "bugs").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RepositoryError, match="No bugs can be read"):
        read_bugs(tmp_path / "bugs")


# ---- the bugs that come with the toolkit -----------------------------------------


def test_three_hundred_bugs_are_shipped():
    bugs = load_bugs()
    assert len(bugs) == len({bug.id for bug in bugs}) == 300
    assert len({(bug.repository, bug.mutations) for bug in bugs}) == 300
    assert module.SHIPPED.stat().st_size < 150_000
    assert load_bugs("test") == tuple(bug for bug in bugs if bug.split == "test")


def test_shipped_bugs_are_spread_as_planned():
    count = collections.Counter((b.repository, b.split) for b in load_bugs())
    assert count == {(r, s): n for r, splits in PLAN.items() for s, n in splits.items()}
    by_kind = collections.Counter(
        (b.repository, b.split, b.difficulty) for b in load_bugs()
    )
    assert by_kind == {
        (*key, difficulty): n / 3
        for key, n in count.items()
        for difficulty in DIFFICULTIES
    }


def test_no_repository_is_both_for_learning_and_for_measuring():
    of = {s: {b.repository for b in load_bugs(s)} for s in ("test", "validation")}
    learnt = {b.repository for b in load_bugs() if b.split not in of}
    assert not of["test"] & of["validation"]
    assert not learnt & (of["test"] | of["validation"])
    assert learnt | of["test"] | of["validation"] == {r.name for r in REPOSITORIES}


def test_shipped_bugs_say_what_is_wrong():
    for bug in load_bugs():
        assert len(bug.mutations) == (2 if bug.difficulty == 3 else 1)
        if bug.difficulty < 3:
            assert bug.mutations[0].difficulty == bug.difficulty
        else:
            assert len({m.function for m in bug.mutations}) == 2
        assert bug.fail_to_pass
        assert len(bug.pass_to_pass) >= len(bug.fail_to_pass)
        assert not {*bug.fail_to_pass} & {*bug.pass_to_pass}


def test_shipped_bugs_fit_the_published_files(inflection):
    found = [b for b in load_bugs() if b.repository == inflection.name]
    for bug in found:
        assert bug.broken_sources() != bug.sources()
