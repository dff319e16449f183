"""A small package with one bug, for tests of what repairs it."""

import contextlib
import fcntl
from pathlib import Path

from toolkit.environments.swe import workspace
from toolkit.environments.swe.bugs import Bug
from toolkit.environments.swe.mutations import Mutation

PRICES = '''\
"""What things cost."""


def total(prices, discount=0):
    """Return the sum of prices, less a discount in percent."""
    amount = sum(prices)
    if discount > 100:
        raise ValueError("no such discount")
    return amount - amount * discount / 100


def cheapest(prices):
    """Return the name of the cheapest thing."""
    return min(prices, key=prices.get)
'''
BROKEN = PRICES.replace("amount - amount", "amount + amount")
TESTS = """\
import unittest

import pytest

from shop.prices import cheapest, total


def test_plain():
    assert total([1, 2, 3]) == 6


@pytest.mark.parametrize(("discount", "left"), [(50, 50), (100, 0)])
def test_discount(discount, left):
    assert total([60, 40], discount) == left


def test_too_much():
    with pytest.raises(ValueError, match="discount"):
        total([1], 101)


class TestShop(unittest.TestCase):
    def test_cheapest(self):
        self.assertEqual(cheapest({"tea": 2, "cake": 3}), "tea")

    def test_half(self):
        self.assertEqual(total([10], 50), 5)
"""
TEST_FILE, SOURCE = "tests/test_prices.py", "shop/prices.py"


def named(*names: str) -> tuple[str, ...]:
    return tuple(f"{TEST_FILE}::{name}" for name in names)


FAILING = named("TestShop::test_half", "test_discount[100-0]", "test_discount[50-50]")
PASSING = named("TestShop::test_cheapest", "test_plain", "test_too_much")


def make_shop(folder: Path) -> Bug:
    """Write the package as it should be; return what is wrong with it."""
    files = {
        "shop/__init__.py": "",
        SOURCE: PRICES,
        "tests/conftest.py": "",
        TEST_FILE: TESTS,
        "README.md": "# Shop\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    start = PRICES.index("- amount")
    wrong = Mutation(
        file=SOURCE,
        start=start,
        end=start + 1,
        kind="binop",
        old="-",
        new="+",
        line=9,
        function="total",
    )
    return Bug(
        repository=f"folder:{folder}",
        split="train",
        seed=0,
        difficulty=1,
        mutations=(wrong,),
        fail_to_pass=FAILING,
        pass_to_pass=PASSING,
    )


def abandoned():
    """Return the workspaces that nobody holds; other processes may have some."""
    found = set()
    for path in workspace._room().glob("*.lock"):
        with contextlib.suppress(OSError), path.open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found.add(path.stem)
    return found
