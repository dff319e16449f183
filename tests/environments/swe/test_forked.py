import unittest

import pytest

from toolkit.environments.swe import forked
from toolkit.environments.swe.forked import Plugin, Trusted


@pytest.fixture
def trusted():
    return Trusted()


class Item:
    def __init__(self, nodeid):
        self.nodeid = nodeid


class Config:
    """Stands for pytest's, which gives hooks away."""

    def __init__(self):
        self.hook, self.deselected = self, []

    def pytest_deselected(self, items):
        self.deselected += [item.nodeid for item in items]


def chosen(*patterns, ids=("a.py::t", "a.py::tu[x::y]", "b/c.py::T::t")):
    items, config = [Item(i) for i in ids], Config()
    Plugin(list(patterns), print).pytest_collection_modifyitems(config, items)
    left = [item.nodeid for item in items]
    assert sorted([*left, *config.deselected]) == sorted(ids)
    return left


def test_a_whole_id_chooses_one_test_and_a_part_all_that_have_it():
    assert len(chosen()) == 3
    assert chosen("a.py::t") == ["a.py::t"]
    assert chosen("a.py::t", "tu[x") == ["a.py::t", "a.py::tu[x::y]"]
    assert chosen("::t") == chosen()
    assert chosen("nothing") == []


def test_only_files_that_are_named_are_imported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.py").write_text("")
    (tmp_path / "other.py").write_text("")
    assert forked._files(["tests"], ["tests/a.py::t", "tests/a.py::u"]) == [
        "tests/a.py"
    ]
    for pattern in ("t", "tests/b.py::t", "other.py", "../x.py", "-k", ""):
        assert forked._files(["tests"], ["tests/a.py", pattern]) == ["tests"]


def test_functions_without_a_name_belong_to_the_one_around_them():
    assert forked._plain("A.f.<locals>.<lambda>") == "A.f"
    assert forked._plain("A.f.<locals>.g.<locals>.<listcomp>") == "A.f.g"
    assert forked._plain("<module>") == ""


def nothing(*args):
    """Replace something."""


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("unittest.TestCase", "assertEqual"),
        ("unittest.TestCase", "__getattribute__"),
        ("_pytest.python.Function", "runtest"),
        ("_pytest.runner", "call_and_report"),
        ("_pytest.assertion.util", "assertrepr_compare"),
        ("builtins", "AssertionError"),
        ("pytest", "raises"),
    ],
)
def test_what_is_replaced_is_noticed(trusted, monkeypatch, owner, name):
    assert not trusted.changed()
    with monkeypatch.context() as patch:
        patch.setattr(f"{owner}.{name}", nothing, raising=False)
        changed = trusted.changed()
    assert changed
    assert not trusted.changed()


def test_code_that_is_exchanged_is_noticed(trusted):
    function = unittest.TestCase.assertTrue
    code = function.__code__
    function.__code__ = (lambda self, expr, msg=None: None).__code__
    try:
        assert trusted.changed() == "unittest.case.TestCase.assertTrue"
    finally:
        function.__code__ = code


def test_marks_that_pytest_leaves_on_classes_are_no_change(trusted):
    unittest.TestCase.a_mark_of_a_test = True
    try:
        assert not trusted.changed()
    finally:
        del unittest.TestCase.a_mark_of_a_test
