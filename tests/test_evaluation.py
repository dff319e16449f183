import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from toolkit.environments.base import Task, TextEnv, make_env, register, tasks
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.errors import ConfigError, ContaminationError, ToolkitError
from toolkit.evaluation import REFUSED, Share, evaluate, summarise
from toolkit.policies.base import Action, Policy

WON, LOST = StopReason.WON, StopReason.TURN_LIMIT
BROKEN = StopReason.ENVIRONMENT_TIMEOUT


def episode(seed, reason, *commands):
    """Make an episode; a command that ends in `!` was not understood."""
    turns = tuple(
        Turn(
            observation="",
            completion=command,
            action=command.rstrip("!"),
            reward=0.0,
            info={"valid_action": not command.endswith("!")},
        )
        for command in commands
    )
    return Episode(task=Task(env="toy", seed=seed), turns=turns, stop_reason=reason)


def test_one_episode_per_task():
    found = summarise(
        [
            episode(1, WON, "go north", "take lamp"),
            episode(2, LOST, "Go south!", "go", "", "dance!"),
            episode(3, WON, "go east", "", "go west"),
            episode(4, LOST, "look"),
        ],
        greedy=True,
        seed=7,
    )
    assert (found.success, found.n, found.wins, found.broken) == (0.5, 4, 2, 0)
    # 2 of 4, z² = 3.841459: 1.959964 · √(0.0625 + 0.0600228) / 1.960365 = 0.34996
    assert (found.low, found.high) == pytest.approx((0.15004, 0.84996), abs=1e-5)
    assert found.mean_turns == (2 + 4 + 3 + 1) / 4
    assert found.mean_turns_won == (2 + 3) / 2
    assert (found.greedy, found.seed) == (True, 7)
    assert list(found.by_verb.items()) == [
        ("go", Share(hits=4, n=5)),
        (REFUSED, Share(hits=2, n=2)),
        ("dance", Share(hits=0, n=1)),
        ("look", Share(hits=1, n=1)),
        ("take", Share(hits=1, n=1)),
    ]


def test_points_are_a_share_of_what_each_game_gives():
    def scored(seed, *scores, most=4, reason=LOST):
        played = episode(seed, reason, *("go" for _ in scores))
        pairs = zip(played.turns, scores, strict=True)
        turns = [replace(t, info={"score": s, "max_score": most}) for t, s in pairs]
        return replace(played, turns=tuple(turns))

    # what counts is the score at the end: (1/4 + 3/4) / 2 of one game, 2/2 of the other
    found = summarise(
        [
            scored(1, 0, 1),
            scored(1, 2, 3, 3),
            scored(2, 1, 2, most=2, reason=WON),
            scored(2, 0, most=2, reason=BROKEN),
        ]
    )
    assert found.points == pytest.approx((0.5 + 1) / 2)
    assert found.to_dict()["points"] == found.points
    assert "0.75 of what the games give" in str(found)


def test_broken_episodes_are_reported_but_not_counted():
    found = summarise(
        [episode(1, WON, "a"), episode(2, BROKEN, "a", "b", "c"), episode(3, BROKEN)]
    )
    assert (found.success, found.n, found.wins, found.broken) == (1, 1, 1, 2)
    assert found.mean_turns == 1
    assert found.by_task[Task(env="toy", seed=3)] == Share(hits=0, n=0)
    assert len(found.episodes) == 3


def test_each_task_weighs_the_same_however_many_episodes_are_intact():
    # Shares 1/2, 1 (its other episode broke), 0, 1: mean 0.625.
    results = [(1, WON), (1, LOST), (2, WON), (2, BROKEN), (3, LOST), (3, LOST)]
    results += [(4, WON), (4, WON)]
    found = summarise([episode(seed, reason, "go") for seed, reason in results])
    assert (found.success, found.n, found.wins, found.broken) == (0.625, 4, 4, 1)
    # statistics.effective_n gives 4.0909 for these shares (its docstring): with
    # z²/n = 0.939024, half = 1.959964 · √(0.0572917 + 0.0573848) / 1.939024 = 0.342299
    # and the centre is (0.625 + 0.469512) / 1.939024 = 0.564466.
    assert found.low == pytest.approx(0.564466 - 0.342299, abs=1e-4)
    assert found.high == pytest.approx(0.564466 + 0.342299, abs=1e-4)


def test_repeating_equal_episodes_adds_no_certainty():
    once = [episode(seed, WON if seed < 7 else LOST, "go") for seed in range(10)]
    one, eight = summarise(once), summarise(once * 8)
    assert (one.low, one.high) == pytest.approx((eight.low, eight.high))


def test_nothing_won():
    found = summarise([episode(1, LOST, "a")])
    assert found.mean_turns_won is None
    assert found.low == 0
    assert "when won" not in str(found)


