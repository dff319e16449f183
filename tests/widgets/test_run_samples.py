from toolkit.widgets.base import message_size
from toolkit.widgets.run_samples import SAMPLE_BYTES, sample_view


def turn(k=0, *, tokens=(("go", -0.5, 0.25), (" east", -1.0, -0.75)), **facts):
    seen = {"turn": k, "observation": f"room {k}", "reward": 0.0}
    return {**seen, "tokens": [list(token) for token in tokens], **facts}


def episode(which="best", *turns, **facts):
    end = {"won": True, "stop_reason": "won", "task": "w/train/1", "return": 1.0}
    return {"which": which, **end, "turns": list(turns) or [turn()], **facts}


def line(*episodes, returns=(1.0, 0.0, None, 0.5)):
    return {"step": 3, "returns": list(returns), "episodes": list(episodes)}


def test_an_episode_with_its_tokens():
    view = sample_view(line(episode(final_observation="done")), "best")
    (row,) = view["turns"]
    assert row["tokens"] == [("go", 0.25, -0.5), (" east", -0.75, -1.0)]
    assert (row["turn"], row["world"], row["advantage"]) == (1, "room 0", "-0.25")
    assert (view["won"], view["end"], view["reward"]) == (True, "won", "+1.0")
    assert (view["last"], view["most"], view["group"]) == ("done", 0.75, "1, 0.5, 0")


def test_each_of_three_can_be_chosen():
    found = line(episode("best"), episode("median"), episode("worst"))
    for which in ("best", "median", "worst"):
        assert sample_view(found, which)["pick"] == which
    alone = sample_view(line(episode("median")), "worst")
    assert (alone["pick"], alone["picks"]) == ("median", ["median"])


def test_tokens_left_out_have_no_numbers():
    row = turn(tokens=(("a", -1.0, 2.0), (" … 9 tokens … ", None, None)))
    view = sample_view(line(episode("best", row)), "best")
    assert view["turns"][0]["tokens"][1] == (" … 9 tokens … ", None, None)
    assert view["turns"][0]["advantage"] == "+2.00"


def test_long_episodes_are_cut():
    turns = [turn(k, observation="x" * 2000) for k in range(60)]
    view = sample_view(line(episode("best", *turns, left_out=5)), "best")
    assert message_size(view["turns"]) < SAMPLE_BYTES + 200
    assert view["turns"][-1]["turn"] == 60
    assert view["left_out"] == 5 + 60 - len(view["turns"])


def test_damaged_samples_are_no_samples():
    assert sample_view({}, "best") == {}
    assert sample_view({"episodes": [7, {"turns": None}]}, "best") == {}
    odd = {"turns": [7, {"tokens": [["x"], "y", ["z", "?", None]], "turn": "a"}]}
    view = sample_view(line(odd, returns=["?"]), "best")
    assert view["turns"][1]["tokens"] == [("z", None, None)]
    assert (view["reward"], view["group"], view["most"]) == ("none", "", 1.0)
