import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from toolkit.charts import bar_chart, learning_curve, line_chart, smooth

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg):
    return ElementTree.fromstring(
        svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    )


def texts(svg):
    return [t.text for t in parsed(svg).iter(f"{SVG}text")]


def curve(**changes):
    given = {
        "steps": [0, 1, 2],
        "success": [0.0, 0.5, 1.0],
        "episodes": [64, 64, 64],
        "before": (0.2, 0.1, 0.3),
        "after": (0.8, 0.7, 0.9),
    }
    given |= changes
    return learning_curve(given.pop("steps"), given.pop("success"), **given)


def test_dots_stand_where_the_numbers_say():
    dots = list(parsed(curve()).iter(f"{SVG}circle"))[:3]
    x = [float(d.get("cx")) for d in dots]
    y = [float(d.get("cy")) for d in dots]
    assert x[0] < x[1] < x[2]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)
    assert y[0] > y[1] > y[2]  # upwards is less in SVG
    assert y[0] - y[1] == pytest.approx(y[1] - y[2], abs=0.2)


def test_bands_span_their_intervals():
    plot = parsed(curve())
    low, _, high = (float(c.get("cy")) for c in list(plot.iter(f"{SVG}circle"))[:3])
    unit = low - high  # pixels from 0 to 1
    before, after = plot.iter(f"{SVG}rect")
    assert float(before.get("height")) == pytest.approx(0.2 * unit, abs=0.2)
    assert float(after.get("y")) == pytest.approx(high + 0.1 * unit, abs=0.2)


def test_before_and_after_differ_in_more_than_colour():
    svg = curve()
    assert svg.count("stroke-dasharray") == 1
    assert {"before", "after", "20 %", "80 %"} <= set(texts(svg))


def test_axes_say_units_and_episodes():
    assert "optimiser steps (64 episodes each)" in texts(curve())
    several = curve(episodes=[64, 32, 64])
    assert "optimiser steps (about 53 episodes each)" in texts(several)
    small = line_chart([0, 1], [2.0, 3.0], title="Entropy", unit="nats")
    assert {"Entropy (nats)", "optimiser steps"} <= set(texts(small))


def test_labels_of_equal_results_do_not_cover_each_other():
    same = curve(before=(0.5, 0.4, 0.6), after=(0.5, 0.4, 0.6))
    at = {t.text: float(t.get("y")) for t in parsed(same).iter(f"{SVG}text")}
    assert abs(at["before"] - at["after"]) >= 30


def test_screen_readers_get_the_numbers():
    label = parsed(curve()).get("aria-label")
    assert "held out after training 80 %, interval 70 % to 90 %" in label
    bars = bar_chart([("go", (0.5, 10), None)], title="Took effect")
    assert parsed(bars).get("role") == "img"
    assert "go before 50 % of 10; go after never used" in parsed(bars).get("aria-label")


def test_bars_are_as_long_as_their_shares():
    svg = bar_chart([("go", (0.5, 10), (1.0, 20))], title="Took effect", width=400)
    rails = [float(r.get("width")) for r in parsed(svg).iter(f"{SVG}rect")]
    assert rails[1] == pytest.approx(rails[0] / 2 - 2)
    assert rails[3] == pytest.approx(rails[2] - 2)
    assert {"go", "50 % of 10", "100 % of 20"} <= set(texts(svg))


def test_names_are_escaped():
    svg = bar_chart([("<b>&", (0.5, 1), None)], title='"quoted"')
    assert texts(svg)[0] == "<b>&"
    assert parsed(svg).get("aria-label").startswith('"quoted"')


@pytest.mark.parametrize("steps", [[], [7], list(range(500))])
@pytest.mark.parametrize("width", [330, 920])
def test_any_number_of_steps_stays_inside_the_picture(steps, width):
    values = [0.5 for _ in steps]
    svg = curve(steps=steps, success=values, episodes=[8] * len(steps), width=width)
    other = line_chart(steps, values, title="Turns", unit="mean", width=width)
    for drawn in (svg, other):
        xs = [float(v) for v in re.findall(r'\b(?:cx|x)="([-\d.]+)"', drawn)]
        assert min(xs) >= 0
        assert max(xs) <= width


def test_smoothing_keeps_constants_and_follows_the_weights():
    np.testing.assert_allclose(smooth([0.3] * 50), 0.3)
    values, weights = [0.0, 1.0], [1.0, 3.0]
    assert smooth(values, weights)[0] > smooth(values)[0]


def test_smoothing_calms_noise():
    noise = np.random.default_rng(0).normal(size=100)
    assert np.std(smooth(noise)) < np.std(noise) / 2
