import pytest

from tests.experiments.made_up import EXAMS, result
from tests.html_checks import Outline
from toolkit.experiments.results import whole
from toolkit.experiments.tables import making, numbers, row_of


@pytest.fixture
def made():
    found = whole(result())
    for seed, wins in enumerate((80, 90, 100)):
        exam = {"success": wins / 100, "low": 0.123, "high": 0.456, "mean_turns": 7.25}
        found["arms"]["ppo"]["runs"][seed]["after"][EXAMS[0]] = exam
    return found


def test_a_row_has_runs_interval_and_the_paper(made):
    row = row_of(made, "ppo", EXAMS[0])
    assert row.name == "PPO (credit for each token)"
    assert row.before == [0.62, 0.62, 0.62]
    assert row.after == [0.8, 0.9, 1.0]
    assert row.interval == pytest.approx((0.6516, 1), abs=1e-4)
    assert row.other == (0.15, 0.88)
    assert row.note == ""


def test_the_tables_have_our_numbers_and_the_papers(made):
    text = Outline(numbers(made)).text
    means = "3 of 3 62 % 90 % 65 to 100 % over runs +28.0 points 15 % → 88 %"
    assert f"PPO (credit for each token) w2-o3-q4 {means}" in text
    assert "w2-o3-q4 2 62 % 52 to 71 % 8.9 turns 100 % 12 to 46 % 7.2 turns" in text
    assert Outline(numbers(made)).text.count("1,920") == 5 * 2 * 3


def test_points_take_the_place_of_wins_where_they_are_measured(made):
    made["measure"] = "points"
    for seed, run in enumerate(made["arms"]["ppo"]["runs"]):
        run["before"][EXAMS[0]]["points"] = 0.1
        run["after"][EXAMS[0]]["points"] = 0.2 + 0.1 * seed
    assert row_of(made, "ppo", EXAMS[0]).after == pytest.approx([0.2, 0.3, 0.4])
    text = Outline(numbers(made)).text
    assert "3 of 3 10 % 30 % 5 to 55 % over runs +20.0 points" in text
    assert "w2-o3-q4 2 10 % 62 % won 8.9 turns 40 % 100 % won 7.2 turns" in text


def test_a_change_is_that_of_runs_with_both_ends(made):
    first, second, _ = made["arms"]["ppo"]["runs"]
    first["before"], second["after"] = {}, {}
    # only the third has both: 100 % - 62 %, while the means are 90 % and 62 %
    assert "2 of 3 62 % 90 % 0 to 100 % over runs +38.0" in Outline(numbers(made)).text


def test_gaps_are_dashes(made):
    first, second, _ = made["arms"]["ppo"]["runs"]
    first.update(after={}, before={}, minutes=None)
    second.update(before=None)
    del second["episodes"]
    text = Outline(numbers(made)).text
    assert "w2-o3-q4 0 – – 1,920 –" in text
    assert "7.2 turns – 1.4" in text
    assert "2 of 3" in text


def test_it_says_how_to_do_it_again(made):
    found = Outline(making(made))
    assert "toolkit experiment algorithms" in found.texts
    assert 'credit = "gigpo", learning_rate = 0.0007' in found.texts
    assert "To do it again, in 31 minutes of training:" in found.text
    assert "trl 1.16.0" in found.text
