import subprocess
import sys

import pytest

from tests.environments.broken_envs import (
    ALSO,
    BROKEN,
    Doors,
    Helpless,
    Misleading,
    Raising,
)
from tests.html_checks import Outline
from toolkit.environments import base, trials
from toolkit.environments.base import register
from toolkit.environments.checker import CHECKS, check_env
from toolkit.environments.trials import Trials
from toolkit.errors import UnknownEnvironmentError


@pytest.fixture(autouse=True)
def no_custom_envs(monkeypatch):
    monkeypatch.setattr(base, "_CUSTOM", {})


def checked(cls):
    register("doors", cls)
    return check_env("doors")


def test_a_sound_world_passes_and_everything_was_asked():
    verdict = checked(Doors)
    assert verdict.findings == ()
    assert verdict.passed
    assert verdict.asked == set(CHECKS)
    assert str(verdict).startswith("doors: fit to be played and trained in. ")
    assert "a random player won" in str(verdict)
    assert verdict.numbers.games == 3


ELSEWHERE = {"process", "hostile", "nonsense"}
"""What is found in another process; the rest needs none, and is quicker without."""


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_each_defect_is_found_and_nothing_else(cls, monkeypatch):
    if BROKEN[cls] not in ELSEWHERE:
        monkeypatch.setattr(Trials, "_elsewhere", lambda self: None)
    verdict = checked(cls)
    also = ALSO.get(cls, set())
    assert set(verdict.codes) == {BROKEN[cls], *also}, str(verdict)
    is_problem = CHECKS[BROKEN[cls]].severity == "problem"
    assert verdict.passed is not (is_problem or bool(also))


def test_every_question_has_a_world_that_fails_it():
    elsewhere = {"registered", "module", "speed"}  # tested below
    assert {*BROKEN.values(), *elsewhere} == set(CHECKS)


def test_an_expert_is_not_needed(monkeypatch):
    monkeypatch.setattr(Trials, "_elsewhere", lambda self: None)
    verdict = checked(Helpless)
    assert verdict.passed
    assert "expert" not in verdict.asked


def test_slow_worlds_get_advice(monkeypatch):
    monkeypatch.setattr(trials, "SLOW_S", 0.0)
    verdict = checked(Doors)
    assert verdict.codes == ("speed",)
    assert verdict.passed


def test_a_world_that_nobody_registered():
    verdict = check_env(Doors())
    assert verdict.codes == ("registered",)
    assert not verdict.passed
    assert "Nothing was played." in str(verdict)
    with pytest.raises(UnknownEnvironmentError):
        check_env("doors")


def test_a_world_of_a_notebook_is_played_here_and_gets_advice():
    code = """
from tests.environments.broken_envs import Doors
from toolkit.environments.base import register
from toolkit.environments.checker import check_env

class Local(Doors):
    pass

register("local", Local)
verdict = check_env("local")
print(verdict.passed, verdict.codes, "hostile" in verdict.asked)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True ('module',) True"


def test_the_verdict_can_be_read(monkeypatch):
    monkeypatch.setattr(Trials, "_elsewhere", lambda self: None)
    verdict = checked(Misleading)
    text = str(verdict)
    assert text.startswith("doors: 1 problem. ")
    assert "problem: admissible" in text
    assert "'break r' was listed, then not understood." in text or "'break g'" in text
    assert CHECKS["admissible"].fix in text
    page = Outline(verdict._repr_html_())
    assert CHECKS["admissible"].why in page.text
    answers = [row.split()[-1] for row in page.texts if row in ("yes", "no")]
    assert answers.count("no") == 1
    assert "not asked" in page.text  # what needs another process


def test_texts_of_worlds_are_escaped(monkeypatch):
    monkeypatch.setattr(Trials, "_elsewhere", lambda self: None)
    monkeypatch.setattr(Raising, "message", "<script>")
    page = Outline(checked(Raising)._repr_html_())
    assert page.having("script") == []
    assert "<script>" in page.text


@pytest.mark.slow
@pytest.mark.parametrize("env", ["coin_collector-105-basic", "w2-o3-q4"])
def test_our_own_worlds_pass(env):
    verdict = check_env(f"textworld/{env}")
    assert verdict.findings == (), str(verdict)
    assert verdict.asked == set(CHECKS)
