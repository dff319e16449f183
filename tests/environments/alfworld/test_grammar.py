import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.environments.alfworld.facts import Facts
from toolkit.environments.alfworld.grammar import (
    Entity,
    Grammar,
    Scene,
    expression,
    query,
    reword,
    symbols,
)
from toolkit.errors import GameFileError

THINGS = {
    "a": Entity(id="a", type="object", name="apple 1"),
    "e": Entity(id="e", type="object", name="egg 1"),
    "f": Entity(id="f", type="receptacle", name="fridge 1"),
}
FACTS = [("in", "a", "f"), ("in", "e", "f"), ("cold", "a"), ("type receptacle", "f")]
LISTS = {
    "list_separator": ", ",
    "list_last_separator": ", and ",
    "list_empty": "nothing",
}


def grammar(**rules):
    made = {k: [{"rhs": v}] if isinstance(v, str) else v for k, v in rules.items()}
    made |= {k: [{"rhs": v}] for k, v in LISTS.items()}
    action = 'action Look { template :: "look"; feedback :: "#look#"; }'
    return Grammar(f'grammar :: """{json.dumps(made)}""";\n{action}')


def tell(text, bound=None, **rules):
    scene = Scene(facts=Facts(FACTS), entities=THINGS, bound=bound or {})
    return grammar(**rules).tell(text, scene)


def test_a_list_has_commas_and_an_and():
    inside = "[{o.indefinite + ' ' + o.name | in(o:object, r:receptacle)}]"
    assert tell(f"You see {inside}.") == "You see a apple 1, and a egg 1."
    assert tell("[{o.name | in(o:object, q:agent)}]") == "nothing"


def test_the_first_rule_whose_condition_holds_is_told():
    rules = [
        {"condition": "cold(o:object)", "rhs": "The {o.name} is cold."},
        {"rhs": "Nothing special about {o.name}."},
    ]
    assert tell("#touch#", {"?o:object": "a"}, touch=rules) == "The apple 1 is cold."
    assert tell("#touch#", {"?o:object": "e"}, touch=rules).startswith("Nothing")


def test_two_variables_are_two_things():
    pairs = "{o.name | in(o:object, r:receptacle) & in(p:object, r:receptacle)}"
    assert tell(pairs) == "apple 1egg 1"


def test_or_takes_the_first_that_says_something():
    assert tell("{'' or r.name}", {"?r:receptacle": "f"}) == "fridge 1"


@pytest.mark.parametrize(
    "code",
    [
        "__import__('os').system('touch /tmp/x')",
        "o.__class__",
        "o.name.upper()",
        "(lambda: 1)()",
        "[x for x in 'a']",
        "'a' * 10**9",
        "f'{o}'",
        "o.facts",
        "open('/etc/passwd')",
        "1",
        "o.name if o else 1",
        "x := 1",
        "",
    ],
)
def test_an_expression_that_is_code_is_refused(code):
    with pytest.raises(GameFileError):
        expression(code)


def test_a_grammar_with_code_is_refused_before_anything_runs():
    with pytest.raises(GameFileError, match="more than make a sentence"):
        grammar(never="{open('x').read()}")


def test_rules_that_call_each_other_come_to_an_end():
    with pytest.raises(GameFileError, match="without an end"):
        tell("#a#", a="#b#", b="#a#")


def test_rules_that_grow_without_bound_come_to_an_end():
    bomb = {f"r{i}": f"#r{i + 1}#" * 9 for i in range(12)}
    with pytest.raises(GameFileError, match="without an end"):
        tell("#r0#", **bomb, r12="x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "action",
        'grammar :: """{}""";',
        'grammar :: """{"a": 1}"""; action L { template :: "x"; feedback :: "x"; }',
        'grammar :: """{"a": [{}]}"""; action L { template :: "x"; feedback :: "x"; }',
        'grammar :: """{"a": [{"rhs": 1}]}""";'
        'action L { template :: "x"; feedback :: "x"; }',
        'action Look { template :: "look"; }',
        'action Look { template :: ; feedback :: "x"; }',
        'grammar :: """{"a": [""";',
        'grammar :: """' + '"""' * 20_000,
    ],
)
def test_a_wrong_grammar_is_a_broken_game(text):
    with pytest.raises(GameFileError):
        Grammar(text)


def test_an_unknown_rule_is_a_broken_game():
    with pytest.raises(GameFileError, match="no rule"):
        tell("#nothing#")


def test_white_space_and_line_breaks_are_those_of_textworld():
    told = [s.value for s in symbols("\n  one\\ntwo #rule# end")]
    assert told == ["one\ntwo ", "#rule", " end"]


def test_the_rest_after_an_unknown_sign_is_left_out():
    assert [s.value for s in symbols("a {o.name} (in {r.name})} b")] == [
        "a ",
        "o.name",
        " (in ",
        "r.name",
        ")",
    ]


@pytest.mark.parametrize("text", ["in(o", "in o", "in(o) or in(p)"])
def test_a_wrong_query_is_a_broken_game(text):
    with pytest.raises(GameFileError):
        query(text)


@given(st.text(alphabet="#{}[]|.ao rn'+\n\\", max_size=60))
def test_any_text_is_told_or_refused(text):
    with contextlib.suppress(GameFileError):
        assert isinstance(tell(text, {"?o:object": "a"}), str)


def test_rewording_goes_both_ways(games):
    new = games["pick_and_place_simple"].grammar
    old = reword(new, "old")
    assert '"put {o} in/on {r}"' in old
    assert "You arrive at {lend.name}. " in old
    assert reword(old, "new") == new
    assert reword(new, "new") == new
