import pytest

from tests.environments.toy_envs import EchoEnv
from tests.models import tiny_policy
from tests.widgets.games import Says, Yard, token
from toolkit.environments.base import make_env, register, tasks
from toolkit.episodes.record import StopReason
from toolkit.episodes.store import load_episodes
from toolkit.errors import TaskError
from toolkit.policies import ExpertPolicy, RandomPolicy
from toolkit.policies.base import Action
from toolkit.widgets.game import Game

assert Yard
register("toy", EchoEnv)


def game(*commands, policy=None, env="gates", plain=False, **params):
    world = make_env(env, **params)
    made = Game(world, policy, tasks(env, n=4)[3], plain=plain)
    for command in commands:
        made.type(command)
    return made


def do(made, do, **request):
    made.handle({"do": do, **request})
    return made.state


def told(made):
    return (made.state.note.kind, made.state.note.text) if made.state.note else None


def played(made):
    return [turn.action for turn in made.episode.turns]


@pytest.mark.parametrize(
    ("commands", "stop"),
    [
        (["x", "apple"], StopReason.WON),
        (["7"], StopReason.LOST),
        (["x"] * 4, StopReason.TURN_LIMIT),
    ],
)
def test_the_game_ends_and_takes_no_more(commands, stop):
    g = game(*commands, "bcd", "bcd", policy=Says())
    for request in ("model", "hint"):
        do(g, request)
    do(g, "what-if", text="bcd")
    assert told(g) is None
    assert g.state.stop is g.episode.stop_reason is stop
    assert played(g) == commands


def test_the_record_is_an_episode_like_any_other():
    g = game("  ", "bcd", "apple")
    assert [t.observation for t in g.episode.turns] == ["gate 3", "1: dcb"]
    assert played(g) == ["bcd", "apple"]
    assert g.episode.total_reward == pytest.approx(0.06 + 1.06)
    assert g.episode.won


def test_after_undo_and_branch_the_world_is_where_it_was():
    g = game("b", "c")
    do(g, "undo")
    g.type("dd")
    assert g.state.point.observation == "2: dd"
    do(g, "branch", turns=0)
    g.type("e")
    assert g.state.point.observation == "1: e"
    do(g, "switch", line=0)
    g.type("f")
    assert g.state.point.observation == "3: f"
    assert played(g) == ["b", "dd", "f"]


def test_what_if_tells_and_plays_nothing():
    g = game("b")
    note = do(g, "what-if", text=" apple ").note
    assert (note.kind, note.command, note.text) == ("what-if", "apple", "2: elppa")
    assert note.reward == pytest.approx(1.06)
    assert played(g) == ["b"]
    g.type("mn")
    assert g.state.point.observation == "2: nm"
    assert g.state.note is None


def test_restart_begins_the_current_line_again():
    g = game("b", "c")
    do(g, "branch", turns=1)
    do(g, "restart")
    assert [len(line) for line in g.state.lines] == [2, 0]
    g.type("d")
    assert g.state.point.observation == "1: d"


def test_the_hint_is_the_experts():
    g = game(env="yard")
    note = do(g, "hint").note
    assert (note.kind, note.command) == ("hint", "apple")
    assert note.text == "1 command from the win"
    g.type("go east")
    g.type("go south")
    assert "no way to win" in do(g, "hint").note.text


def test_choices_and_surroundings_come_with_every_point():
    g = game("go north", env="yard")
    assert g.state.start.choices[0] == "look"
    assert "go north" in g.state.start.choices
    assert "go north" not in g.state.point.choices
    assert g.state.point.around.room == "(0, -1)"
    do(g, "undo")
    g.type("go west")  # by replay, which asks for no choices on its way
    assert g.state.point.choices == ("look", "go north", "go east", "go south")


def test_a_plain_game_works_out_nothing_beyond_the_text():
    g = game("go north", env="yard", plain=True)
    assert g.state.point.choices == ()
    assert g.state.point.around is None


# ---- the policy --------------------------------------------------------------------


def test_the_policy_is_told_what_others_have_played():
    policy = Says("x", "apple", tokens=[token()])
    g = game("b", policy=policy)
    do(g, "model")
    g.type("c")
    do(g, "model")
    so_far = [("gate 3", "b"), ("1: b", "x"), ("2: x", "c")]
    assert policy.seen == ["start", so_far[0], "1: b", "start", *so_far, "3: c"]
    assert [s.who for s in g.state.line] == ["human", "parrot", "human", "parrot"]
    assert g.state.line[1].tokens == (token(),)
    assert g.episode.won
    assert g.episode.policy == "human+parrot"


@pytest.mark.parametrize(
    "answer", [None, [], [None], [Action(text=None)], [Action(text="a")] * 2, 7]
)
def test_a_policy_that_gives_no_answer_is_told_of(answer):
    g = game("b", policy=Says(answer, "apple"))
    do(g, "model")
    kind, text = told(g)
    assert kind == "problem"
    assert "parrot" in text
    assert played(g) == ["b"]
    do(g, "model")
    assert g.episode.won


