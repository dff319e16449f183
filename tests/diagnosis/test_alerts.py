import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.diagnosis.made import ended, rollout, run_of, update
from tests.html_checks import Outline
from toolkit import ToolkitError, cli
from toolkit.diagnosis import RULES, Severity, diagnose
from toolkit.training.run import Run


def write(folder, events):
    folder.mkdir(exist_ok=True)
    text = "".join(json.dumps(event) + "\n" for event in events)
    (folder / "events.jsonl").write_text(text)
    return folder


def ids(events):
    return [alert.id for alert in diagnose(events)]


DEAD = {"stop_reasons": {"environment_error": 32}, "silent_groups": 1.0, "success": 0.0}
MANY = {
    **{"valid_rate": 0.1, "mean_turns": 1.0, "success": 0.0, "reward_failed": 20},
    "entropy": 0.001,
    "stop_reasons": {"token_limit": 12, "context_limit": 12, "turn_limit": 8},
}


def many_problems():
    log = {"sampling/sampling_logp_difference/mean": 1.0, "loss": 0.0}
    end = ended("failed", "ValueError: <script>")
    return run_of(5, rollouts=lambda k: MANY, log=lambda k: log, end=end)


# ---- what is said --------------------------------------------------------------------


def test_all_is_well():
    found = diagnose(run_of(6, rollouts=lambda k: {"success": 0.1 * k}))
    (alert,) = found
    assert (alert.id, alert.severity) == ("all-is-well", Severity.NOTE)
    assert "from 0.20 to 0.30 in 6 steps" in str(found)
    assert not found.has_problem


def test_a_run_that_just_began():
    assert ids([]) == ids(run_of(0)) == ids(run_of(1)) == ["too-early"]
    assert "1 step. " in str(diagnose(run_of(1)))


def test_a_note_does_not_hide_that_all_is_well():
    quiet = run_of(6, log=lambda k: {"loss": 1e-9})
    assert ids(quiet) == ["all-is-well", "loss-zero"]
    assert "no fault" in str(diagnose(quiet))


def test_a_cause_hides_its_consequences():
    assert ids(run_of(5, rollouts=lambda k: DEAD)) == ["dead-environment"]
    hidden = {"silent-too-hard": "stop_reasons", "dead-environment": "success"}
    for shown, without in hidden.items():
        facts = {k: v for k, v in DEAD.items() if k != without}
        assert shown in ids(run_of(5, rollouts=lambda k, facts=facts: facts))


def test_the_worst_comes_first_and_a_handful_is_shown():
    found = diagnose(many_problems())
    order = [list(Severity).index(alert.severity) for alert in found]
    assert order == sorted(order)
    assert len(found) > 5
    text = str(found)
    assert text.count("Try first") == 5
    assert text.endswith(f"Also: {', '.join(a.id for a in found[5:])}.")
    assert found.has_problem


def test_a_message_has_three_sentences_with_a_number_and_a_step():
    (alert,) = diagnose(run_of(5, rollouts=lambda k: {"silent_groups": float(k > 1)}))
    assert (alert.id, alert.since) == ("silent-mixed", 3)
    assert str(alert).startswith("100 % of the groups teach nothing since step 3 (")
    assert str(alert).count(". ") == 2
    assert str(alert).endswith("medium difficulty.")


def test_html_is_whole_and_safe():
    page = diagnose(many_problems())._repr_html_()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "problem: failed" in page
    assert Outline(page).text.count("Try first") == 5


def test_json_is_a_list_of_alerts():
    first, *_ = json.loads(diagnose(many_problems()).to_json())
    assert (first["id"], first["severity"]) == ("failed", "problem")
    assert first["since"] == 5
    assert first["remedies"][0].startswith("what the error says")


# ---- where a run may come from -------------------------------------------------------


def test_a_run_a_folder_a_file_and_events_give_the_same(tmp_path):
    events = run_of(3, rollouts=lambda k: DEAD)
    folder = write(tmp_path / "run", events)
    run = Run(folder=folder, policy=None, step=3, stopped="finished")
    sources = (events, iter(events), folder, str(folder), folder / "events.jsonl", run)
    assert len({str(diagnose(source)) for source in sources}) == 1


