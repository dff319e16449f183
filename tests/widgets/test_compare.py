import time

import pytest

from tests.html_checks import Outline
from tests.widgets.games import Says, Yard
from tests.widgets.recorded import ATTACK, Letters, episode, played, turn
from tests.widgets.test_base import connected, from_page, views
from toolkit.environments.base import Task, make_env
from toolkit.episodes.record import StopReason
from toolkit.errors import ConfigError, ToolkitError
from toolkit.evaluation import summarise
from toolkit.widgets.base import LARGEST, message_size
from toolkit.widgets.compare import EpisodeCompare
from toolkit.widgets.stepper import EnvStepper

assert Yard
YARD = {"env": "yard", "seed": 3}


def text(widget):
    return Outline(widget.to_html()).text


def walk(*commands):
    """Return an episode of the yard as it is played."""
    game = EnvStepper(make_env("yard"), task=Task(**YARD), commands=commands)
    made = game.episode
    return episode(*made.turns, task=Task(**YARD), final_observation="")


def test_the_common_start_is_folded_and_the_parting_told():
    made = EpisodeCompare(played("nnnw"), played("nnns", won=True), names=("a", "b"))
    told = text(made)
    assert "house/train/1" in told
    assert "Not won: the turns ran out after 4 turns" in told
    assert "All saw first: You came by no way." in told
    assert "the first 3 turns: the same in all (n, n, n)" in told
    assert "Difference 1 of 1: they part here what differs a b ≠ other command" in told
    assert "Turn 4 > w +0.0" in told
    (fold,) = Outline(made.to_html()).having("details")
    assert "open" not in fold


def test_the_same_is_told_once_with_both_turn_numbers():
    made = EpisodeCompare(played("nwn"), played("nsswn"))
    told = text(made)
    assert "= same Turn 3 | 5 > n" in told
    assert told.count("You came by nw.") == 2  # before it in one, and after ss


def test_words_that_only_one_of_them_read_are_marked():
    one, other = (
        episode(turn("A hall.", "go"), final_observation=f"There is a {c} door.")
        for c in ("red", "blue")
    )
    html = EpisodeCompare(one, other).to_html()
    assert "There is a<del> red</del> door." in html
    assert "There is a<ins> blue</ins> door." in html


def test_rewards_are_shown_with_their_sum():
    one = episode(turn("A", "x", 0.5), turn("B", "y", 0.25))
    told = text(EpisodeCompare(one, episode(turn("A", "x", 0.5), turn("B", "z", -1.0))))
    assert "> x +0.5 +0.5 so far" in told
    assert "> y +0.25 +0.75 so far" in told
    assert "> z -1.0 -0.5 so far" in told


def test_models_that_said_the_same_are_compared_token_by_token():
    pair = played("nw", logp=-1.0), played("nw", logp=-0.5)
    told = text(EpisodeCompare(*pair, names=("before", "after"), tokenizer=Letters()))
    assert (
        "Where both said the same (2 tokens), after was surer than before, "
        "by 0.50 nats a token on average." in told
    )
    assert "how sure, before → after: n 37 % → 61 % (+0.50)" in told
    human = EpisodeCompare(played("nw"), pair[0])
    assert "how sure" not in text(human)
    assert "nats" not in text(human)


def test_one_goes_from_difference_to_difference_through_the_comm():
    # they part at turn 2, meet at the last but one, and part again
    made = EpisodeCompare(played("nwnn"), played("nsswnw"))
    comm = connected(made)
    steps = ("next", "next", "previous", "previous")
    for number, do in enumerate(steps, 1):
        from_page(comm, request={"id": number, "do": do})
    assert made.view["differences"] == 2
    assert [view["difference"] for view in views(comm)] == [2, 2, 1, 1]
    assert views(comm)[0]["announce"].startswith("Difference 2 of 2: other command")
    assert repr(made) == "EpisodeCompare(house/train/1: 2 episodes, 2 differences; 1)"


def test_equal_episodes_are_called_so():
    made = EpisodeCompare(played("nn"), played("nn"))
    assert "No difference: they did the same, turn by turn." in text(made)
    assert (made.view["differences"], made.view["announce"]) == (0, "No difference.")


def test_the_stepper_stands_where_they_part():
    one, other = walk("go north", "go east", "sing"), walk("go north", "go west")
    made = EpisodeCompare(one, other, names=("a", "b"), policy=Says("x"))
    game = made.stepper(1)
    assert [t.action for t in game.turns] == ["go north"]
    assert game.game.policy.name == "parrot"
    assert game.game.state.task == Task(**YARD)
    assert [door["label"] for door in made.view["doors"]] == ["Play on from turn 2"]
    made.ask({"do": "row", "row": 2})
    assert [t.action for t in made.stepper(0).turns] == ["go north", "go east"]
    labels = [door["label"] for door in made.view["doors"]]
    assert labels == ["Play on from turn 3 of a", "Play on from turn 3 of b"]
    with pytest.raises(ConfigError, match="no episode 2"):
        made.stepper(2)


