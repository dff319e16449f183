import pytest

from tests.environments.swe_gym.tiny_tasks import Engine
from toolkit.environments.swe_gym import engines
from toolkit.environments.swe_gym.engines import fetch_images, find_engine
from toolkit.errors import ContainerError

IMAGE = "docker.io/xingyaoww/new:latest"


def test_without_an_engine_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    engines.find_engine.cache_clear()
    with pytest.raises(ContainerError) as caught:
        find_engine()
    engines.find_engine.cache_clear()
    assert caught.value.why == "docker is not installed; podman is not installed."
    for words in ("docs.docker.com", "podman.io", "make_env('swe/all')"):
        assert words in caught.value.fix


def test_an_engine_that_is_not_running_is_told_from_one_that_is_absent(
    engine, monkeypatch
):
    monkeypatch.setenv("PATH", f"{engine.bin}:/nowhere")
    engine.breaks("down")
    with pytest.raises(ContainerError, match=r"docker: .*not running.*podman is not"):
        find_engine()
    engine.breaks("down", also=False)


def test_podman_is_taken_where_docker_does_not_run(engine, tmp_path, monkeypatch):
    podman = Engine(tmp_path / "podman", name="podman")
    monkeypatch.setenv("PATH", f"{podman.bin}:/nowhere")
    assert find_engine().program == str(podman.bin / "podman")


def test_an_engine_that_hangs_is_given_up(engine, monkeypatch):
    monkeypatch.setattr(engines, "PROGRAMS", ("docker",))
    engine.breaks("slow-ps")
    monkeypatch.setattr(engines, "ANSWER_S", 0.5)
    monkeypatch.setattr(
        engines.Engine.do, "__kwdefaults__", {"stdin": b"", "timeout_s": 0.5}
    )
    with pytest.raises(ContainerError, match="hangs"):
        find_engine()


@pytest.mark.parametrize(
    ("system", "machine"),
    [("win32", "AMD64"), ("darwin", "arm64"), ("linux", "aarch64")],
)
def test_machines_without_images_are_told(monkeypatch, system, machine):
    engines.find_engine.cache_clear()
    monkeypatch.setattr(engines.sys, "platform", system)
    monkeypatch.setattr(engines.platform, "machine", lambda: machine)
    with pytest.raises(ContainerError, match="Linux on x86_64"):
        find_engine()


def test_images_are_fetched_once_and_their_size_is_told(engine, capsys):
    engine.image(IMAGE, place="registry")
    fetch_images([IMAGE, IMAGE])
    said = capsys.readouterr().err
    assert "1 images are missing: about 3 GB" in said
    assert "Layers: 100%" in said
    fetch_images([IMAGE])
    assert [c[0] for c in engine.commands()].count("pull") == 1


@pytest.mark.parametrize(
    ("how", "why"),
    [("full", "disk is full"), ("denied", "limited number"), ("", "no such image")],
)
def test_why_an_image_cannot_be_had_is_told(engine, how, why):
    if how:
        engine.image(IMAGE, place="registry")
        engine.breaks(how)
    with pytest.raises(ContainerError, match=f"(?i){why}"):
        fetch_images([IMAGE])
