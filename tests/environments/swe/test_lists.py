import lzma
from dataclasses import dataclass

import pytest

from toolkit.environments.swe.lists import of_repository, read_list, write_list
from toolkit.errors import RepositoryError, UnknownEnvironmentError


@dataclass(frozen=True)
class Made:
    repository: str


KNOWN = {1: Made("shop"), 2: Made("library"), 7: Made("shop")}


def read(path):
    return read_list(path, lambda data: data["all"], what="games", remedy="make them")


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "new" / "list.json.xz"
    write_list(path, {"all": [1, "ü"]})
    assert read(path) == [1, "ü"]


@pytest.mark.parametrize(
    "data", [b"junk", lzma.compress(b"{"), lzma.compress(b"[]"), lzma.compress(b"{}")]
)
def test_a_damaged_file_says_how_it_is_made(tmp_path, data):
    path = tmp_path / "list.json.xz"
    path.write_bytes(data)
    with pytest.raises(RepositoryError, match=r"No games can be read(.|\n)*make them"):
        read(path)


def test_tasks_of_one_repository_keep_their_seeds():
    assert of_repository("x/all", KNOWN) == KNOWN
    assert of_repository("x/shop", KNOWN).keys() == {1, 7}
    with pytest.raises(UnknownEnvironmentError, match=r"library, shop(.|\n)*'shop'"):
        of_repository("x/shops", KNOWN)
