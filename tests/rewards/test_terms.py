import math
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.rewards.made import COSTS, PLAIN, episode, episodes, scores, turn, walk
from toolkit.episodes.record import StopReason
from toolkit.errors import ConfigError, RewardError
from toolkit.rewards import TERMS, Mix, term, turn_term

SETTINGS = {
    "subgoal": {"goals": ["open", "take"]},
    "potential": {"discount": 0.9},
    "judged": {"model": "pocket", "rubric": "Win."},
    "likelihood": {"model": "pocket"},
}


def pay(name, episode, **settings):
    return list(TERMS[name](episode, **{**SETTINGS.get(name, {}), **settings}))


# ---- worked out by hand ------------------------------------------------------------


def test_game_is_what_the_environment_paid():
    assert pay("game", episode(turn(reward=0.5), turn(reward=-1.0))) == [0.5, -1.0]


def test_success_pays_the_winning_turn():
    assert pay("success", walk(["a", "b", "c"], won=True)) == [0.0, 0.0, 1.0]
    assert pay("success", scores([1, 2, 3], most=3)) == [0.0, 0.0, 0.0]


def test_progress_is_the_part_of_the_points_gained():
    # after the turns 1/4, 1/4, 3/4 and 2/4 of the points: differences of these
    assert pay("progress", scores([1, 1, 3, 2], most=4)) == [0.25, 0.0, 0.5, -0.25]


def test_progress_makes_every_win_worth_one():
    # two of four points, and a win: the last turn pays its 1/4 and the missing 2/4
    assert pay("progress", scores([1, 2], most=4, won=True)) == [0.25, 0.75]
    # more points than there are count as all
    assert pay("progress", scores([4, 9], most=4, won=True)) == [1.0, 0.0]
    assert pay("progress", scores([9], most=4)) == [1.0]


def test_discovery_pays_rooms_entered_for_the_first_time():
    rooms = ["hall", "attic", "hall", "attic", "cellar"]
    assert pay("discovery", walk(rooms)) == [0.0, 0.1, 0.0, 0.0, 0.1]


def test_discovery_makes_every_win_worth_one():
    # two new rooms pay 0.1 each; the winning turn, 0.1 for its room, gets 0.8 more
    won = walk(["attic", "cellar"], won=True)
    assert pay("discovery", won) == pytest.approx([0.1, 0.9])
    assert pay("discovery", walk(["hall"], won=True)) == [1.0]


def test_discovery_stops_paying_at_its_limit():
    paid = pay("discovery", walk([f"room {i}" for i in range(30)]))
    assert math.isclose(sum(paid), 0.9)
    assert paid[:9] == pytest.approx([0.1] * 9)
    assert paid[10:] == [0.0] * 20


def test_subgoal_pays_each_text_once_when_the_world_says_it():
    played = episode(
        turn(seen="You can OPEN it."),  # before any turn: nobody caused it
        turn(seen="You open the box."),
        turn(seen="You open the box. You take the coin."),
        final="You open and take.",
    )
    # `open` in the answer to turn 0, `take` in that to turn 1, then nothing is left
    assert pay("subgoal", played) == [0.5, 0.5, 0.0]
    assert pay("subgoal", played, goals=["box", "coin", "x", "c"]) == [0.5, 0.5, 0]


def test_potential_by_hand():
    # phi 0, 1/2, 1/4 and 0 at the end; 0.9 * 1/2 - 0, 0.9 * 1/4 - 1/2, 0 - 1/4
    played = episode(*(turn(progress=p) for p in (0.5, 0.25, 1.0)))
    assert pay("potential", played) == pytest.approx([0.45, -0.275, -0.25])
    started = pay("potential", episode(turn(score=3.0)), fact="score", start=2.0)
    assert started == [-2.0]


