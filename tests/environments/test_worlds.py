import pytest

from toolkit.environments.worlds import parse_world
from toolkit.errors import ConfigError, UnknownEnvironmentError


@pytest.mark.parametrize(
    ("name", "maker", "length", "theme"),
    [
        ("w2-o3-q4", "custom", 4, "house"),
        ("w8-o12-q16-basic", "custom", 16, "basic"),
        ("simple-sparse", "simple", None, "house"),
        ("cooking", "cooking", None, "house"),
        ("coin_collector-105", "coin_collector", 5, "house"),
        ("coin_collector-5-basic", "coin_collector", 5, "basic"),
        ("treasure_hunter-1", "treasure_hunter", 1, "house"),
        ("treasure_hunter-15", "treasure_hunter", 6, "house"),
        ("treasure_hunter-30", "treasure_hunter", 20, "house"),
    ],
)
def test_what_an_id_names(name, maker, length, theme):
    world = parse_world(f"textworld/{name}")
    assert (world.name, world.maker) == (name, maker)
    assert (world.quest_length, world.theme) == (length, theme)


def test_each_world_has_its_own_folder():
    names = ["w2-o3-q4", "w2-o3-q4-basic", "w2-o4-q4", "simple-dense", "simple-sparse"]
    assert len({parse_world(f"textworld/{name}").key for name in names}) == len(names)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("w2-o3", "textworld/w2-o3-q4"),
        ("coin_colector-5", "textworld/coin_collector-5"),
        ("simple-dens", "textworld/simple-dense"),
        ("cooking-basic", "textworld/cooking"),
        ("w2-o3-q4-basic-basic", "textworld/w2-o3-q4"),
        ("W2-O3-Q4", "textworld/"),
        ("", "textworld/"),
    ],
)
def test_unknown_ids_name_the_near_ones(name, hint):
    with pytest.raises(UnknownEnvironmentError, match=hint):
        parse_world(f"textworld/{name}")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("w0-o3-q4", "0 rooms"),
        ("w2-o0-q4", "0 objects"),
        ("w2-o3-q0", "0 quest length"),
        ("w101-o3-q4", "101 rooms"),
        ("coin_collector-0", "from 1 to 300"),
        ("coin_collector-301", "from 1 to 300"),
        ("coin_collector-300", "300 rooms"),
        ("coin_collector-200-basic", "200 rooms"),
        ("treasure_hunter-31", "from 1 to 30"),
    ],
)
def test_sizes_out_of_range(name, words):
    with pytest.raises(ConfigError, match=words):
        parse_world(f"textworld/{name}")
