import pytest
from hypothesis import given

from tests.episodes.strategies import sampled_episodes
from toolkit import make_env, tasks
from toolkit.diagnosis import Severity, diagnose
from toolkit.diagnosis.history import History, mean
from toolkit.environments.textworld import TextWorldEnv
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.episodes.tokens import tokenize_episode
from toolkit.errors import ConfigError
from toolkit.lessons.broken_runs import (
    BROKEN,
    broken_run,
    compare,
    compared,
    dying_worlds,
    moving,
    settings_of,
    swap_speakers,
    swapped_mask,
)
from toolkit.training import trainer
from toolkit.widgets.recordings import RECORDINGS
from toolkit.widgets.run_files import open_run

LARGEST = 40_000
CASES = [(run.case, name) for name, run in BROKEN.items()]
MADE_HERE = [(case, name) for case, name in CASES if name not in RECORDINGS]


@pytest.mark.parametrize(("case", "name"), CASES)
def test_each_broken_run_is_understood(case, name):
    first = diagnose(open_run(broken_run(case)).events)[0]
    assert first.severity is not Severity.NOTE
    assert first.id in BROKEN[name].alerts


def test_the_hacked_run_is_paid_and_wins_no_more():
    told = History.of(open_run(broken_run("G")).events)
    pay, wins = (
        [value for _, value in told.of_rollouts(name)]
        for name in ("mean_return", "success")
    )
    assert min(pay) > 2  # a win alone is worth 1, and some turns
    assert mean(wins[:4]) > 0.3
    assert mean(wins[-10:]) < 0.1


def test_a_policy_that_cannot_change_wins_now_more_now_less():
    told = History.of(open_run(broken_run("C")).events)
    assert max(value for _, value in told.of_updates("grad_norm")) == 0
    wins = [value for _, value in told.of_rollouts("success")]
    assert (min(wins), max(wins)) == (0.125, 0.875)


@pytest.mark.parametrize(("case", "name"), MADE_HERE)
def test_recordings_are_small_whole_and_made_as_it_is_told(case, name):
    folder = broken_run(case)
    assert sum(file.stat().st_size for file in folder.iterdir()) < LARGEST
    files, told = open_run(folder), settings_of(name)
    steps = [e["step"] for e in files.events if e["event"] == "step"]
    assert steps == [*range(1, told["max_steps"] + 1)]
    assert files.sample(0)["episodes"]
    used = files.events[0]["config"]
    for setting in BROKEN[name].settings.keys() & used.keys() - {"reward"}:
        assert used[setting] == told[setting]


def test_mended_forms_win_more_and_runs_without_gradient_stay_where_they_began():
    found = compared()
    for run in BROKEN.values():
        broken, mended = found[run.case]
        assert broken[0] < mended[0]
    assert all(found[case][0] == found["start"] for case in "CFH")
    clear = [case for case in "ABCDEFGH" if found[case][0][2] < found[case][1][1]]
    assert clear == list("ABDEFGH")  # of C the intervals overlap


@pytest.mark.slow
def test_broken_and_mended_are_compared():
    found = compare(steps=1, n=2)
    assert set(found) == {"start", "steps", "n", *"ABCDEFGH"}
    assert found["C"][0] == found["start"]
    assert found["A"][1] == found["H"][1]


def test_cases_are_letters_in_order_and_others_are_refused():
    assert [case for case, _ in CASES] == list("ABCDEFGH")
    assert len({run.cause for run in BROKEN.values()}) == 8
    with pytest.raises(ConfigError, match="A, B, C, D, E, F, G, H"):
        broken_run("J")


@given(sampled_episodes())
def test_the_swapped_mask_shows_the_other_speaker(episode):
    right, wrong = tokenize_episode(episode), swap_speakers(episode)
    shown = zip(right.action_mask, wrong.action_mask, strict=True)
    assert all(a + b == 1 for a, b in shown)
    assert len(wrong.spans) == len(right.spans)
    paid = {t for start, end in wrong.spans for t in range(start, end)}
    assert paid == {t for t, bit in enumerate(wrong.action_mask) if bit}


def test_faults_in_code_are_taken_away_again():
    right = trainer.tokenize_episode, TextWorldEnv._advance
    with swapped_mask(), dying_worlds():
        assert trainer.tokenize_episode is swap_speakers
        assert TextWorldEnv._advance is not right[1]
    assert (trainer.tokenize_episode, TextWorldEnv._advance) == right


def test_worlds_die_after_so_many_commands():
    world = "textworld/coin_collector-105-basic"
    env = make_env(world)
    with dying_worlds(1):
        env.reset(options={"task": tasks(world, split="train", n=1)[0]})
        env.step("look")
        with pytest.raises(OSError, match="Too many open files"):
            env.step("look")
    env.close()


def test_moving_is_paid_whether_a_room_is_new_or_not():
    rooms = ("hall", "attic", "hall", "hall")
    info = [{"first_room": "hall", "room": room} for room in rooms]
    said = {"observation": "", "completion": "", "action": "", "reward": 0.0}
    turns = [Turn(**said, info=i) for i in info]
    task = tasks("textworld/coin_collector-105-basic", split="train", n=1)[0]
    stop = StopReason.TURN_LIMIT
    episode = Episode(task=task, turns=tuple(turns), stop_reason=stop)
    assert moving(episode) == [0, 1, 1, 0]