def test_costs_by_hand():
    odd = turn(said="x" * 150, valid_action=False)
    played = episode(turn(), odd, turn(said=" take it \n"), turn(said="a\nb"))
    assert pay("step_cost", played) == [-1.0, -1.0, -1.0, -1.0]
    assert pay("invalid_action", played) == [0.0, -1.0, 0.0, 0.0]
    assert pay("format", played) == [0.0, 0.0, 0.0, -1.0]
    # 150 characters are half way between 100, which are free, and 200, which cost 1
    assert pay("length", played) == [0.0, -0.5, 0.0, 0.0]
    assert pay("length", played, free=0, limit=2)[0] == -1.0  # `go` has two


def test_format_takes_any_pattern():
    tags = episode(turn(said="<a>go\nup</a>"), turn(said="so: <a>go</a>"))
    assert pay("format", tags, pattern=r"<a>[^<]+</a>") == [0.0, -1.0]


# ---- what holds for all ------------------------------------------------------------


@pytest.mark.parametrize("name", TERMS)
def test_an_episode_without_turns_is_paid_nothing(name):
    assert pay(name, episode(reason=StopReason.CONTEXT_LIMIT)) == []


@pytest.mark.parametrize("name", TERMS)
def test_the_record_stays_as_it_was(name):
    played = scores([1, 2], most=2, won=True)
    first = pay(name, played)
    TERMS[name](played, **SETTINGS.get(name, {}))[0] += 5.0
    assert pay(name, played) == first
    assert played.turn_rewards == [1.0, 1.0]


@settings(max_examples=40)
@given(lost=episodes(), won=episodes())
@pytest.mark.parametrize("name", ["success", "progress", "discovery"])
def test_a_loss_never_earns_more_than_a_win(name, lost, won):
    assume(won.won and not lost.won)
    assert sum(pay(name, won)) == pytest.approx(1.0)
    assert sum(pay(name, lost)) <= 1.0 + 1e-9


@given(played=episodes())
@pytest.mark.parametrize("name", COSTS)
def test_costs_cannot_be_earned(name, played):
    assert all(-1.0 <= r <= 0.0 for r in pay(name, played))


@given(played=episodes(max_turns=12))
def test_subgoals_cannot_be_farmed(played):
    assert sum(pay("subgoal", played, goals=["room", "end"])) <= 1.0


def test_the_papers_inverted_case():
    # Its code pays a lost game 1 for each of 7 milestones, and a won one 1/8 for each
    # of 8: to fail at the last step earns seven times more than to win.
    won, lost = scores(range(1, 9), most=8, won=True), scores(range(1, 8), most=8)
    assert sum(pay("game", lost)) == 7.0
    assert sum(pay("progress", lost)) == 0.875
    assert sum(pay("progress", won)) == 1.0


# ---- potentials leave the best policy as it is ---------------------------------------

STATES, ACTIONS, TURNS = 3, 2, 3
numbers = st.integers(-3, 3).map(float)


@given(
    moves=st.lists(st.integers(0, STATES - 1), min_size=6, max_size=6),
    rewards=st.lists(numbers, min_size=6, max_size=6),
    phi=st.lists(numbers, min_size=3, max_size=3),
    discount=st.sampled_from([0.5, 0.9, 1.0]),
)
def test_potential_keeps_the_order_of_all_plans(moves, rewards, phi, discount):
    """Every plan of a small world, from every state: shaped minus plain is -phi."""
    mix = Mix({"game": 1.0, "potential": {"discount": discount, "start": phi[0]}})
    plans = list(product(range(ACTIONS), repeat=TURNS))
    played, paths = [], []
    for plan in plans:
        state, turns, path = 0, [], [0]
        for action in plan:
            reward, state = rewards[2 * state + action], moves[2 * state + action]
            turns.append(turn(reward=reward, progress=phi[state]))
            path.append(state)
        played.append(episode(*turns))
        paths.append(path)
    scored = mix.score(played)
    for row, path, e in zip(scored.turn_rewards, paths, played, strict=True):
        for k in range(TURNS):
            shaped, plain = to_go(row, discount, k), to_go(e.turn_rewards, discount, k)
            assert shaped - plain == pytest.approx(-phi[path[k]], abs=1e-9)
    best = [to_go(e.turn_rewards, discount) for e in played]
    shaped = [to_go(row, discount) for row in scored.turn_rewards]
    assert best[shaped.index(max(shaped))] == pytest.approx(max(best))


