import pytest

from tests.lessons.test_show import play
from toolkit.charts.episode_strip import strip_of
from toolkit.errors import ConfigError, EpisodeError


def test_actions_have_texts_and_their_numbers_and_the_world_has_neither():
    policy, played = play()
    by_turn = [float(k + 1) for k in range(len(played.turns))]
    strip = strip_of(played, {"x": by_turn}, name="A", tokenizer=policy.tokenizer)
    ((_, values),) = strip.rows
    acted = {k for start, end in strip.spans for k in range(start, end)}
    assert len(strip.tokens) == len(values) == len(played.ids)
    special = set(policy.tokenizer.all_special_ids)
    for k, number in enumerate(played.ids):
        assert bool(values[k]) == (k in acted)
        assert k in acted or strip.tokens[k] == ""
        assert (strip.tokens[k] == "■") == (k in acted and number in special)
    said = "".join(strip.tokens).replace("■", "")
    assert said == "".join(t.completion for t in played.turns).replace(" ", "")


def test_what_does_not_belong_together_is_refused():
    policy, played = play()
    with pytest.raises(ConfigError, match="numbers for an episode"):
        strip_of(played, {"x": [1.0] * (len(played.turns) + 1)}, name="A")
    assert set(strip_of(played, {}, name="A").tokens) == {""}
    silent = type(played)(task=played.task, turns=(), stop_reason=played.stop_reason)
    with pytest.raises(EpisodeError):
        strip_of(silent, {}, name="A", tokenizer=policy.tokenizer)