@pytest.mark.parametrize(
    "episodes", [[], [replace(episode(1, BROKEN), error="segfault in the game")]]
)
def test_nothing_intact_is_refused_with_the_cause(episodes):
    with pytest.raises(ToolkitError, match="nothing to evaluate") as caught:
        summarise(episodes)
    assert not episodes or "segfault" in str(caught.value)


def test_reports_are_readable_and_json_ready():
    found = summarise([episode(1, WON, "<b> x"), episode(2, LOST, "go")], seed=3)
    text = str(found)
    assert "success" in text
    assert "0.50  (95 %: 0.09 to 0.91)" in text
    assert "1 of 2 won, 2 tasks" in text
    assert "&lt;b&gt;" in found._repr_html_()
    assert "<b>" not in found._repr_html_()
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["by_task"][0] == {"id": "toy/train/1", "wins": 1, "n": 1}
    assert data["by_verb"]["go"] == {"valid": 1, "n": 1}
    assert {"success", "n", "low", "high", "mean_turns"} <= data.keys()


class CountEnv(TextEnv):
    """Won by `win` on turn `seed`; `break` kills the world."""

    def __init__(self, name, *, max_turns=4, **needs):
        super().__init__(max_turns=max_turns, **needs)

    @classmethod
    def tasks(cls, env, split, n, params):
        return [
            Task(env=env, seed=seed, split=split) for seed in range(1, (n or 4) + 1)
        ]

    def _start(self, task):
        self.left = task.seed
        return f"wait {self.left}", {}

    def _advance(self, command):
        if command == "break":
            raise RuntimeError("broken on purpose")
        self.left -= 1
        won = self.left == 0 and command == "win"
        return f"wait {self.left}", float(won), won, {"won": won}


class Says(Policy):
    """Answers with a function of the observation."""

    def __init__(self, answer, trained_on=()):
        self.answer, self.trained_on = answer, trained_on

    def act(self, observations):
        return [Action(text=self.answer(o.text)) for o in observations]


@pytest.fixture
def env():
    register("count", CountEnv)
    return make_env("count")


def test_evaluate_plays_every_task(env):
    policy = Says(lambda text: "win" if text == "wait 1" else "wait")
    found = evaluate(
        policy,
        env,
        tasks("count", split="test", n=6),
        samples=2,
        progress=False,
        workers=0,
    )
    # Seeds 1 to 4 are won on turn 1 to 4, seeds 5 and 6 run into the limit of 4 turns.
    assert found.success == pytest.approx(4 / 6)
    assert (found.wins, found.n, len(found.episodes)) == (8, 6, 12)
    assert found.mean_turns == (1 + 2 + 3 + 4 + 4 + 4) / 6
    assert found.mean_turns_won == (1 + 2 + 3 + 4) / 4
    assert found.by_verb["win"].n == 8


def test_evaluate_counts_worlds_that_break(env):
    policy = Says(lambda text: "break" if text == "wait 3" else "win")
    found = evaluate(
        policy, env, tasks("count", split="test", n=3), progress=False, workers=0
    )
    # Seeds 1 and 2 count down to a `win`; seed 3 breaks its world on turn 1.
    assert (found.n, found.wins, found.broken) == (2, 2, 1)


@pytest.mark.parametrize("how", ["tasks", "keys", "run", "policy"])
def test_trained_tasks_are_refused_whatever_their_split_and_params(env, how):
    seen = [
        Task(env="count", seed=seed, split="train", params=(("x", 1),))
        for seed in (2, 3)
    ]
    keys = frozenset((task.env, task.seed) for task in seen)
    policy = Says(lambda text: "win", trained_on=keys if how == "policy" else ())
    given = {"tasks": seen, "keys": keys, "run": SimpleNamespace(trained_on=seen)}
    with pytest.raises(ContaminationError, match=r"^2 of the tasks") as caught:
        evaluate(
            policy,
            env,
            tasks("count", split="test", n=4),
            trained_on=given.get(how, ()),
            progress=False,
        )
    assert "count/test/2, count/test/3" in caught.value.what
    assert caught.value.fix


def test_other_environments_with_the_same_seed_are_no_contamination(env):
    seen = [Task(env="other", seed=1)]
    found = evaluate(
        Says(lambda text: "win"),
        env,
        tasks("count", split="test", n=1),
        trained_on=seen,
        progress=False,
        workers=0,
    )
    assert found.success == 1


@pytest.mark.parametrize("numbers", [{"samples": 0}, {"live": 0}])
def test_numbers_out_of_range_are_refused(env, numbers):
    with pytest.raises(ConfigError, match="at least 1"):
        evaluate(Says(str), env, tasks("count", n=1), progress=False, **numbers)