def to_go(rewards, discount, start=0):
    return sum(discount**i * r for i, r in enumerate(rewards[start:]))


def test_a_bonus_that_is_no_potential_changes_what_is_best():
    # a way around that passes the bonus twice beats the win: Ng et al., section 1
    @turn_term
    def in_attic(turn):
        return turn.info["room"] == "attic"

    mix = Mix({"success": 1.0, "in_attic": 0.6})
    circles, wins = walk(["attic", "hall", "attic"]), walk(["attic"], won=True)
    assert list(mix.score([circles, wins]).returns) == pytest.approx([1.2, 1.6])
    longer = walk(["attic", "hall"] * 3)
    assert mix.score([longer]).returns[0] > 1.6


# ---- bad input ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("progress", "score"),
        ("progress", "max_score"),
        ("discovery", "room"),
        ("discovery", "first_room"),
        ("invalid_action", "valid_action"),
        ("potential", "progress"),
    ],
)
def test_a_missing_fact_is_named(name, fact):
    bare = turn()
    info = {k: v for k, v in bare.info.items() if k != fact}
    played = episode(turn(), type(bare)(**facts_of(bare) | {"info": info}))
    with pytest.raises(RewardError, match=f"'{fact}' is not recorded") as caught:
        pay(name, played)
    assert caught.value.turn == 1


def facts_of(made):
    return {"observation": "", "completion": "go", "action": "go", "reward": 0.0}


def test_a_missing_progress_says_how_to_get_it():
    bare = turn()
    played = episode(type(bare)(**facts_of(bare) | {"info": {"score": 1.0}}))
    with pytest.raises(RewardError, match="progress=True"):
        pay("potential", played)


def test_points_that_cannot_be_gained():
    with pytest.raises(RewardError, match="max_score"):
        pay("progress", scores([0], most=0))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("subgoal", {"goals": []}),
        ("subgoal", {"goals": "a text"}),
        ("subgoal", {"goals": ["a", ""]}),
        ("format", {"pattern": "("}),
        ("length", {"free": 5, "limit": 5}),
        ("length", {"free": -1}),
    ],
)
def test_impossible_settings(name, settings):
    with pytest.raises(ConfigError):
        pay(name, walk(["hall"]), **settings)


# ---- terms of your own -------------------------------------------------------------


def test_a_function_of_a_turn_is_a_term():
    @turn_term
    def polite(turn, word="please"):
        return word in turn.completion

    played = episode(turn(said="please go"), turn(said="go"))
    assert list(Mix({"polite": 1}).score([played]).per_turn) == [1.0, 0.0]
    other = Mix({"polite": {"weight": 1, "word": "go"}})
    assert list(other.score([played]).per_turn) == [1.0, 1.0]


def test_a_function_of_an_episode_is_a_term():
    @term
    def brief(episode):
        return [1.0 / len(episode.turns)] * len(episode.turns)

    assert list(Mix({"brief": 1}).score([walk("ab")]).per_turn) == [0.5, 0.5]


def test_a_term_can_be_defined_again():
    term(lambda e: [1.0] * len(e.turns), name="mine")
    term(lambda e: [2.0] * len(e.turns), name="mine")
    assert Mix({"mine": 1}).score([walk("a")]).returns[0] == 2.0


@pytest.mark.parametrize("name", ["success", "density", "sparse", ""])
def test_names_that_are_taken(name):
    def other(episode):
        return []

    other.__name__ = name
    with pytest.raises(ConfigError, match="cannot be called"):
        term(other)
    assert set(PLAIN) < set(TERMS)
