from tests.diagnosis.made import ended, run_of
from tests.html_checks import Outline
from tests.widgets.test_run_samples import episode, line, turn
from toolkit.widgets.monitor_html import content
from toolkit.widgets.run_view import Look, run_view

ATTACK = "<script>alert(1)</script>"


def page(events=None, sample=None, **look):
    made = run_of(6, env="gates") if events is None else events
    return Outline(content(run_view(made, [5], sample or {}, Look(**look))))


def test_everything_that_matters_is_there():
    found = page(sample=line(episode("best", turn(1, reward=0.5))))
    for words in ("gates", "grpo · reward game", "Step 6 of 60", "note: all-is-well"):
        assert words in found.text
    for words in ("What it played at step 6", "room 1", "paid +0.5", "-0.25"):
        assert words in found.text
    assert len(found.having("svg")) == len(found.having("figure"))
    assert found.having("caption")


def test_praise_and_blame_are_told_by_more_than_colour():
    found = page(sample=line(episode()))
    plus, minus = [b for b in found.having("b") if b.get("title")]
    assert (plus["class"], minus["class"]) == ("plus", "minus")
    assert plus["title"] == "advantage +0.250, log-probability -0.500"
    assert "--a:0.33" in plus["style"]


def test_what_a_world_or_a_policy_says_is_text():
    token = [ATTACK, -1.0, 1.0]
    row = turn(observation=ATTACK, tokens=[token])
    sample = line(episode("best", row, task=ATTACK, final_observation=ATTACK))
    end = ended("failed", f"ValueError: {ATTACK}")
    events = run_of(6, env=ATTACK, reward=ATTACK, end=end)
    found = page(events, sample, note=ATTACK)
    assert not found.having("script")
    assert found.text.count(ATTACK) >= 7


def test_a_run_without_numbers():
    found = page([])
    assert "Nothing was written yet" in found.text
    assert not found.having("table")
