import pytest

from toolkit.charts.pay_table import pay_in_words, pay_table
from toolkit.errors import ConfigError

ROWS = ["take key", "<go> east"]
COLUMNS = {"progress": [0.25, -0.5], "cost": [0.0, -1.0]}


def test_each_number_stands_in_its_row_and_column():
    html = pay_table(ROWS, COLUMNS, title="Paid")
    assert "&lt;go&gt; east" in html
    body, foot = html.split("<tfoot>")
    assert [body.count(x) for x in ("+0.25", "-0.5<", "+0.0<", "-1.0<")] == [1] * 4
    assert "-0.25" in foot
    assert "-1.0" in foot
    assert html.index("progress") < html.index("cost") < html.index("take key")


def test_sums_can_be_left_out():
    assert "sum" not in pay_table(ROWS, COLUMNS, title="Paid", total=False)
    assert "sum" not in " ".join(pay_in_words(ROWS, COLUMNS, total=False))


def test_the_ground_tells_sign_and_size_and_zero_has_none():
    html = pay_table(["a", "b", "c"], {"x": [1.0, -0.5, 0.001]}, title="Paid")
    assert "rgb(42 157 82 / 60%)" in html
    assert "rgb(208 69 58 / 35%)" in html
    assert html.count("background-color") == 2
    assert '<td class="none">+0.0</td>' in html


def test_words_say_the_same():
    assert pay_in_words(["a", "b"], {"x": [1, -0.25]}, total=True) == [
        "x: a +1.0, b -0.25; sum +0.75"
    ]


def test_nothing_but_zeros_is_drawn():
    assert "+0.0" in pay_table(["a"], {"x": [0.0]}, title="Paid")


def test_a_column_of_another_length_is_refused():
    with pytest.raises(ConfigError, match="'x' has 1 numbers for 2 rows"):
        pay_table(ROWS, {"x": [1.0]}, title="Paid")
