"""What to look for in the episodes: worlds, rewards, groups, commands.

A check reads a `History` and says what it saw and since which step, or `None` if there
is nothing to see. Its keyword arguments are its thresholds. Where several of the last
rollouts are asked for, one strange batch is not to raise an alarm.
"""

from __future__ import annotations

from collections import Counter

from toolkit.diagnosis.findings import Finding, Seen, moved, one_line, percent, too_many
from toolkit.diagnosis.history import (
    RECENT,
    History,
    change,
    ends_of,
    mapping,
    mean,
    number,
    recent,
    start_and_now,
    tail,
    texts,
)

BROKEN = ("environment_error", "environment_timeout")


# ---- worlds and rewards that break --------------------------------------------------


def dead_environment(run: History, *, share: float = 0.2) -> Seen:
    """Look for worlds that crash or hang."""
    ends: Counter[str] = Counter()
    for rollout in run.rollouts[-RECENT:]:
        ends += ends_of(rollout)
    kinds = " and ".join(f"{ends[k]} {k}" for k in BROKEN if ends[k])
    seen = f"of the episodes broke ({kinds})"
    return too_many(run.share_of_ends(*BROKEN), share, seen)


def reward_fails(run: History, *, share: float = 0.2) -> Seen:
    """Look for reward terms that give no number."""
    shares = []
    for rollout in run.rollouts:
        bad = number(rollout.get("reward_failed"))
        total = sum(ends_of(rollout).values())
        if bad is not None and total:
            shares.append((rollout["step"] + 1, bad / total))
    return too_many(shares, share, "of the episodes got no reward")


# ---- the reward --------------------------------------------------------------------


def weights_cancel(run: History, *, rollouts: int = 2) -> Seen:
    """Look for terms that differ in a sum that does not; the trainer says so."""
    said = [
        (r["step"] + 1, [t for t in texts(r.get("reward_warnings")) if "cancel" in t])
        for r in run.rollouts
    ]
    cancelled = tail([(step, float(bool(t))) for step, t in said], bool)
    if len(cancelled) < rollouts:
        return None
    since, what = cancelled[0][0], one_line(said[-1][1][0]).rstrip(".")
    return Finding(since, f"{what}, since step {since}.")


def hacking(
    run: History, *, rollouts: int = 12, errors: float = 2.5, share: float = 0.05
) -> Seen:
    """Look for a return that rises while success does not."""
    pairs = [
        (r["step"] + 1, number(r.get("mean_return")), number(r.get("success")))
        for r in run.rollouts
    ]
    known = [(n, r, s) for n, r, s in pairs if r is not None and s is not None][-20:]
    if len(known) < rollouts:
        return None
    gain, certain = change([r for _, r, _ in known])
    more, _ = change([s for _, _, s in known])
    level = max(abs(r) for _, r, _ in known)
    won = mean([s for *_, s in known])
    if certain < errors or gain < share * level or more > 0 or won > 0.9:
        return None
    return Finding(
        known[0][0],
        f"The mean return rose by {gain:.2g} since step {known[0][0]}, "
        f"success changed by {100 * more:+.0f} points.",
    )


def saturated_term(run: History, *, rollouts: int = 15, share: float = 0.05) -> Seen:
    """Look for a reward term that pays every episode the same."""
    last = run.rollouts[-rollouts:]
    kept = [mapping(r.get("terms")) for r in last]
    if len(kept) < rollouts or mean(recent(run.of_rollouts("success"))) > 0.9:
        return None
    returns = [abs(r) for r in recent(run.of_rollouts("mean_return"), rollouts)]
    for name in kept[-1]:
        facts = [mapping(terms.get(name)) for terms in kept]
        means = [number(f.get("mean")) for f in facts]
        known = [m for m in means if m is not None]
        differs = any(number(f.get("spread")) != 0 for f in facts)
        if len(known) == rollouts and not differs:
            paid = mean(known)
            if abs(paid) > share * max(mean(returns), 1e-9):
                since = last[0]["step"] + 1
                seen = f"The term {name} pays every episode {paid:.2g} since step "
                return Finding(since, f"{seen}{since}.")
    return None


# ---- groups without a difference ----------------------------------------------------


