import pytest

from tests.environments.swe.conftest import make_calc
from toolkit.environments.base import SPLITS
from toolkit.environments.swe import shipped as module
from toolkit.environments.swe.mutations import DIFFICULTIES
from toolkit.environments.swe.repositories import REPOSITORIES
from toolkit.environments.swe.shipped import PLAN, make_shipped


def test_the_plan_has_three_hundred_bugs_of_all_repositories():
    assert {*PLAN} == {r.name for r in REPOSITORIES}
    assert sum(n for splits in PLAN.values() for n in splits.values()) == 300
    for splits in PLAN.values():
        assert {*splits} <= {*SPLITS}
        assert all(n % len(DIFFICULTIES) == 0 for n in splits.values())


@pytest.mark.usefixtures("sandbox")
def test_bugs_get_the_splits_of_the_plan(tmp_path, monkeypatch):
    name = make_calc(tmp_path / "calc").name
    monkeypatch.setattr(module, "PLAN", {name: {"train": 2, "demonstration": 1}})
    told = []
    ((*bugs,),) = make_shipped(told.append)
    assert [bug.split for bug in bugs] == ["train", "train", "demonstration"]
    assert [bug.seed for bug in told] == [bug.seed for bug in bugs] == [0, 1, 2]