@pytest.mark.parametrize("name", ["missing", "folder", "folder/missing.jsonl"])
def test_a_path_that_is_no_run(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ToolkitError, match="There is no run in"):
        diagnose(tmp_path / name)


@pytest.mark.parametrize("content", [b"Dear diary,\n", b"\xff\xfe\x00", b"9" * 5000])
def test_a_file_that_holds_no_events(tmp_path, content):
    (tmp_path / "diary.txt").write_bytes(content)
    with pytest.raises(ToolkitError, match="holds no events"):
        diagnose(tmp_path / "diary.txt")


def test_an_empty_file_is_a_run_that_just_began(tmp_path):
    (tmp_path / "events.jsonl").touch()
    assert [alert.id for alert in diagnose(tmp_path)] == ["too-early"]


# ---- whatever the events hold --------------------------------------------------------

NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, 1e308, -1, 0])
PLAIN = st.none() | st.booleans() | NUMBERS | st.sampled_from(["", "cancel", "nan"])
NAMES = st.sampled_from(
    ["success", "won", "token_limit", "mean", "spread", "max_steps"]
)
ODD = PLAIN | st.lists(PLAIN, max_size=2) | st.dictionaries(NAMES, PLAIN, max_size=3)
LOG = sorted({*update(0)["log"], "kl", "explained_variance", "value_loss"})
FIELDS = sorted({*rollout(0), *update(0), "reason", "config"} - {"log"})


@given(
    st.sampled_from([0, 1, 6, 16, 41]),
    st.lists(st.tuples(st.sampled_from(FIELDS), ODD, st.integers(0, 40)), max_size=3),
    st.dictionaries(st.sampled_from(LOG), PLAIN, max_size=3) | PLAIN,
    st.lists(ODD, max_size=2),
)
def test_no_events_are_too_odd(n, changes, log, others):
    events = [*run_of(n, end=ended("failed", "?")), *others]
    for field, value, begin in changes:
        for event in events[begin : n * 2 + 1]:
            event[field] = value
    for event in events[n : n * 2 + 1]:
        event["log"] = log
    found = diagnose(events)
    assert len(found) >= 1
    str(found), found._repr_html_(), json.loads(found.to_json())


@given(st.integers(0, 12_000), st.sampled_from([DEAD, MANY, {"entropy": None}, {}]))
def test_a_file_may_be_cut_anywhere(tmp_path_factory, at, facts):
    folder = tmp_path_factory.mktemp("cut")
    whole = write(folder, run_of(8, rollouts=lambda k: facts)) / "events.jsonl"
    whole.write_bytes(whole.read_bytes()[: max(at, 80)])
    if whole.read_text().count("\n"):
        assert len(diagnose(folder)) >= 1


@pytest.mark.parametrize("name", [*FIELDS, *LOG, "log"])
def test_a_field_may_be_missing(name):
    events = run_of(45)
    for event in events:
        event.pop(name, None)
        event.get("log", {}).pop(name, None)
    assert not diagnose(events).has_problem


def test_a_long_run_is_diagnosed_quickly():
    events = run_of(3000, rollouts=lambda k: lost_after(k, 1000))
    assert "silent-too-hard" in ids(events)


def lost_after(k, step):
    return {"silent_groups": 1.0, "success": 0.0} if k > step else {}


# ---- without torch -------------------------------------------------------------------


def test_it_needs_neither_torch_nor_trl():
    code = "import sys, toolkit.diagnosis; print(*sys.modules)"
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    assert not {"torch", "trl", "transformers", "gymnasium"} & set(said.stdout.split())


def test_the_command_line_says_the_same(tmp_path, capsys):
    sick = write(tmp_path / "sick", run_of(3, rollouts=lambda k: DEAD))
    assert cli.main(["diagnose", str(sick)]) == 1
    assert capsys.readouterr().out == f"{diagnose(sick)}\n"
    well = write(tmp_path / "well", run_of(6))
    assert cli.main(["diagnose", str(well), "--json"]) == 0
    assert [a["id"] for a in json.loads(capsys.readouterr().out)] == ["all-is-well"]
    assert cli.main(["diagnose", str(tmp_path / "none")]) == cli.FAILED
    assert "toolkit diagnose: There is no run in" in capsys.readouterr().err


def test_every_rule_has_a_name_of_its_own():
    assert len({rule.id for rule in RULES}) == len(RULES)
