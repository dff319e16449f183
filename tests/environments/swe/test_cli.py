import dataclasses

import pytest

from tests.environments.swe.conftest import make_calc
from toolkit import cli
from toolkit.environments.swe.bugs import read_bugs, write_bugs


def test_repositories_are_prepared(inflection, capsys):
    assert cli.main(["swe", "prepare", "inflection"]) == 0
    assert capsys.readouterr().out == f"inflection 0.5.1, MIT: {inflection.root}\n"
    assert cli.main(["swe", "prepare", "inflexion"]) == cli.FAILED
    assert "Did you mean 'inflection'?" in capsys.readouterr().err


@pytest.mark.usefixtures("sandbox")
def test_bugs_are_made_and_checked(tmp_path, capsys):
    name, file = make_calc(tmp_path / "calc").name, tmp_path / "bugs"
    command = ["swe", "bugs", name, "--n", "2", "--out", str(file)]
    assert cli.main(command) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{name}/0: difficulty 1, ")
    assert said[-1] == f"2 bugs: {file}"

    assert cli.main(["swe", "validate", str(file)]) == 0
    assert "2 of 2 bugs are as they were" in capsys.readouterr().out

    first, second = read_bugs(file)
    wrong = dataclasses.replace(second, fail_to_pass=second.pass_to_pass[:1])
    write_bugs(file, [first, wrong])
    assert cli.main(["swe", "validate", str(file)]) == 1
    said = capsys.readouterr().out
    assert f"{name}: 1 of 2" in said
    assert f"  {wrong.id}: tests/test_calc.py::" in said


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert cli.main(["swe", "validate", str(tmp_path / "bugs")]) == cli.FAILED
    assert "No bugs can be read" in capsys.readouterr().err
