import os
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit
from toolkit import cli
from toolkit.environments.base import Task, TextEnv, register
from toolkit.environments.swe.actions import ReplyRules
from toolkit.training.run import Run

ROOT = Path(__file__).parents[1]


class GuessEnv(TextEnv):
    """Win by saying the number of the game's seed."""

    def __init__(self, env, *, goal="full", **params):
        super().__init__(max_turns=3, **params)
        self.goal = goal

    @classmethod
    def tasks(cls, env, split, n, params):
        seeds = range(5, 8)[:n]
        params = tuple(sorted(params.items()))
        return [Task(env=env, seed=s, split=split, params=params) for s in seeds]

    def _start(self, task):
        self.secret = str(task.seed)
        return f"Guess ({self.goal} goal).", self._facts()

    def _advance(self, command):
        won = command == self.secret
        return ("Yes!" if won else "No."), float(won), won, self._facts(won)

    def _facts(self, won=False):
        return {"won": won, "score": float(won), "admissible_actions": ["5", "6"]}

    def expert(self):
        return [self.secret]


@pytest.fixture(autouse=True)
def guess(monkeypatch):
    monkeypatch.setattr("toolkit.environments.base._CUSTOM", {})
    register("guess", GuessEnv)


def type_in(monkeypatch, *lines):
    words = iter(lines)

    def answer(prompt):
        try:
            return next(words)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", answer)


def test_a_person_plays_and_wins(monkeypatch, capsys):
    type_in(monkeypatch, "4", "5")
    assert cli.main(["play", "guess/it"]) == 0
    out = capsys.readouterr().out
    assert "guess/it/test/5 · human plays, 3 turns at most" in out
    assert "No." in out
    assert out.endswith("Yes!\n\nWon after 2 turns, score 1 of 1, reward 1.\n")


def test_a_person_stops(monkeypatch, capsys):
    type_in(monkeypatch, "4")
    assert cli.main(["play", "guess/it"]) == 0
    assert "Not won after 1 turns" in capsys.readouterr().out


def test_actions_of_several_lines_are_typed_line_by_line(monkeypatch, capsys):
    monkeypatch.setattr(GuessEnv, "rules", ReplyRules())
    edit = ["insert a.py 0", "<<<<<<< NEW", "", "  x", ">>>>>>> NEW"]
    heard = []

    def advance(self, command):
        heard.append(command)
        return "Well.", 0.0, False, self._facts()

    monkeypatch.setattr(GuessEnv, "_advance", advance)
    type_in(monkeypatch, *edit, "ls")
    assert cli.main(["play", "guess/it"]) == 0
    assert heard == ["\n".join(edit), "ls"]
    assert "Not won after 2 turns" in capsys.readouterr().out


def test_an_edit_that_is_not_ended_is_dropped(monkeypatch, capsys):
    monkeypatch.setattr(GuessEnv, "rules", ReplyRules())
    type_in(monkeypatch, "5", "replace a.py", "<<<<<<< OLD")
    assert cli.main(["play", "guess/it", "--seed", "6"]) == 0
    out = capsys.readouterr().out
    assert "Dropped; nothing was played." in out
    assert "Not won after 1 turns" in out


def test_the_turns_run_out(monkeypatch, capsys):
    type_in(monkeypatch, *"1234")
    cli.main(["play", "guess/it"])
    assert "Not won after 3 turns" in capsys.readouterr().out


def test_the_expert_plays_the_chosen_game(capsys):
    argv = ["play", "guess/it", "--policy", "expert", "--seed", "7", "--goal", "brief"]
    assert cli.main(argv) == 0
    out = capsys.readouterr().out
    assert "Guess (brief goal)." in out
    assert "> 7" in out
    assert "Won after 1 turns" in out


def test_the_random_policy_plays_the_same_game_twice(capsys):
    played = []
    for _ in range(2):
        assert cli.main(["play", "guess/it", "--policy", "random"]) == 0
        played.append(capsys.readouterr().out)
    assert played[0] == played[1]


def test_a_missing_seed_names_those_there_are(capsys):
    assert cli.main(["play", "guess/it", "--seed", "9"]) == cli.FAILED
    error = capsys.readouterr().err
    assert "toolkit play: guess/it has no test game with seed 9." in error
    assert "Its seeds are 5 to 7." in error
    assert "Traceback" not in error


def test_an_unknown_environment_names_near_matches(capsys):
    assert cli.main(["play", "textwold/w2-o3-q4"]) == cli.FAILED
    assert "Did you mean 'textworld'" in capsys.readouterr().err


