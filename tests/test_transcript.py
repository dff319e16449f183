import pytest

from tests.html_checks import Outline
from toolkit.comparison import compare
from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.evaluation import summarise
from toolkit.transcript import episode_table, lost_and_won


def turn(reward=0.0, *, action="look", completion="look", seen="A room.", valid=True):
    return Turn(
        observation=seen,
        completion=completion,
        action=action,
        reward=reward,
        info={"valid_action": valid},
    )


def episode(seed, *turns, won=False, sample=0):
    return Episode(
        task=Task(env="toy", seed=seed, split="test"),
        turns=turns or (turn(),),
        stop_reason=StopReason.WON if won else StopReason.TURN_LIMIT,
        final_observation="Over.",
        sample=sample,
    )


def changed(before, after):
    return compare(summarise(before), summarise(after))


def test_rows_are_coloured_by_reward_and_say_it():
    game = episode(1, turn(1.0), turn(-0.25), turn(0.0))
    found = Outline(episode_table(game, caption="Before"))
    rows = [row["class"] for row in found.having("tr") if "class" in row]
    assert rows == ["gain", "pain", "plain"]
    for label in ("+1.0", "-0.25", "+0.0"):
        assert label in found.texts
    assert "Not won: the turns ran out after 3 turns, reward +0.75." in found.text


def test_commands_without_effect_are_marked():
    refused = turn(action="", completion="> save game\n")
    useless = turn(action="eat wall", valid=False)
    text = Outline(episode_table(episode(1, refused, useless), caption="")).text
    assert "save game ✗ refused" in text
    assert "eat wall ✗ did nothing" in text
    assert "✗" not in Outline(episode_table(episode(1), caption="")).text


def test_everything_is_escaped():
    evil = "<script>alert(1)</script>\x1b"
    game = episode(1, turn(action=evil, seen=evil))
    page = episode_table(game, caption=evil)
    assert "<script" not in page
    assert Outline(page).text.count("<script>alert(1)</script>␛") == 3


@pytest.mark.parametrize("seen", ["word " * 200, "x" * 1000])
def test_long_texts_are_folded_and_complete(seen):
    found = Outline(episode_table(episode(1, turn(seen=seen)), caption=""))
    assert len(found.having("details")) == 1
    assert "".join(found.texts).count(seen[0]) >= seen.count(seen[0])


def test_an_episode_without_turns_is_shown():
    empty = Episode(
        task=Task(env="toy", seed=1),
        turns=(),
        stop_reason=StopReason.ENVIRONMENT_ERROR,
    )
    assert "The world broke" in Outline(episode_table(empty, caption="")).text


def test_every_end_has_words():
    for reason in StopReason:
        game = Episode(task=Task(env="toy", seed=1), turns=(), stop_reason=reason)
        assert "after 0 turns" in Outline(episode_table(game, caption="")).text


def test_the_pair_is_one_task_of_typical_length():
    before = [episode(s) for s in (1, 2, 3, 4)]
    lengths = {1: 9, 2: 5, 3: 1}
    after = [episode(s, *[turn()] * n, won=True) for s, n in lengths.items()]
    found = Outline(lost_and_won(changed(before, [*after, episode(4)])))
    assert "toy/test/2" in found.texts
    assert "one of 3" in found.text
    assert found.text.index("Before training") < found.text.index("After training")
    assert found.text.index("Not won") < found.text.index("Won after 5 turns")


def test_it_says_so_when_no_game_was_turned():
    before = [episode(1, won=True), episode(2)]
    after = [episode(1), episode(2)]
    assert "No game was lost" in lost_and_won(changed(before, after))


def test_with_several_samples_the_greatest_gain_counts():
    before = [
        episode(s, sample=i, won=s == 1 and i == 0) for s in (1, 2) for i in (0, 1)
    ]
    after = [episode(s, sample=i, won=True) for s in (1, 2) for i in (0, 1)]
    assert "toy/test/2" in lost_and_won(changed(before, after))