def test_an_empty_answer_is_a_turn_that_the_world_refuses():
    g = game(policy=Says(""))
    do(g, "model")
    assert told(g) is None
    assert played(g) == [""]


def test_a_policy_that_raises_or_stops_is_told_of():
    full = Action(text="", stop=StopReason.CONTEXT_LIMIT)
    g = game(policy=Says(ValueError("no weights"), [full], "apple"))
    do(g, "model")
    assert told(g) == ("problem", "ValueError: no weights\nNothing was played.")
    do(g, "model")
    assert told(g) == ("problem", "parrot cannot go on: context limit.")
    do(g, "model")
    assert g.episode.won


def test_without_a_policy_there_is_nobody_to_hand_over_to():
    g = game()
    do(g, "model")
    assert "policy=load_policy" in told(g)[1]


def test_scripted_policies_get_the_facts_they_need():
    g = game(env="yard", policy=ExpertPolicy())
    do(g, "model")
    assert g.episode.won
    g = game(env="yard", policy=RandomPolicy())
    do(g, "model")
    assert told(g) is None
    assert played(g)[0] in g.state.start.choices


def test_a_model_is_asked_in_its_own_words_and_draws_anew_each_time():
    g = game("b", policy=tiny_policy(max_action_tokens=4))
    said = set()
    for _ in range(4):
        do(g, "model")
        step = g.state.line[-1]
        assert len(step.tokens) == len(step.turn.action_ids)
        texts = [t.text for t in step.tokens if t.text not in ("<unk>", "<eos>")]
        assert "".join(texts) == step.turn.completion
        said.add(step.turn.completion)
        do(g, "undo")
    assert len(said) > 1


# ---- what goes wrong ---------------------------------------------------------------


def test_a_world_that_breaks_is_told_of_and_made_anew():
    g = Game(make_env("gates", dies=1), None, tasks("gates", n=4)[3])
    for _ in range(2):
        do(g, "type", text="bcd")
    assert told(g) == ("problem", "RuntimeError: the gate fell\nNothing was played.")
    assert played(g) == ["bcd"]
    do(g, "undo")
    assert told(g) is None
    do(g, "type", text="mn")
    assert g.state.point.observation == "1: nm"


def test_a_world_that_ends_the_process_does_not():
    g = game("b", env="yard")
    do(g, "type", text="exit")
    assert "SystemExit: the game ended the process" in told(g)[1]
    do(g, "type", text="apple")
    assert g.episode.won


def test_a_world_that_cannot_start_is_told_of():
    g = Game(make_env("toy/raises"), None, tasks("toy/raises", n=1)[0])
    assert told(g)[1].startswith("RuntimeError: no such game")
    do(g, "type", text="go")
    assert told(g)[0] == "problem"
    assert played(g) == []


def test_a_world_that_answers_otherwise_on_replay_is_told_of():
    g = game("go", "go", env="toy")  # its texts hold random numbers
    do(g, "undo")
    do(g, "type", text="go")
    assert "differs from the record" in told(g)[1]


def test_a_world_of_ones_own_needs_a_task():
    with pytest.raises(TaskError, match="task=task"):
        Game(EchoEnv())
    g = Game(EchoEnv(), None, tasks("toy", n=1)[0])
    g.type("go")
    assert played(g) == ["go"]


def test_without_a_task_the_first_training_game_is_played():
    assert Game(make_env("gates")).state.task == tasks("gates", n=1)[0]


def test_two_games_do_not_share_a_world():
    env = make_env("gates")
    first, second = (Game(env, None, task) for task in tasks("gates", n=2))
    first.type("7")
    second.type("apple")
    assert second.episode.won
    assert first.state.stop is StopReason.LOST


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"do": "dance"},
        {"do": "type"},
        {"do": 3},
        {"do": "branch", "turns": "2"},
        {"do": "branch", "turns": 99},
        {"do": "switch", "line": 5},
    ],
)
def test_unknown_requests_change_nothing(request_):
    g = game("b")
    before = g.state
    g.handle(request_)
    assert g.state == before


def test_games_are_saved_one_after_the_other(tmp_path):
    path = tmp_path / "games" / "mine.jsonl"
    g = Game(make_env("gates"), None, tasks("gates", n=4)[3], path=path)
    g.type("bcd")
    do(g, "save")
    assert told(g) == ("saved", f"Saved to {path} as an episode that was not won.")
    g.type("apple")
    do(g, "save")
    assert told(g) == ("saved", f"Saved to {path} as a demonstration.")
    assert load_episodes(path)[1] == g.episode


def test_a_file_that_cannot_be_written_is_told_of(tmp_path):
    (tmp_path / "file").touch()
    g = Game(make_env("gates"), path=tmp_path / "file" / "a.jsonl")
    do(g, "save")
    assert told(g)[0] == "problem"
