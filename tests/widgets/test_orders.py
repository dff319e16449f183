import pytest

from toolkit.rewards import Mix
from toolkit.training.controls import Controls
from toolkit.widgets.orders import ORDERS, order


def controls():
    return Controls(Mix({"success": 1.0, "step_cost": 0.1}))


@pytest.mark.parametrize("do", ORDERS)
def test_one_word_is_passed_on(do):
    told = controls()
    assert order(told, {"do": do}) == (ORDERS[do], False)
    asked = told.take()
    assert bool(asked.stop) == (do == "stop")
    assert (asked.pause, asked.evaluate, asked.save) == (
        *(do == "pause", do == "evaluate", do == "save"),
    )


def test_weights_are_passed_on():
    told = controls()
    request = {"do": "reweight", "term": "success", "value": 2}
    assert order(told, request)[0].startswith("success weighs 2 ")
    assert told.take().weights == {"success": 2.0}


def test_what_cannot_be_done_is_said():
    wrong = {"do": "reweight", "term": "sucess", "value": 2}
    words, failed = order(controls(), wrong)
    assert failed
    assert "no term 'sucess'" in words
    assert order(controls(), {**wrong, "value": None})[1]
    assert order(None, {"do": "stop"})[1]
