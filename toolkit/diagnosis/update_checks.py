"""What to look for in the updates: numbers, gradients, the critic, time.

A check reads a `History` and says what it saw and since which step, or `None` if there
is nothing to see. Its keyword arguments are its thresholds. Where several of the last
updates are asked for, one strange batch is not to raise an alarm.
"""

from __future__ import annotations

from functools import partial
from operator import gt, lt
from statistics import median

from toolkit.diagnosis.findings import Finding, Seen, moved, one_line, percent
from toolkit.diagnosis.history import (
    RECENT,
    Event,
    History,
    change,
    log_of,
    mean,
    number,
    recent,
    start_and_now,
    tail,
)

STEPS = 60
"""What `TrainConfig` does if it is not told how many; settings that are the default
are not in the events."""


# ---- the run breaks ----------------------------------------------------------------


def not_finite(run: History, *, updates: int = 3) -> Seen:
    """Look for NaN and infinity, which events hold as `null`.

    A gradient norm may overflow now and then in fp16, where the scaler skips the step;
    `updates` in a row may not.
    """
    unsure = [(r["step"] + 1, float(_is_unsure(r))) for r in run.rollouts]
    if lost := tail(unsure, bool):
        since = lost[0][0]
        return Finding(since, f"The policy gives no probabilities since step {since}.")
    for name in ("loss", "entropy", "kl", "value_loss", "grad_norm"):
        gone = [(u["step"], float(log_of(u).get(name, 0) is None)) for u in run.updates]
        lost = tail(gone, bool)
        if len(lost) >= (updates if name == "grad_norm" else 1):
            since, what = lost[0][0], name.replace("_", " ")
            return Finding(since, f"The {what} is no finite number since step {since}.")
    if "`nan`" in run.failure:
        return Finding(run.step, f"The run failed: {one_line(run.failure)}")
    return None


def memory(run: History, *, share: float = 0.92) -> Seen:
    """Look for a GPU that is nearly full, or was too small."""
    if "OutOfMemory" in run.failure or run.failure.startswith("MemoryError"):
        seen = f"The memory was used up after step {run.step}."
        return Finding(run.step, seen)
    used = [
        (update["step"], value)
        for update in run.updates
        if (value := number(update.get("gpu_memory"))) is not None
    ]
    if used and (most := max(value for _, value in used)) >= share:
        since = next(step for step, value in used if value >= share)
        return Finding(since, f"{percent(most)} of the GPU's memory are in use.")
    return None


def failed(run: History) -> Seen:
    """Look for an error that ended the run."""
    if not run.failure:
        return None
    return Finding(
        run.step, f"The run failed after step {run.step}: {one_line(run.failure)}"
    )


# ---- the policy --------------------------------------------------------------------


def learning_rate(
    run: History,
    *,
    valid: float = 0.5,
    entropy: float = 4.0,
    norm: float = 10.0,
    clipped: float = 0.3,
    kl: float = 2.0,
) -> Seen:
    """Look for steps that destroy: what fell apart between two updates, or jumped.

    Commands lose their form (the share of valid ones falls below `valid` of the best,
    and success with it), the entropy is `entropy` times that of the start, gradient
    norms are `norm` times what they were, `clipped` of the tokens leave the trust
    region, or the policy is `kl` nats a token away from its start.
    """
    rates = run.of_rollouts("valid_rate")
    best = max((rate for _, rate in rates), default=0.0)
    lost = tail(rates, partial(gt, valid * best))
    success = [value for _, value in run.of_rollouts("success")]
    before, now = success[: -len(lost) or None], success[-len(lost) :]
    if len(lost) >= 2 and mean(now) <= valid * mean(before):
        seen = f"Commands that the world understands fell from {percent(best)} to "
        share = percent(mean([rate for _, rate in lost]))
        return Finding(lost[0][0], f"{seen}{share} at step {lost[0][0]}.")
    for series, name, unit, factor in (
        (run.of_rollouts("entropy"), "The entropy", "nats", entropy),
        (run.of_updates("grad_norm"), "The gradient norm", "", norm),
    ):
        ends = start_and_now(series)
        if ends is not None and ends[0] > 0 and ends[1] > factor * ends[0]:
            return moved(series, name, ends, unit, factor)
    for key, limit, what in (
        ("clip_ratio/region_mean", clipped, "share of tokens out of the trust region"),
        ("kl", kl, "distance to the start, in nats a token,"),
    ):
        high = tail(run.of_updates(key), partial(lt, limit))
        if len(high) >= 3:
            level = mean([value for _, value in high])
            seen = f"The {what} is {level:.2g} since step {high[0][0]}."
            return Finding(high[0][0], seen)
    return None


def no_gradient(
    run: History, *, norm: float = 1e-7, updates: int = 3, share: float = 0.75
) -> Seen:
    """Look for updates that change nothing although groups differ."""
    flat = tail(run.of_updates("grad_norm"), lambda value: value < norm)
    silent = recent(run.of_rollouts("silent_groups"), max(1, len(flat)))
    if len(flat) < updates or not silent or mean(silent) >= share:
        return None
    seen = f"The gradient is 0 since step {flat[0][0]}, though groups differ."
    return Finding(flat[0][0], seen)


