import random

import numpy as np
import torch

from toolkit.training.randomness import same_random_numbers


def draw():
    of_numpy = np.random.random()  # noqa: NPY002  (the shared stream is the point)
    return random.random(), of_numpy, torch.rand(1).item()


def test_what_is_drawn_inside_leaves_no_trace():
    with same_random_numbers():
        first = draw()
        second = draw()
    with same_random_numbers():
        assert draw() == first
    assert draw() == first
    assert draw() == second
    assert len({*first, *second}) == 6