def test_the_stepper_is_opened_and_closed_from_the_page():
    pair = (episode(turn("gate 3", said), task=Task(**YARD)) for said in ("x", "y"))
    made = EpisodeCompare(*pair)
    assert made.view["stepper"] == ""
    made.ask({"do": "step", "which": 0})
    first = made.view["stepper"]
    made.ask({"do": "step", "which": 0})
    assert len({first, made.view["stepper"], ""}) == 3
    made.ask({"do": "close"})
    assert made.view["stepper"] == ""


def test_a_world_that_is_not_there_leaves_the_comparison_alive():
    made = EpisodeCompare(played("n"), played("w"))
    made.ask({"do": "step", "which": 0})
    assert "That did not work: There is no environment 'house'." in text(made)
    made.next()
    assert "did not work" not in text(made)


@pytest.mark.parametrize(
    ("other", "what"),
    [({"seed": 2}, "2 games"), ({"env": "garden"}, "2 environments")],
)
def test_different_games_are_not_compared_but_what_can_be_is_offered(other, what):
    games = played("n"), played("w", **other), played("e", **other), played("s")
    made = EpisodeCompare(*games, names="abcd")
    told = text(made)
    assert f"Nothing to compare: These episodes are of {what}." in told
    offers = made.view["offers"]
    assert [o["label"].split(": ")[1] for o in offers] == ["a, d", "b, c"]
    assert repr(made) == "EpisodeCompare(2 different games, nothing to compare)"
    made.ask({"do": "game", "game": offers[1]["game"]})
    assert made.sides.names == ["b", "c"]
    assert "≠ other command" in text(made)


def test_nothing_is_offered_if_no_two_belong_together():
    made = EpisodeCompare(played("n"), played("n", seed=2))
    assert "No two belong together" in text(made)
    assert made.view["offers"] == []


def test_the_first_four_of_many_are_shown():
    made = EpisodeCompare(*(played("n") for _ in range(6)))
    assert made.sides.names == [
        "A, somebody",
        "B, somebody",
        "C, somebody",
        "D, somebody",
    ]
    assert "2 more of this game; 4 fit beside each other." in text(made)


@pytest.mark.parametrize(
    ("count", "names"), [(0, None), (1, None), (2, ("a",)), (2, ("a", "b", "c"))]
)
def test_too_few_episodes_and_wrong_names_are_refused(count, names):
    with pytest.raises(ConfigError, match="to compare"):
        EpisodeCompare(*[played("n")] * count, names=names)


def test_episodes_without_turns_and_broken_ones_are_shown():
    broken = episode(
        stop_reason=StopReason.ENVIRONMENT_ERROR, error="the gate fell", sample=1
    )
    both = EpisodeCompare(broken, broken)
    assert "No turn was played in any of them." in text(both)
    one = text(EpisodeCompare(broken, played("n")))
    assert "The world broke after 0 turns, reward +0.0 the gate fell" in one
    assert "nothing here" in one


def test_what_a_world_or_a_player_writes_is_text():
    one, other = (
        episode(
            turn(ATTACK, said, info={"room": ATTACK}),
            final_observation=f"{said} {ATTACK}",
            policy=ATTACK,
            error=ATTACK,
        )
        for said in (ATTACK, "no")
    )
    found = Outline(EpisodeCompare(one, other).to_html())
    assert not found.having("script")
    assert found.text.count("<script>") >= 8


def test_ten_thousand_turns_fit_into_a_message():
    def long(step):
        return episode(
            *(turn(f"Room {k % 400}. " * 5, "go" * (k % step)) for k in range(10_000))
        )

    start = time.process_time()
    made = EpisodeCompare(long(30), long(31))
    seconds = time.process_time() - start
    assert seconds < 2  # of which lining up takes about a quarter
    assert message_size(made.view) <= LARGEST
    assert "later rows not shown here" in text(made)
    start = time.process_time()
    made.ask({"do": "row", "row": 5_000})
    assert time.process_time() - start < 1
    assert message_size(made.view) <= LARGEST
    assert made.view["earlier"] > 4_000
    assert made.view["later"] > 4_000


def test_many_small_differences_fit_into_a_message():
    def restless(offset):
        said = ("x" if k % 2 else str(k + offset) for k in range(1_000))
        return episode(*(turn(f"{k}", s, logp=-0.5) for k, s in enumerate(said)))

    made = EpisodeCompare(*map(restless, range(4)), names=["name" * 20] * 4)
    assert made.view["differences"] == 500
    assert LARGEST / 2 < message_size(made.view) <= LARGEST