def entropy_collapse(
    run: History, *, factor: float = 0.25, success: float = 0.8
) -> Seen:
    """Look for a policy that stopped to explore before it was good."""
    series = run.of_rollouts("entropy")
    ends = start_and_now(series)
    if ends is None or ends[1] >= factor * ends[0]:
        return None
    if mean(recent(run.of_rollouts("success"))) >= success:
        return None
    return moved(series, "The entropy", ends, "nats a token", factor)


def sampler_mismatch(
    run: History, *, gap: float = 0.1, ratio: float = 0.2, updates: int = 3
) -> Seen:
    """Look for tokens that are trained under other probabilities than sampled."""
    gaps = run.of_updates("sampling/sampling_logp_difference/mean")
    far = tail(gaps, lambda value: value > gap)
    if len(far) >= updates:
        level = mean([value for _, value in far])
        seen = f"Log-probabilities at training and at sampling differ by {level:.2g} "
        return Finding(far[0][0], f"{seen}nats a token since step {far[0][0]}.")
    ratios = run.of_updates("sampling/importance_sampling_ratio/mean")
    far = tail(ratios, lambda value: abs(value - 1) > ratio)
    if len(far) < updates:
        return None
    level = mean([value for _, value in far])
    seen = f"The importance ratio is {level:.2f} on average since step {far[0][0]}."
    return Finding(far[0][0], seen)


def useless_critic(run: History, *, variance: float = 0.0, updates: int = 20) -> Seen:
    """Look for a critic that foresees nothing."""
    warmup = number(run.config.get("value_warmup_steps")) or 0
    known = [p for p in run.of_updates("explained_variance") if p[0] > warmup]
    known = known[-updates:]
    level = mean([value for _, value in known])
    if len(known) < updates or level > variance:
        return None
    since = known[0][0]
    seen = f"The critic explains {percent(level)} of what is earned since step {since}."
    return Finding(since, seen)


# ---- progress ----------------------------------------------------------------------


def too_slow(run: History, *, share: float = 0.9, updates: int = 3) -> Seen:
    """Look for a run that the clock ends, or will end, before its last step."""
    steps = number(run.config.get("max_steps")) or STEPS
    minutes = number(run.config.get("stop_after_minutes"))
    if run.end.get("reason") == "time" and run.step < share * steps:
        seen = f"The clock ended the run at step {run.step} of {steps:.0f}"
        return Finding(run.step, f"{seen} ({_slowest(run)}).")
    spent = [number(u.get("seconds")) for u in run.updates]
    known = [s for s in spent if s is not None]
    if run.end or minutes is None or len(known) < updates:
        return None
    left = max(0.0, 60 * minutes - run.seconds)
    reached = run.step + left / max(1e-9, median(known[-RECENT:]))
    if reached >= share * steps:
        return None
    seen = f"At this pace the clock ends the run near step {reached:.0f} of "
    return Finding(run.step, f"{seen}{steps:.0f} ({_slowest(run)}).")


def plateau(
    run: History, *, rollouts: int = 40, gain: float = 0.02, success: float = 0.8
) -> Seen:
    """Look for success that stays where it is."""
    series = run.of_rollouts("success")[-rollouts:]
    if len(series) < rollouts:
        return None
    values = [value for _, value in series]
    more, errors = change(values)
    if more > gain or errors > 1 or mean(values) >= success:
        return None
    since = series[0][0]
    return Finding(since, f"Success is {mean(values):.2f} since step {since}.")


# ---- notes -------------------------------------------------------------------------


def loss_zero(run: History, *, loss: float = 1e-3, norm: float = 1e-6) -> Seen:
    """Look for a loss that looks like nothing, with a gradient that is something."""
    losses = [abs(v) for v in recent(run.of_updates("loss"))]
    norms = recent(run.of_updates("grad_norm"))
    if not losses or not norms or median(losses) >= loss or median(norms) <= norm:
        return None
    seen = (
        f"The loss is {median(losses):.1g} and the gradient norm {median(norms):.2g}."
    )
    return Finding(run.updates[0]["step"], seen)


# ---- helpers -----------------------------------------------------------------------


def _is_unsure(rollout: Event) -> bool:
    """Whether tokens were sampled from probabilities that are no numbers."""
    sampled = number(rollout.get("action_tokens")) or 0
    return sampled > 0 and rollout.get("entropy", 0) is None


def _slowest(run: History) -> str:
    """Say what takes most of the time."""
    parts = {
        "choosing commands": "policy_s",
        "waiting for worlds": "env_s",
        "the loss": "loss_s",
        "the update": "update_s",
    }
    spent = {
        what: sum(number(u.get(key)) or 0.0 for u in run.updates)
        for what, key in parts.items()
    }
    what = max(spent, key=lambda name: spent[name])
    return f"most of the time goes into {what}"