def test_an_unknown_split(capsys):
    assert cli.main(["play", "guess/it", "--split", "exam"]) == cli.FAILED
    assert "There is no split 'exam'." in capsys.readouterr().err


def test_ctrl_c_ends_quietly(monkeypatch, capsys):
    def interrupt(prompt):
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupt)
    assert cli.main(["play", "guess/it"]) == cli.INTERRUPTED
    assert "Interrupted." in capsys.readouterr().err


def test_evaluate_prints_its_report(capsys):
    argv = ["evaluate", "--policy", "expert", "--env", "guess/it", "--n", "3"]
    assert cli.main(argv) == 0
    out = capsys.readouterr().out
    assert "1.00" in out or "100" in out  # the expert wins every game


def test_check_says_what_is_off_and_fails(capsys):
    assert cli.main(["check", "guess/it"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("guess/it: ")
    assert "problem: splits" in out  # its seeds are those of every split
    assert "advice: nonsense" in out


def test_train_needs_its_file(capsys):
    assert cli.main(["train", "nothing.yaml", "--max_steps", "1"]) == cli.FAILED
    assert "There is no file 'nothing.yaml'." in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [[], ["fly"], ["doctor", "--fast"], ["play"], ["evaluate"]]
)
def test_wrong_arguments_show_the_usage(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert stop.value.code == 2
    assert "usage: toolkit" in capsys.readouterr().err


def test_module_runs_as_a_program():
    command = [sys.executable, "-m", "toolkit.cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == toolkit.__version__


def test_a_run_goes_on_unless_told_otherwise(monkeypatch, tmp_path, capsys):
    asked = []

    def train(path, rest, *, resume):
        asked.append((rest, resume))
        return Run(folder=tmp_path, policy=None, step=2, stopped="interrupted")

    monkeypatch.setattr("toolkit.training.run.train_from_file", train)
    file = tmp_path / "a.yaml"
    file.touch()
    assert cli.main(["train", str(file), "--max_steps", "3"]) == 0
    assert "The same command goes on" in capsys.readouterr().out
    assert cli.main(["train", str(file), "--no-resume", "--max_steps", "3"]) == 0
    rest = ["--max_steps", "3"]
    assert asked == [(rest, True), (rest, False)]


def test_a_word_that_is_no_setting_is_explained(tmp_path, capsys):
    file = tmp_path / "a.yaml"
    file.write_text("env: guess")
    assert cli.main(["train", str(file), "max_steps", "3"]) == cli.FAILED
    assert "Write --key value" in capsys.readouterr().err


def test_a_path_that_cannot_be_used_is_named(monkeypatch, tmp_path, capsys):
    file = tmp_path / "file"
    file.touch()

    def write(**_):
        (file / "report").mkdir()

    monkeypatch.setattr("toolkit.quickstart.quickstart", write)
    assert cli.main(["quickstart"]) == cli.FAILED
    assert f"{file / 'report'} cannot be used." in capsys.readouterr().err


def test_games_are_looked_up_before_a_model_is_loaded(capsys):
    argv = ["evaluate", "--env", "guess", "--split", "exam", "--policy", "/nothing"]
    assert cli.main(argv) == cli.FAILED
    assert "There is no split 'exam'." in capsys.readouterr().err


def test_seeds_that_are_no_numbers(capsys):
    with pytest.raises(SystemExit):
        cli.main(["experiment", "algorithms", "--seeds", "a,b"])
    assert "'a,b' is not whole numbers such as 0,1" in capsys.readouterr().err


def test_help_shows_defaults_that_say_something(capsys):
    with pytest.raises(SystemExit):
        cli.main(["evaluate", "--help"])
    text = capsys.readouterr().out
    assert "(default: pocket)" in text
    assert "None" not in text
    assert "False" not in text


MEADOW = """
from tests.test_cli import GuessEnv
from toolkit.environments.base import register
register("guess", GuessEnv)
"""


@pytest.mark.slow
def test_a_world_of_a_module_beside_is_played(tmp_path):
    (tmp_path / "meadow.py").write_text(MEADOW)

    def run(env):
        command = [sys.executable, "-P", "-m", "toolkit.cli", "evaluate", "--n", "2"]
        return subprocess.run(
            [*command, "--policy", "expert", "--env", env],
            cwd=tmp_path,  # which -P keeps off the path, as the console script does
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    found = run("meadow:guess")
    assert found.returncode == 0, found.stderr
    assert "1.00" in found.stdout
    assert "'field' is registered" in run("meadow:field").stderr
    missing = run("no_such_module:guess")
    assert missing.returncode == cli.FAILED
    assert "No module named 'no_such_module'" in missing.stderr
    assert "Go to the folder" in missing.stderr