def silent_too_easy(run: History, *, share: float = 0.75, rollouts: int = 3) -> Seen:
    """Look for silent groups that win."""
    return _silent(run, "too easy", share, rollouts)


def silent_no_exploration(
    run: History, *, share: float = 0.75, rollouts: int = 3
) -> Seen:
    """Look for silent groups of a policy that always does the same."""
    return _silent(run, "all alike", share, rollouts)


def silent_too_hard(run: History, *, share: float = 0.75, rollouts: int = 3) -> Seen:
    """Look for silent groups that lose."""
    return _silent(run, "too hard", share, rollouts)


def silent_mixed(run: History, *, share: float = 0.75, rollouts: int = 3) -> Seen:
    """Look for silent groups of other kinds."""
    return _silent(run, "mixed", share, rollouts)


def _silent(run: History, kind: str, share: float, rollouts: int) -> Seen:
    """Look for groups without any advantage, of one kind."""
    silent = tail(run.of_rollouts("silent_groups"), lambda s: s >= share)
    if len(silent) < rollouts or _kind_of_silence(run) != kind:
        return None
    since, shares = silent[0][0], [s for _, s in silent]
    success = mean(recent(run.of_rollouts("success")))
    entropy = mean(recent(run.of_rollouts("entropy")))
    how = f"entropy {entropy:.2g}" if kind == "all alike" else f"success {success:.2f}"
    seen = f"{percent(mean(shares))} of the groups teach nothing since step {since}"
    return Finding(since, f"{seen} ({how}).")


def _kind_of_silence(run: History) -> str:
    """Say why the episodes of a group are worth the same."""
    success = mean(recent(run.of_rollouts("success")))
    entropy = recent(run.of_rollouts("entropy"))
    if success >= 0.9:
        return "too easy"
    if entropy and mean(entropy) < 0.02:  # e^0.02: a second choice in 1 token of 50
        return "all alike"
    return "too hard" if success <= 0.1 else "mixed"


# ---- episodes ----------------------------------------------------------------------


def token_limit(run: History, *, share: float = 0.3) -> Seen:
    """Look for episodes that the token limit cuts."""
    ends = run.share_of_ends("token_limit")
    return too_many(ends, share, "of the episodes were cut by the token limit")


def context_limit(run: History, *, share: float = 0.3) -> Seen:
    """Look for episodes that do not fit into the context."""
    ends = run.share_of_ends("context_limit")
    return too_many(ends, share, "of the episodes did not fit into the context")


def turn_limit(
    run: History, *, share: float = 0.8, success: float = 0.2, rollouts: int = 5
) -> Seen:
    """Look for games that are not over when the turns are."""
    late = tail(run.share_of_ends("turn_limit"), lambda s: s >= share)
    if len(late) < rollouts or mean(recent(run.of_rollouts("success"))) > success:
        return None
    return Finding(
        late[0][0],
        f"{percent(mean([s for _, s in late]))} of the episodes ran out of turns since"
        f" step {late[0][0]}.",
    )


def invalid_commands(run: History, *, share: float = 0.6, rollouts: int = 5) -> Seen:
    """Look for commands that the world does not understand."""
    bad = tail(run.of_rollouts("valid_rate"), lambda rate: rate < share)
    if len(bad) < rollouts:
        return None
    level = mean([1 - rate for _, rate in bad])
    return Finding(
        bad[0][0],
        f"{percent(level)} of the commands had no effect since step {bad[0][0]}.",
    )


def length_explosion(run: History, *, factor: float = 2.5) -> Seen:
    """Look for commands that grow."""
    ends = start_and_now(run.tokens_per_turn())
    if ends is None or ends[1] <= factor * ends[0]:
        return None
    return moved(run.tokens_per_turn(), "A command", ends, "tokens", factor)


def length_collapse(run: History, *, factor: float = 0.4) -> Seen:
    """Look for commands that shrink, without a gain."""
    ends = start_and_now(run.tokens_per_turn())
    if ends is None or ends[1] >= factor * ends[0] or _is_rising(run):
        return None
    return moved(run.tokens_per_turn(), "A command", ends, "tokens", factor)


def _is_rising(run: History) -> bool:
    """Whether success is higher than it was."""
    values = [value for _, value in run.of_rollouts("success")]
    return len(values) >= 4 and change(values)[1] > 2
