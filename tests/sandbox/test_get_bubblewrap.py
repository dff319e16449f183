import pytest

from tests.sandbox import get_bubblewrap


def program(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.fixture(name="bare")
def _bare(tmp_path, monkeypatch):
    """Return the folder of programs of a machine that has no bubblewrap."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    log, made = tmp_path / "log", tmp_path / "bin" / "bwrap"
    install = f"[ $1 = install ] && printf '#!/bin/sh' > {made}"
    program(
        tmp_path / "bin" / "apt-get",
        f"echo $* >> {log}",
        f"{install} && /bin/chmod +x {made}",
    )
    return tmp_path / "bin"


def test_root_gets_the_package_after_an_update(bare, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert get_bubblewrap.get() == str(bare / "bwrap")
    install = "install -y -q --no-install-recommends bubblewrap"
    assert (bare.parent / "log").read_text().splitlines() == ["update -q", install]
    assert get_bubblewrap.get() == str(bare / "bwrap")
    assert len((bare.parent / "log").read_text().splitlines()) == 2


def test_nobody_else_can(bare, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert get_bubblewrap.get() is None


def test_a_machine_without_apt(bare, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    (bare / "apt-get").unlink()
    assert get_bubblewrap.get() is None
