import contextlib
import signal
import subprocess
import sys
import textwrap
import warnings
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.episodes.strategies import episodes
from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.episodes.store import EpisodeWriter, load_episodes, save_episodes
from toolkit.errors import EpisodeError

HARD = Episode(
    task=Task(env="toy", seed=-1, params=(("goal", "brief"), ("p", 0.1), ("q", True))),
    turns=(
        Turn(
            observation="line\r\nbreaks\u2028\x00\x85 – naïve 🗝️ 漢",
            completion='"quotes" \\ and\ttabs',
            action="",
            reward=-0.0,
            info={"score": 1, "won": False, "plan": ["a", None, {"é": 1e-320}]},
            observation_ids=(0, 2**31),
            action_ids=(5, 6),
            logprobs=(-1.7976931348623157e308, 5e-324),
            policy_s=0.1 + 0.2,
            env_s=1.0,
        ),
        Turn(observation="", completion="", action="", reward=1e23),
    ),
    stop_reason=StopReason.TOKEN_LIMIT,
    error="",
)
EMPTY = Episode(
    task=Task(env="toy", seed=2), turns=(), stop_reason=StopReason.ENVIRONMENT_ERROR
)
suffixes = pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])


@suffixes
@example([HARD, EMPTY])
@example([])
@given(st.lists(episodes(), max_size=3))
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_round_trip_is_exact(tmp_path, suffix, batch):
    path = tmp_path / f"episodes{suffix}"
    save_episodes(batch, path)
    # repr tells 1 from 1.0 and True, and 0.0 from -0.0, which == does not.
    assert repr(load_episodes(path)) == repr(batch)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]  # no draft left


def test_parquet_opens_with_datasets(tmp_path):
    from datasets import load_dataset

    save_episodes([HARD, EMPTY], tmp_path / "e.parquet")
    data = load_dataset(
        "parquet",
        data_files=str(tmp_path / "e.parquet"),
        cache_dir=str(tmp_path / "cache"),
        split="train",
    )
    assert data["stop_reason"] == ["token_limit", "environment_error"]
    assert data[0]["turns"][0]["observation_ids"] == [0, 2**31]
    assert data[0]["task"]["params"] == '{"goal": "brief", "p": 0.1, "q": true}'


def test_lone_surrogates_survive_in_jsonl_and_are_refused_in_parquet(tmp_path):
    odd = replace(EMPTY, error="\ud800")
    save_episodes([odd], tmp_path / "e.jsonl")
    assert load_episodes(tmp_path / "e.jsonl") == [odd]
    with pytest.raises(EpisodeError, match=r"as \.jsonl"):
        save_episodes([odd], tmp_path / "e.parquet")


