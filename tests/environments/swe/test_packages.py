import contextlib
import hashlib
import io
import os
import tarfile
import zipfile

import pytest

from toolkit.environments.swe import packages as module
from toolkit.environments.swe.packages import Package, unpacked
from toolkit.errors import DownloadError

METADATA = "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n"


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip looks in, and nowhere else; yields it with its package."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    wheel = folder / "tiny_thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as files:
        files.writestr("tiny.py", "size = 1\n")
        files.writestr("tiny_thing-1.0.dist-info/METADATA", METADATA)
        files.writestr("tiny_thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        files.writestr("tiny_thing-1.0.dist-info/RECORD", "")
    return folder, package_of(wheel)


def package_of(file):
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return Package(name="tiny-thing", version="1.0", sha256=digest)


def test_a_wheel_is_fetched_once(index, tmp_path):
    folder, package = index
    place = unpacked(package, wheel=True)
    assert place.is_relative_to(tmp_path / "cache" / "swe")
    assert (place / "tiny.py").read_text() == "size = 1\n"
    (folder / "tiny_thing-1.0-py3-none-any.whl").unlink()
    assert unpacked(package, wheel=True) == place
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_another_file_than_the_expected_one_is_refused(index):
    folder, package = index
    with zipfile.ZipFile(folder / "tiny_thing-1.0-py3-none-any.whl", "a") as files:
        files.writestr("more.py", "")
    with pytest.raises(DownloadError, match=r"(?s)could not be fetched.*(hash|HASH)"):
        unpacked(package, wheel=True)
    assert [*module.cache_dir().rglob("*.py")] == []


def test_without_a_connection(index):
    folder, package = index
    (folder / "tiny_thing-1.0-py3-none-any.whl").unlink()
    with pytest.raises(DownloadError, match="Connect to the internet") as error:
        unpacked(package, wheel=True)
    assert "tiny-thing==1.0" in error.value.why
    assert [*(module.cache_dir() / "swe").iterdir()] == []


def test_pip_that_does_not_end(index, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_S", 0.01)
    with pytest.raises(DownloadError, match="longer than"):
        unpacked(index[1], wheel=True)


def test_a_cache_that_cannot_be_written(index, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DownloadError, match="may be written to"):
        unpacked(index[1], wheel=True)


@pytest.mark.parametrize("name", ["../outside.py", "/outside.py", "a/../../outside.py"])
def test_an_archive_cannot_write_elsewhere(tmp_path, name):
    archive = tmp_path / "tiny.tar.gz"
    with tarfile.open(archive, "w:gz") as files:
        info = tarfile.TarInfo(name)
        info.size = 3
        files.addfile(info, io.BytesIO(b"bad"))
    (tmp_path / "in").mkdir()
    with contextlib.suppress(tarfile.TarError):
        module._extract(archive, tmp_path / "in" / "tree")
    outside = [p for p in tmp_path.rglob("outside.py") if "tree" not in p.parts]
    assert outside == []


def test_a_link_that_leads_out_is_refused(tmp_path):
    archive = tmp_path / "tiny.tar.gz"
    with tarfile.open(archive, "w:gz") as files:
        info = tarfile.TarInfo("tiny/link")
        info.type, info.linkname = tarfile.SYMTYPE, "../../../etc/passwd"
        files.addfile(info)
    with pytest.raises(tarfile.TarError):
        module._extract(archive, tmp_path / "tree")


def test_whoever_is_faster_wins(tmp_path):
    target, tree = tmp_path / "target", tmp_path / "tree"
    for folder in (target, tree):
        folder.mkdir()
        (folder / folder.name).write_text("")
    module._move(tree, target)
    assert [path.name for path in target.iterdir()] == ["target"]
    assert not tree.exists()


def test_a_source_distribution_lies_in_its_only_folder(inflection):
    assert (inflection.root / "setup.py").is_file()
    assert inflection.sha256[:8] in inflection.root.name
