import time

import pytest

from tests.html_checks import Outline
from tests.widgets.recorded import ATTACK, Letters, episode, turn
from tests.widgets.test_base import connected, from_page, views
from toolkit.episodes.record import StopReason
from toolkit.errors import ConfigError
from toolkit.widgets.base import LARGEST, message_size
from toolkit.widgets.episode_view import EpisodeView

# two turns of a model: 2 tokens after a text of 6, then 2 after a text of 7
GAME = episode(
    turn("A hall", "go", logp=-0.1, room="yard"),
    turn(" A yard", "in", 1.0, logp=-1.2, room="shed"),
    won=True,
    policy="pocket",
)
PER_TOKEN = [0.5, 0.25, *[0.0] * 7, -1.0, 0.0]


def text(widget):
    return Outline(widget.to_html()).text


def test_a_turn_is_told_as_it_was():
    told = text(EpisodeView(GAME, tokenizer=Letters()))
    assert "house/train/1 played by pocket Won after 2 turns, reward +1.0" in told
    assert "the world, 6 tokens, not trained on A hall Turn 1 > go +0.0" in told
    assert "Turn 2 > in +1.0 +1.0 so far" in told
    assert "the world's last words The end." in told


def test_each_token_has_its_own_advantage_and_chance():
    made = EpisodeView(GAME, {"gae": PER_TOKEN}, tokenizer=Letters())
    told = text(made)
    assert "g +0.50 90 % o +0.25 90 %" in told
    assert "i −1.00 30 % n 0 30 %" in told
    spans = [s for s in Outline(made.to_html()).having("span") if "style" in s]
    assert [(s["class"], s["style"]) for s in spans] == [
        ("token plus", "--heat:0.50"),
        ("token plus", "--heat:0.25"),
        ("token minus", "--heat:1.00"),
        ("token zero", "--heat:0.00"),
    ]


def test_an_advantage_of_a_turn_is_that_of_its_tokens():
    told = text(EpisodeView(GAME, {"grpo": [0.5, -0.25]}, tokenizer=Letters()))
    assert "g +0.50 90 % o +0.50 90 %" in told
    assert "i −0.25 30 % n −0.25 30 %" in told


def test_the_whole_credit_is_drawn():
    view = EpisodeView(GAME, {"gae": PER_TOKEN, "grpo": [1, 2]}, tokenizer=Letters())
    (svg,) = Outline(view.to_html()).having("svg")
    assert "Turns 1 to 2, gae: +0.25 to +0.50, -1.00 to 0" in svg["aria-label"]
    assert "grpo: +1.00, +2.00" in svg["aria-label"]


@pytest.mark.parametrize(
    ("values", "why"),
    [([0.1], "are 1 numbers"), ([0.1, float("nan")], "not finite")],
)
def test_advantages_that_do_not_belong_are_refused(values, why):
    with pytest.raises(ConfigError, match=why):
        EpisodeView(GAME, {"gae": values})


def test_the_colours_can_tell_sureness():
    made = EpisodeView(GAME, {"gae": PER_TOKEN}, tokenizer=Letters())
    assert (made.view["ways"], made.view["way"]) == (["gae", "probability"], "gae")
    made.ask({"do": "colour", "by": "probability"})
    spans = [s for s in Outline(made.to_html()).having("span") if "style" in s]
    # 1 - exp(-0.1) = 0.095, 1 - exp(-1.2) = 0.699
    assert [s["style"] for s in spans] == ["--heat:0.10"] * 2 + ["--heat:0.70"] * 2
    made.ask({"do": "colour", "by": "nothing"})
    assert made.view["way"] == "probability"


def test_one_goes_from_turn_to_turn_through_the_comm():
    made = EpisodeView(GAME)
    comm = connected(made)
    for number, turn_ in enumerate((2, 99, -5), 1):
        from_page(comm, request={"id": number, "do": "jump", "turn": turn_})
    assert [view["turn"] for view in views(comm)] == [2, 2, 1]
    assert views(comm)[0]["announce"] == "Turn 2: in.  A yard"
    assert repr(made).endswith("at turn 1)")


def test_what_was_seen_can_be_folded():
    made = EpisodeView(GAME)
    seen = [d for d in Outline(made.to_html()).having("details") if "open" in d]
    made.ask({"do": "fold"})
    left = [d for d in Outline(made.to_html()).having("details") if "open" in d]
    assert (len(seen), len(left)) == (3, 1)  # the last words stay
    assert "A hall" in text(made)


