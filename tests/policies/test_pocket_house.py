"""The shipped model plays ALFWorld, and its teachers do not peek."""

import functools
import itertools

import pytest

from toolkit.environments.base import make_env, tasks
from toolkit.episodes.rollout import collect
from toolkit.evaluation import evaluate
from toolkit.paths import assets_dir
from toolkit.policies import ExpertPolicy, RandomPolicy, load_policy
from toolkit.policies.pocket import play_text
from toolkit.policies.pocket_house import HOUSE, PARAMS, Seeker, make_tokenizer

pytest.importorskip("alfworld", reason="games are generated from its files")


@functools.cache
def games(n):
    return tasks(HOUSE, split="validation", n=n, **PARAMS)


@functools.cache
def played(player):
    players = {
        "expert": ExpertPolicy(),
        "searcher": Seeker(wanders=False),
        "wanderer": Seeker(wanders=True),
    }
    env = make_env(HOUSE, **PARAMS)
    return collect(players[player], env, games(20), workers=0, progress=False)


@pytest.fixture(scope="module")
def policy():
    return load_policy("pocket-house", device="cpu")


def commands(episodes):
    return [[turn.completion for turn in e.turns] for e in episodes]


def tokens(policy, text):
    return [t.replace("Ġ", " ").strip() for t in policy.tokenizer.tokenize(text)]


def test_it_wins_where_a_random_player_does_not(policy):
    env = make_env(HOUSE, **PARAMS)
    found = evaluate(policy, env, games(20), workers=0, progress=False)
    random = evaluate(RandomPolicy(), env, games(10), workers=0, progress=False)
    assert found.low > random.success


def test_it_plays_the_same_when_asked_again(policy):
    def play():
        env = make_env(HOUSE, **PARAMS)
        return collect(policy, env, games(4), workers=0, progress=False, seed=5)

    assert commands(play()) == commands(play())


def test_it_is_small():
    files = (assets_dir() / "pocket-house").iterdir()
    assert sum(file.stat().st_size for file in files) <= 8 * 2**20


def test_names_with_their_numbers_are_one_token(policy):
    found = tokens(policy, "take mug 2 from cabinet 12")
    assert found == ["take", "mug 2", "from", "cabinet 12"]


def test_commands_survive_the_tokenizer():
    episodes = played("expert")
    tokenizer = make_tokenizer([play_text(e) for e in episodes])
    for said in itertools.chain(*commands(episodes)):
        assert tokenizer.decode(tokenizer(said).input_ids) == said


def test_lists_lose_their_articles_and_nothing_else(policy):
    told = "On the desk 1, you see a mug 1, a pen 2, and a cd 3."
    assert tokens(policy, told) == [
        *("on the", "desk 1", ",", "you see", "mug 1", "pen 2", "cd 3", ".")
    ]


@pytest.mark.parametrize("player", ["searcher", "wanderer"])
def test_who_seeks_takes_only_what_it_has_seen(player):
    for episode in played(player):
        seen = ""
        for turn in episode.turns:
            seen += turn.observation
            if turn.completion.startswith(("take ", "use ")):
                thing = " ".join(turn.completion.split()[1:3])
                assert thing in seen, turn.completion


def test_a_searcher_looks_nowhere_twice_and_wins_more_than_a_wanderer():
    def until_found(episode):
        said = [turn.completion for turn in episode.turns]
        end = next((i for i, c in enumerate(said) if c.startswith("take")), len(said))
        return [c for c in said[:end] if c.startswith("go to")]

    def repeats(player):
        ways = [until_found(e) for e in played(player)]
        return sum(len(way) - len(set(way)) for way in ways)

    def wins(player):
        return sum(e.won for e in played(player))

    # it goes back to where it has seen what it needs, once
    assert repeats("searcher") == 0
    assert repeats("wanderer") > 0
    assert wins("expert") == 20 >= wins("searcher") > wins("wanderer")