@suffixes
def test_a_failed_save_leaves_the_older_file(tmp_path, suffix):
    path = tmp_path / f"e{suffix}"
    save_episodes([HARD], path)
    bad = replace(HARD, turns=(replace(HARD.turns[0], reward=float("nan")),))
    with pytest.raises(EpisodeError, match="not finite"):
        save_episodes([EMPTY, bad], path)
    assert load_episodes(path) == [HARD]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_writer_appends_to_what_is_there(tmp_path):
    path = tmp_path / "new" / "e.jsonl"
    with EpisodeWriter(path) as writer:
        writer.write(HARD)
        assert load_episodes(path) == [HARD]  # readable while it is open
    with EpisodeWriter(path) as writer:
        writer.write(EMPTY)
    assert load_episodes(path) == [HARD, EMPTY]


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_cut_last_line_is_skipped_and_mended(tmp_path, kept):
    path = tmp_path / "e.jsonl"
    save_episodes([EMPTY, HARD], path)
    first, second = path.read_bytes().splitlines()
    cut = second[:kept]
    path.write_bytes(first + b"\n" + cut)
    with pytest.warns(UserWarning, match="line 2 was cut off"):
        assert load_episodes(path) == [EMPTY]
    with EpisodeWriter(path) as writer:
        writer.write(HARD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_episodes(path) == [EMPTY, HARD]


def test_a_complete_last_line_without_line_end_is_kept(tmp_path):
    path = tmp_path / "e.jsonl"
    save_episodes([EMPTY], path)
    path.write_bytes(path.read_bytes().rstrip())
    with EpisodeWriter(path) as writer:
        writer.write(HARD)
    assert load_episodes(path) == [EMPTY, HARD]


def test_what_was_written_survives_a_kill(tmp_path):
    path = tmp_path / "e.jsonl"
    program = textwrap.dedent(
        f"""
        import itertools
        from toolkit.environments.base import Task
        from toolkit.episodes.record import Episode, StopReason
        from toolkit.episodes.store import EpisodeWriter
        with EpisodeWriter({str(path)!r}) as writer:
            for i in itertools.count():
                task = Task(env="toy", seed=i)
                writer.write(Episode(task=task, turns=(), stop_reason=StopReason.WON))
                print(i, flush=True)
        """
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    told = [int(child.stdout.readline()) for _ in range(100)]
    child.send_signal(signal.SIGKILL)
    told += map(int, child.stdout.read().split(b"\n")[:-1])
    child.wait()
    child.stdout.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seeds = [episode.task.seed for episode in load_episodes(path)]
    assert seeds[: len(told)] == told


def test_a_full_disk_is_told_and_leaves_whole_lines(tmp_path):
    # A limit on the file size acts like a disk that fills up in the middle of a line.
    path = tmp_path / "e.jsonl"
    program = textwrap.dedent(
        f"""
        import resource
        from toolkit.environments.base import Task
        from toolkit.episodes.record import Episode, StopReason
        from toolkit.episodes.store import EpisodeWriter
        from toolkit.errors import EpisodeError
        task = Task(env="toy", seed=1)
        episode = Episode(task=task, turns=(), stop_reason=StopReason.WON)
        writer = EpisodeWriter({str(path)!r})
        writer.write(episode)
        size = writer.path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * size + 9, 2 * size + 9))
        writer.write(episode)
        for _ in range(2):
            try:
                writer.write(episode)
            except EpisodeError as error:
                print(error.fix)
        """
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout.count("Free some space") == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_episodes(path)) == 2


@pytest.mark.parametrize(
    "line",
    [b"{", b'{"version": 1}', b"\xff\xfe", b"[" * 100_000, b"null", b"NaN", b"\x00"],
)
def test_damage_is_reported_with_its_line(tmp_path, line):
    path = tmp_path / "e.jsonl"
    save_episodes([EMPTY], path)
    whole = path.read_bytes()
    path.write_bytes(whole + b"\n" + line + b"\n" + whole)
    with pytest.raises(EpisodeError, match="line 3") as caught:
        load_episodes(path)
    assert caught.value.why
    assert caught.value.fix


@suffixes
@given(data=st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_never_raises_anything_else(tmp_path, suffix, data):
    path = tmp_path / f"e{suffix}"
    if not path.exists():
        save_episodes([HARD, EMPTY], path)
    whole = path.read_bytes()
    raw = bytearray(whole)
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    with warnings.catch_warnings(), contextlib.suppress(EpisodeError):
        warnings.simplefilter("ignore")
        assert len(load_episodes(path)) <= 2
    path.write_bytes(whole)


def test_damaged_parquet_is_refused(tmp_path):
    path = tmp_path / "e.parquet"
    save_episodes([HARD], path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(EpisodeError, match="damaged"):
        load_episodes(path)


def test_foreign_parquet_is_refused_with_its_row(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"x": [1]}), tmp_path / "e.parquet")
    with pytest.raises(EpisodeError, match="row 1"):
        load_episodes(tmp_path / "e.parquet")


@pytest.mark.parametrize("name", ["e.csv", "e", "e.jsonl.gz"])
def test_unknown_suffixes_are_refused(tmp_path, name):
    for attempt in (
        lambda: save_episodes([], tmp_path / name),
        lambda: load_episodes(tmp_path / name),
        lambda: EpisodeWriter(tmp_path / name),
    ):
        with pytest.raises(EpisodeError, match="suffix"):
            attempt()


def test_the_writer_takes_jsonl_only(tmp_path):
    with pytest.raises(EpisodeError, match=r"End the name with \.jsonl"):
        EpisodeWriter(tmp_path / "e.parquet")


def test_missing_and_unwritable_files_are_told(tmp_path):
    (tmp_path / "file").write_text("")
    for suffix in ("jsonl", "parquet"):
        with pytest.raises(EpisodeError, match="cannot be read"):
            load_episodes(tmp_path / f"none.{suffix}")
        with pytest.raises(EpisodeError, match="cannot be written"):
            save_episodes([EMPTY], tmp_path / "file" / f"e.{suffix}")