def test_the_prompt_is_all_that_the_model_had_read():
    made = EpisodeView(GAME, tokenizer=Letters())
    made.jump(2)
    assert "before turn 2 (15 tokens) A hallgo A yard" in text(made)
    by_hand = EpisodeView(episode(turn("A hall.", "go"), turn("A yard.", "in")))
    by_hand.jump(2)
    assert "before turn 2 A hall. > go A yard." in text(by_hand)


def test_what_a_model_forgot_is_not_in_its_prompt():
    newest = turn("A shed", "up", logp=-0.1, hidden_ids=(8, 17))
    made = EpisodeView(episode(*GAME.turns, newest), tokenizer=Letters())
    made.jump(3)
    assert "before turn 3 (14 tokens, 9 are forgotten) A hallgoA shed" in text(made)


def test_facts_that_the_model_was_not_told_have_a_badge():
    assert "privileged facts after it room: yard · first_room: hall" in text(
        EpisodeView(GAME)
    )


def test_without_a_tokenizer_tokens_are_numbers_and_without_tokens_there_are_none():
    assert "#103 90 %" in text(EpisodeView(GAME))
    told = text(EpisodeView(episode(turn("A hall.", "go")), {"grpo": [0.5]}))
    assert "token" not in told
    assert "advantage +0.50" in told


def test_a_raw_answer_that_is_not_the_command_is_shown():
    game = episode(turn("A hall.", "go", completion="I think: go"))
    assert "in full: I think: go" in text(EpisodeView(game))
    assert "in full" not in text(EpisodeView(GAME))


def test_what_a_world_or_a_model_writes_is_text():
    game = episode(
        turn(ATTACK, ATTACK, completion=f"so {ATTACK}", info={ATTACK: ATTACK}),
        final_observation=ATTACK,
        policy=ATTACK,
    )
    found = Outline(EpisodeView(game).to_html())
    assert not found.having("script")
    assert found.text.count(ATTACK) == 8


def test_a_broken_episode_says_what_broke():
    broken = {"stop_reason": StopReason.ENVIRONMENT_ERROR, "error": "the gate fell"}
    made = EpisodeView(episode(final_observation="", **broken))
    told = text(made)
    assert "The world broke after 0 turns" in told
    assert "The world broke: the gate fell" in told
    assert "No turn was played." in told
    made.jump(3)
    assert "the gate fell" in made.view["announce"]


def test_ten_thousand_turns_are_shown_around_one():
    long = episode(*(turn(f"Room {k}. " * 9, "go", logp=-0.1) for k in range(10_000)))
    made = EpisodeView(long, {"grpo": [0.1] * 10_000}, tokenizer=Letters())
    start = time.process_time()
    made.jump(5_000)
    assert time.process_time() - start < 1
    assert message_size(made.view) <= LARGEST
    told = text(made)
    assert "Turn 5000 > go" in told
    assert "earlier turns not shown here" in told
    assert "later turns not shown here" in told
    made.jump(10_000)
    assert "Turn 10000 > go" in text(made)
    assert "later turns" not in text(made)


def test_long_texts_are_cut():
    long = "見" * 50_000
    made = EpisodeView(episode(turn(long, long, completion=long, logp=-1.0, room=long)))
    assert message_size(made.view) <= LARGEST
    assert "more characters" in text(made)


def unfolded(made):
    """Return for each text of the world whether it is unfolded."""
    boxes = Outline(made.to_html()).having("details")
    return ["open" in box for box in boxes if box.get("class") == "seen"]


def test_code_keeps_its_lines_and_long_answers_are_folded():
    edit = "replace a.py\n<<<<<<< OLD\n    a\n=======\n    b\n>>>>>>> NEW"
    lines = "\n".join(f"{n}|    x = {n}" for n in range(40))
    repair = episode(turn("A bug.", "view a.py"), turn(lines, edit), turn(lines, "ls"))
    made = EpisodeView(repair)
    found = Outline(made.to_html())
    assert {"class": "code"} in found.having("kbd")
    assert edit in made.to_html().replace("&lt;", "<").replace("&gt;", ">")
    assert unfolded(made) == [True, False, False, True]
    assert "world: 0| x = 0 … and 39 lines" in found.text
    assert sum(p.get("class") == "world code" for p in found.having("p")) == 4
    made.jump(3)
    assert unfolded(made) == [True, False, True, True]


def test_tales_are_not_code():
    tale = "\n".join(["A long tale."] * 40)
    made = EpisodeView(episode(turn(tale, "go"), turn(tale, "in")))
    paragraphs = Outline(made.to_html()).having("p")
    assert "world code" not in [p.get("class") for p in paragraphs]
    assert unfolded(made) == [True, True, True]
