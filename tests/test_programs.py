import pytest

from tests import programs


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_a_program_that_is_missing_fails_in_ci_alone(ci, code, monkeypatch, capsys):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(SystemExit) as end:
        programs.finish(None, "Get one.")
    assert (end.value.code, programs.is_required()) == (code, bool(ci))
    with pytest.raises(SystemExit) as end:
        programs.finish("/bin/one", "Get one.")
    assert end.value.code == 0
    assert capsys.readouterr().out == "Get one.\nFound /bin/one\n"


def test_commands_that_cannot_run_are_told(capsys):
    assert programs.run("true")
    assert not programs.run("false")
    assert not programs.run("/no/such/program")
    assert "No such file" in capsys.readouterr().out