def test_long_texts_are_cut():
    long = [episode(turn("見" * 99_999, c * 99_999, logp=-1.0)) for c in "xxxx"]
    made = EpisodeCompare(*long, names=[c * 9_999 for c in "abcd"])
    assert message_size(made.view) <= LARGEST


# ---- makers --------------------------------------------------------------------------


def test_before_after_takes_a_game_that_was_lost_and_then_won():
    before = [played("n", seed=k, won=k == 0) for k in range(3)]
    after = [played("nn", seed=k, won=k != 1) for k in range(3)]
    made = EpisodeCompare.before_after(before, after)
    assert [e.task.seed for e in made.sides.episodes] == [2, 2]
    assert made.sides.names == ["before", "after"]
    assert [e.won for e in made.sides.episodes] == [False, True]


def test_before_after_without_a_gain_takes_a_loss_or_else_the_first():
    lost, won = played("n"), played("n", won=True)
    worse = EpisodeCompare.before_after(summarise([won]), summarise([lost]))
    assert [e.won for e in worse.sides.episodes] == [True, False]
    same = EpisodeCompare.before_after([lost], [lost])
    assert same.sides.episodes == [lost, lost]


def test_before_after_of_a_given_task():
    games = [played("n", seed=k) for k in range(2)]
    made = EpisodeCompare.before_after(games, games, Task(env="house", seed=1))
    assert made.sides.episodes[0].task.seed == 1
    with pytest.raises(ToolkitError, match="was not played both before and after"):
        EpisodeCompare.before_after(games, games, Task(env="house", seed=9))
    with pytest.raises(ToolkitError, match="cannot be compared"):
        EpisodeCompare.before_after(games, games[:1])


def test_best_and_worst_come_from_the_game_that_differs_most():
    def paid(reward, seed):
        return episode(turn("A hall.", "go", reward), seed=seed)

    group = [paid(r, seed) for seed, r in ((1, 0.0), (1, 0.1), (2, -1), (2, 1), (2, 0))]
    broken = episode(seed=2, stop_reason=StopReason.ENVIRONMENT_ERROR)
    made = EpisodeCompare.best_worst([*group, broken])
    assert [e.total_reward for e in made.sides.episodes] == [1, -1]
    assert made.sides.names == ["best", "worst"]
    with pytest.raises(ConfigError, match="no best and worst"):
        EpisodeCompare.best_worst([paid(0.0, 1), paid(0.0, 2)])


LINES = "\n".join(["a.py", *(f"{n}|    x = {n}" for n in range(40))])


def repairs(first="A bug.", then=LINES):
    """Return two repairs that part at the third of four turns."""
    begun = turn(first, "view a.py"), turn(LINES, "ls", info={"repository": "a"})
    return [
        episode(*begun, turn("a.py", said), turn(LINES, "test"), final_observation=then)
        for said in ("edit", "view b.py")
    ]


def folds(made):
    """Return for each long text whether it is unfolded."""
    boxes = Outline(made.to_html()).having("details")
    return ["open" in box for box in boxes if box.get("class") == "seen"]


def test_long_texts_of_code_are_folded_but_where_one_looks():
    made = EpisodeCompare(*repairs())
    # what both were shown first, where they part, and the end of both
    assert folds(made) == [False, True, True, False]
    told = text(made)
    assert told.count("a.py … and 40 lines") == 4
    assert "0| x = 0" in told
    made.ask({"do": "row", "row": 3})
    assert folds(made) == [False, False, False, True]
    made.ask({"do": "row", "row": 0})
    assert folds(made) == [True, False, False, False]
    keys = [b["data-key"] for b in Outline(made.to_html()).having("details")]
    assert len(keys) == len(set(keys))


def test_what_differs_in_a_long_text_is_not_folded():
    pair = repairs()[0], repairs(then=LINES.replace("x = 7", "y = 7"))[0]
    made = EpisodeCompare(*pair)
    made.ask({"do": "row", "row": 0})
    assert folds(made)[-2:] == [True, True]
    assert "<ins>" in made.to_html()


def test_a_long_task_is_folded():
    told = text(EpisodeCompare(*repairs(first=LINES)))
    assert "All saw first: a.py … and 40 lines" in told


def test_code_keeps_its_lines():
    assert {"class": "world code"} in Outline(
        EpisodeCompare(*repairs()).to_html()
    ).having("p")


def test_tales_are_not_folded():
    tale = "\n".join(["A long tale."] * 40)
    pair = [episode(turn(tale, c), turn(tale, "in")) for c in ("go", "run")]
    made = EpisodeCompare(*pair)
    assert folds(made) == []
    assert "world code" not in made.to_html()
