"""Terms defined by a test are gone after it."""

import pytest

from toolkit.rewards import TERMS


@pytest.fixture(autouse=True)
def same_terms():
    before = dict(TERMS)
    yield
    TERMS.clear()
    TERMS.update(before)
