import numpy as np

from toolkit.charts.smooth import smooth


def test_smoothing_keeps_constants_and_follows_the_weights():
    np.testing.assert_allclose(smooth([0.3] * 50), 0.3)
    values, weights = [0.0, 1.0], [1.0, 3.0]
    assert smooth(values, weights)[0] > smooth(values)[0]


def test_smoothing_calms_noise():
    noise = np.random.default_rng(0).normal(size=100)
    assert np.std(smooth(noise)) < np.std(noise) / 2
