"""Events of runs that never were."""


def rollout(k, **facts):
    """The episodes of step `k + 1`: half of 32 are won."""
    won = {"won": 16, "turn_limit": 16}
    usual = {
        "success": 0.5,
        "mean_turns": 10.0,
        "mean_return": 0.5,
        "valid_rate": 0.95,
        "silent_groups": 0.0,
        "reward_failed": 0,
        "reward_warnings": [],
        "terms": {"success": {"mean": 0.5, "spread": 1.0}},
        "entropy": 0.2,
        "action_tokens": 960,
        "stop_reasons": won,
    }
    return {"event": "rollout", "time": 10.0 * k, "step": k, **usual, **facts}


def update(k, *, log=(), **facts):
    """Step `k + 1`, of 10 seconds."""
    usual = {"loss": 0.01, "grad_norm": 0.8, "entropy": 0.2}
    usual["sampling/sampling_logp_difference/mean"] = 1e-6
    spent = {"policy_s": 5.0, "env_s": 3.0, "loss_s": 1.0, "update_s": 1.0}
    return {
        "event": "step",
        "time": 10.0 * (k + 1),
        "step": k + 1,
        "seconds": 10.0,
        **spent,
        "gpu_memory": None,
        "log": {**usual, **dict(log)},
        **facts,
    }


def run_of(n, *, rollouts=lambda k: {}, log=lambda k: {}, end=None, facts=(), **config):
    """The events of `n` steps; what is given changes what is usual."""
    events = [{"event": "run_started", "time": 0.0, "step": 0, "config": config}]
    for k in range(n):
        events.append(rollout(k, **rollouts(k)))
        events.append(update(k, log=log(k), **dict(facts)))
    last = {"time": 10.0 * n, "step": n, "minutes": n / 6}
    return [*events, {**last, **end}] if end else events


def ended(event, reason):
    return {"event": event, "reason": reason}


def ends(**counts):
    return {"stop_reasons": counts}
