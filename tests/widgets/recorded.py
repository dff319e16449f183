"""Episodes written down by hand."""

from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn

ATTACK = "<script>alert(1)</script>"


class Letters:
    """Stands for a tokenizer: a token is a letter, its number that of the letter."""

    all_special_ids = ()

    def decode(self, ids, **_):
        return "".join(map(chr, ids))


def turn(seen, said, reward=0.0, *, logp=None, room="", **fields):
    """Return a turn; with `logp` it was sampled by a model, a token per letter."""
    ids = tuple(map(ord, said)) if logp is not None else ()
    sampled = {
        "observation_ids": tuple(map(ord, seen)) if ids else (),
        "action_ids": ids,
        "logprobs": (logp,) * len(ids) if ids else (),
    }
    info = {"room": room, "first_room": "hall"} if room else {}
    facts = {"action": said, "completion": said, "reward": reward, "info": info}
    return Turn(**{"observation": seen, **facts, **sampled, **fields})


def episode(*turns, won=False, seed=1, env="house", **fields):
    """Return an episode that ends with the words `The end.`"""
    stop = StopReason.WON if won else StopReason.TURN_LIMIT
    known = {"stop_reason": stop, "final_observation": "The end."}
    task = Task(env=env, seed=seed)
    return Episode(**{"task": task, "turns": turns, **known, **fields})


def played(text, *, logp=None, won=False, answers=None, **fields):
    """Return an episode of commands, one letter each; the way there is the situation.

    `s` stays where one is, so that what follows is the situation from before.
    """
    turns, way = [], ""
    for letter in text:
        seen = (answers or {}).get(way, f"You came by {way or 'no way'}.")
        turns.append(turn(seen, letter, logp=logp))
        way += "" if letter == "s" else letter
    return episode(*turns, won=won, **fields)
