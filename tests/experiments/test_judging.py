import pytest

from tests.experiments.made_up import EXAMS, result
from tests.html_checks import Outline
from toolkit.experiments.judging import judges, rate
from toolkit.experiments.page import write_page
from toolkit.experiments.results import whole


def compared(**changes):
    facts = {"n": 50, "paid": 0.4, "accuracy": 0.8, "auc": 0.75}
    facts |= {"lost_as_won": 10, "lost": 40, "won_as_lost": 2, "won": 10}
    return facts | changes


@pytest.fixture
def made():
    """A judge of one exam: the same start, and an arm that pleases it more and more."""
    found = whole(result())
    for arm in found["arms"].values():
        for run in arm["runs"]:
            run["before"][EXAMS[0]]["judges"] = {"a <b>": compared()}
    for seed, run in enumerate(found["arms"]["ppo"]["runs"]):
        wrong = compared(lost_as_won=20 + 10 * seed, won_as_lost=0, won=0, auc=None)
        run["after"][EXAMS[0]]["judges"] = {"a <b>": wrong | {"paid": 0.9}}
    return found


def test_the_table_has_the_start_once_and_then_every_arm(made):
    text = Outline(judges(made)).text
    same = "80 % 80 to 80 % 75 % 75 to 75 % 25 % 25 to 25 % 20 % 20 to 20 %"
    assert text.count("the start 0.400") == 1
    assert f"a <b> w2-o3-q4 the start 0.400 0.400 to 0.400 {same}" in text
    assert "PPO (credit for each token) 0.900 0.900 to 0.900 80 %" in text
    # 20, 30 and 40 of 40 lost games: mean 75 %, 4.303 · 25 / √3 = 62 beside it
    assert "80 to 80 % – 75 % 13 to 100 % –" in text


def test_an_experiment_without_judges_has_no_table(made, tmp_path):
    assert judges(whole(result())) == ""
    shown = write_page([result()], tmp_path).read_text()
    assert "How right the judges are" not in shown
    assert "How right the judges are" in write_page([made], tmp_path).read_text()


def test_rates_are_shares_of_what_was_lost_or_won():
    assert rate("lost_as_won", compared()) == 0.25
    assert rate("won_as_lost", compared()) == 0.2
    assert rate("won_as_lost", compared(won=0)) is None
    assert rate("auc", compared(auc=None)) is None
    assert rate("accuracy", {}) is None
