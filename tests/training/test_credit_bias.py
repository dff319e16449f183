"""Expected gradients of a small game, by going through all its cases."""

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.training.credit import rloo, turn_return
from toolkit.training.returns import EPSILON

STOP = 0.3
"""Chance to end the game in its first turn, by which 1 is earned. Otherwise a coin is
tossed in the second turn: heads earns 3."""
CASES = [
    (STOP, [1.0], [1 - STOP]),
    ((1 - STOP) / 2, [0.0, 3.0], [-STOP, 0.5]),
    ((1 - STOP) / 2, [0.0, 0.0], [-STOP, -0.5]),
]
"""Probability, rewards and, per turn, the derivative of the log-probability of what was
done with respect to the logit of stopping and of heads."""


def expected_gradient(credit):
    """Expected sum of advantage times derivative, of the first episode of two."""
    found = np.zeros(2)
    for (p, mine, scores), (q, other, _) in itertools.product(CASES, repeat=2):
        for k, a in enumerate(credit([mine, other])[0]):
            found[k] += p * q * a * scores[k]
    return found


# d/d(logit) of STOP * 1 + (1 - STOP) * P(heads) * 3
TRUE = np.array([STOP * (1 - STOP) * (1 - 1.5), (1 - STOP) * 0.25 * 3])


def test_rloo_is_unbiased():
    assert expected_gradient(lambda r: rloo(r, group_size=2)) == pytest.approx(TRUE)


def test_turn_return_shrinks_turns_that_few_reach_and_biases_none():
    def unscaled(rows):
        found = turn_return(rows, group_size=2)
        scale = rms(rows) + EPSILON
        return [[scale * a for a in row] for row in found]

    def rms(rows):
        centred = []
        for k in range(2):
            to_go = [sum(row[k:]) for row in rows if k < len(row)]
            centred += [g - statistics.mean(to_go) for g in to_go]
        return math.sqrt(statistics.mean(c * c for c in centred))

    # 1 - 1/n: two are compared in the first turn; in the second, two if the other
    # came there (70 %), otherwise nobody
    wanted = TRUE * [0.5, (1 - STOP) * 0.5]
    assert expected_gradient(unscaled) == pytest.approx(wanted)


@given(lengths=st.lists(st.integers(1, 6), min_size=4, max_size=4))
def test_turn_return_neither_rewards_nor_fines_going_on(lengths):
    # whoever plays earns 1 in the last turn, however many there were. Baselines of
    # rewards by turn would add up to something else for each length.
    rows = [[0.0] * (n - 1) + [1.0] for n in lengths]
    assert not any(any(row) for row in turn_return(rows, group_size=4))
