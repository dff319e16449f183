import sys

import pytest

from tests.browser import chromium


def program(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.fixture(name="bare")
def _bare(tmp_path, monkeypatch):
    """Return the folder of programs of a machine that has no browser."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("TOOLKIT_BROWSER", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    # so that what `_install` sets for its children does not outlive the test
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", "")
    return tmp_path / "bin"


def test_a_browser_is_found_and_a_named_one_wins(bare, tmp_path, monkeypatch):
    assert chromium.find(tmp_path) is None
    chrome = program(bare / "google-chrome")
    assert chromium.get(tmp_path) == chrome
    other = program(tmp_path / "mine")
    monkeypatch.setenv("TOOLKIT_BROWSER", other)
    assert chromium.get(tmp_path) == other
    monkeypatch.setenv("TOOLKIT_BROWSER", str(tmp_path / "none"))
    assert chromium.get(tmp_path) is None


def test_root_on_debian_gets_the_package_after_an_update(bare, tmp_path, monkeypatch):
    log = tmp_path / "log"
    made = f"[ $1 = install ] && printf '#!/bin/sh' > {bare}/chromium"
    program(bare / "apt-get", f"echo $* >> {log}", made, f"/bin/chmod +x {bare}/*")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(chromium, "_is_debian", lambda: True)
    assert chromium.get(tmp_path / "none") == str(bare / "chromium")
    install = "install -y -q --no-install-recommends chromium"
    assert log.read_text().splitlines() == ["update -q", install]


@pytest.mark.parametrize("runs", [True, False])
def test_others_get_one_into_a_folder_if_it_runs(runs, bare, tmp_path, monkeypatch):
    folder = tmp_path / "browsers"
    got = folder / "chromium_shell-1" / "linux" / "headless_shell"
    body = f"printf '#!/bin/sh\\n{'true' if runs else 'false'}' > {got}"
    python = program(
        tmp_path / "python",
        f'[ "$PLAYWRIGHT_BROWSERS_PATH" = {folder} ] || exit 1',
        f"/bin/mkdir -p {got.parent} && {body} && /bin/chmod +x {got}",
    )
    monkeypatch.setattr(sys, "executable", python)
    assert chromium.get(folder) == (str(got) if runs else None)
    assert folder.exists() == runs
