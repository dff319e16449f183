import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.environments.swe.mutations import (
    KINDS,
    Mutation,
    apply,
    candidates,
    is_sound,
)


def inside(*lines):
    return "\n".join(["def f(a, b, *c):", *(f"    {line}" for line in lines), ""])


def made(source):
    """Return what mutations make of a source, with their kinds."""
    text = source.encode()
    return {(m.kind, apply(text, [m]).decode()) for m in candidates(text, "x.py")}


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("compare", "x = a < b", "x = a <= b"),
        ("compare", "x = a is not b", "x = a is b"),
        ("compare", "x = a  not  in b", "x = a  in b"),
        ("compare", "x = 1 < a < 2", "x = 1 < a <= 2"),
        ("compare", "x = (a) == (b)", "x = (a) != (b)"),
        ("boolop", "x = a and b and c", "x = a and b or c"),
        ("binop", "x = a // b", "x = a * b"),
        ("drop-not", "x = not a", "x = a"),
        ("drop-not", "x = not(a)", "x = (a)"),
        ("add-not", "if a: return b", "if not a: return b"),
        ("constant", "x = a[-1]", "x = a[-2]"),
        ("constant", "x = True", "x = False"),
        ("drop-statement", "a.x += b", "pass"),
        ("drop-statement", "a.clear()", "pass"),
        ("drop-statement", "if a > b: return b", "pass"),
        ("return-none", "return a", "return None"),
        ("swap-arguments", "return g(a, b + 1)", "return g(b + 1, a)"),
    ],
)
def test_each_kind(kind, before, after):
    assert (kind, inside(after)) in made(inside(before))
    assert kind in KINDS


@pytest.mark.parametrize(
    "source",
    [
        "x = 1\ny = x + 1\n",
        "class A:\n    size = 3\n    big = size > 2\n",
        inside('"""A docstring."""', "..."),
        "def f(a: 'x < 1', *, b: int = a) -> 3 > 2: ...\n",
        "@retry(3, True)\ndef f(): ...\n",
        inside("x: int"),
        inside("if TYPE_CHECKING:", "    import x; y = 1"),
        inside("if sys.version_info >= (3, 9):", "    return g(1)"),
        inside("if x.__version__ > '2' and a: raise Error"),
    ],
)
def test_left_alone(source):
    assert candidates(source.encode(), "x.py") == []


def test_texts_in_f_strings_are_left_alone():
    assert made(inside("return f'{a + 1} {b!r:>{c - 1}}'")) == {
        ("return-none", inside("return None"))
    }


def test_comments_between_operands():
    source = inside("x = (a  # is a < b ?", "     < b)  # yes")
    assert ("compare", source.replace("     < b", "     <= b")) in made(source)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_every_other_byte_stays(end, mark):
    lines = (
        "# naïve – 日本",
        "def f(é):",
        "    x = 'ü' + é # €",
        "    return x > 2",
        "",
    )
    text = end.join(lines)
    source = mark + text.encode()
    found = {m.kind: m for m in candidates(source, "x.py")}
    assert {*found} == {"drop-statement", "compare", "constant", "return-none"}
    del found["return-none"]  # it is where the comparison is
    changed = apply(source, found.values())
    expected = text.replace("x = 'ü' + é", "pass").replace("> 2", ">= 3")
    assert changed == mark + expected.encode()


@pytest.mark.parametrize(
    "source", [b"def f(:\n", b"def f(): return '\xff' + a\n", b"\0", b"# coding: x\n"]
)
def test_what_is_no_python_has_none(source):
    assert candidates(source, "x.py") == []


def test_another_source_is_refused():
    source = inside("return a < b").encode()
    mutation = candidates(source, "x.py")[0]
    with pytest.raises(ValueError, match=r"x.py:2"):
        apply(b"\n" + source, [mutation])


def test_a_mutation_that_breaks_the_syntax_is_not_sound():
    source = inside("return a").encode()
    (mutation,) = candidates(source, "x.py")
    wrong = {"kind": "constant", "file": "x.py", "function": "f", "line": 2}
    place = {"start": mutation.start, "end": mutation.end, "old": "a"}
    assert is_sound(source, [mutation])
    assert not is_sound(source, [Mutation(**wrong, **place, new="a b")])
    assert not is_sound(source, [Mutation(**wrong, **place, new="(a)")])


def test_a_default_value_is_code():
    assert made("def f(a: 'x' = 1): ...\n") == {
        ("constant", "def f(a: 'x' = 2): ...\n")
    }


def test_where_a_mutation_is():
    source = "class A:\n    def f(self):\n        def g(): return lambda: 1\n"
    (_, constant) = candidates(source.encode(), "a/b.py")
    assert (constant.file, constant.line, constant.function) == ("a/b.py", 3, "A.f.g")
    assert constant.changed_lines == 2
    assert constant.difficulty == 1


NAMES = st.sampled_from(
    ["a", "b", "é", "f(a, b)", "(a)", "[a, b]", "'ü'", "3", "not a"]
)
JOINED = st.lists(
    st.sampled_from(["+", "<", "and", "is not", "not in", "%", "or", "=="]),
    min_size=1,
    max_size=3,
)


@given(st.data(), JOINED)
def test_mutations_of_any_expression_are_valid(data, operators):
    parts = [data.draw(NAMES)]
    for operator in operators:
        parts += [operator, data.draw(NAMES.filter(lambda n: n != "not a"))]
    source = inside(f"return {' '.join(parts)}").encode()
    ast.parse(source)
    for mutation in candidates(source, "x.py"):
        changed = apply(source, [mutation])
        ast.parse(changed)
        back = changed[: mutation.start] + mutation.old.encode()
        assert back + changed[mutation.start + len(mutation.new.encode()) :] == source


def test_all_places_of_a_real_package_are_sound(inflection):
    source = (inflection.root / "inflection" / "__init__.py").read_bytes()
    found = candidates(source, "inflection/__init__.py")
    assert len(found) > 100
    assert [m for m in found[::4] if not is_sound(source, [m])] == []
