from tests.diagnosis.made import ended, run_of
from toolkit.widgets.player import LEAST_MS, Player

EVENTS = run_of(4, end=ended("finished", "finished"))  # 10 s a step


def player(speed=10.0, **request):
    made = Player.of(EVENTS, speed)
    for do, value in request.items():
        made = made.handle({"do": do, "value": value})
    return made


def test_it_stands_at_the_end_and_plays_from_the_start():
    assert player().at == player().last == 4
    assert player().stops[-1] == len(EVENTS)
    assert [EVENTS[n - 1]["event"] for n in player().stops[1:-1]] == ["step"] * 3
    playing = player(play=None)
    assert (playing.at, playing.plays) == (0, True)
    assert not playing.handle({"do": "play"}).plays


def test_it_waits_as_long_as_the_step_took():
    assert player(seek=1).next() == (2, 1000)
    assert player(seek=1, speed=1).next() == (2, 10_000)
    assert player(seek=1, speed=1000).next() == (4, LEAST_MS)  # leaves steps out
    assert player(seek=1, speed=50).next() == (3, 400)


def test_ticks_move_it_on_and_stop_at_the_end():
    now = player(play=None)
    assert now.handle({"do": "tick", "value": 3}) == now  # of another page, or late
    seen = []
    while now.plays:
        now = now.handle({"do": "tick", "value": now.at})
        seen.append(now.at)
    assert seen == [1, 2, 3, 4]
    assert now.handle({"do": "tick", "value": 4}) == now


def test_wrong_requests_change_nothing():
    assert player(seek=-7).at == 0
    assert player(seek=99).at == 4
    for value in (None, 0, -1, float("nan"), "x"):
        assert player().handle({"do": "speed", "value": value}).speed == 10.0
    assert player(seek="x", other=1) == player()


def test_runs_without_steps():
    assert Player.of([], 1).shown()["of"] == 0
    assert Player.of(EVENTS[:1], 1).next() == (0, LEAST_MS)
