import json

import pytest

from benchmarks.__main__ import main
from benchmarks.measure import race, watch

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmarks")
    (folder / "results").mkdir()  # the quickstart's results lie beside the others
    (folder / "results" / "quickstart.json").write_text('{"0": {}}')
    wanted = ["worlds", "alfworld", "swe", "rollout-house", "step", "update"]
    main(["--quick", "--out", str(folder), "--only", *wanted])
    return folder


def result(out, name):
    return json.loads((out / "results" / f"{name}.json").read_text())


def test_both_sides_of_a_rollout_do_the_same_work(out):
    found = result(out, "rollout-house")
    ours, theirs = (side["facts"][0] for side in found["sides"].values())
    for count in ("episodes", "turns", "action_tokens", "tokens"):
        assert ours[count] == theirs[count] > 0
    assert found["same_commands"] == ours["episodes"]
    assert found["environment_factory_possible"] is False


def test_both_sides_of_the_worlds_end_with_the_same_scores(out):
    found = result(out, "worlds-admissible")
    assert found["same_scores"] == found["games"]


@pytest.mark.parametrize("unit", ["steps", "resets"])
def test_both_engines_of_alfworld_tell_the_same(out, unit):
    found = result(out, f"alfworld-{unit}")
    assert found["same_texts"] == found["texts"] > 0
    assert found["ratio"]["wall_s"]["median"] > 1


def test_both_ways_to_make_bugs_find_the_same(out):
    found = result(out, "swe-inflection")
    assert found["same_bugs"] == found["bugs"] > 0


def test_all_tools_of_a_repair_are_on_the_page(out):
    found = {row["tool"]: row["ms"] for row in result(out, "swe-tools")["tools"]}
    assert {"reset", "view", "search", "replace", "run_tests", "submit"} <= found.keys()
    assert len(found["run_tests"]) == 2  # before and after the repair
    assert f"| {max(found['reset']):,.1f} |" in (out / "README.md").read_text()


def test_the_parts_of_a_step_make_up_the_whole(out):
    found = result(out, "step")
    for row in found["seconds"]:
        parts = sum(v for k, v in row.items() if k != "total")
        assert parts == pytest.approx(row["total"], abs=1e-3)
    assert 0 < found["forward_share_of_policy"] < 1


def test_both_sides_of_an_update_find_the_same_gradient(out):
    ours, theirs = result(out, "update")["gradient_norms"].values()
    assert ours == pytest.approx(theirs, rel=1e-4)
    assert ours > 0


def test_the_page_is_written_from_the_results(out):
    page = (out / "README.md").read_text()
    share = result(out, "step")["other_share"]["median"]
    assert f"**{100 * share:.1f} %**" in page
    assert "quickstart.md" in page
    assert (out / "results" / "speed.svg").stat().st_size < 100_000


def test_sides_take_turns_and_warming_up_does_not_count():
    calls = []
    sides = {n: lambda n=n: calls.append(n) or {"things": 1} for n in "AB"}
    found = race(sides, unit="things", repeats=2)
    assert "".join(calls) == "ABABAB"
    assert [len(side["wall_s"]) for side in found["sides"].values()] == [2, 2]


def test_the_watch_counts_work_of_children():
    import subprocess
    import sys

    work = "import time\nwhile time.process_time() < 0.3: pass"
    with watch() as seen:
        subprocess.run([sys.executable, "-c", work], check=True)
    assert seen.cpu_s >= 0.25
