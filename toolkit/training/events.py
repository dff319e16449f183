"""What happened in a run, as an append-only file of JSON lines.

Every line has `event`, `time` (seconds since the epoch) and `step` (optimiser steps
done so far). After a resume, steps since the checkpoint appear again: the later line
counts. With several processes, the numbers are those of the first process's share;
`groups` are those of all.

TRL's metrics come with `sampling/sampling_logp_difference/mean`, the distance in nats
between a token's log-probability at training and at play; with a critic also with
`value_loss`, `mean_value` and `explained_variance`: the share of the variance of what
was earned from each point on that the critic foresaw.

| event | more fields |
|---|---|
| `run_started`, `resumed` | `config` (settings that are not the default), `versions`, `tasks` (how many different games) |
| `rollout` | `groups`: per game `row` (its number in the run), `task`, `params` (of the task), `returns` (under the training reward, `null` if the world or the reward broke), `won`, `turns`, `broken`; `success`, `mean_turns`, `mean_return`, `valid_rate`, `silent_groups` (share without any advantage), `reward_failed` (episodes left out because a reward term failed), `reward_warnings` (sentences: what failed where, and weights that cancel), `terms` (per reward term the mean it pays an episode, and the spread from the least to the most), `entropy` (of sampled tokens, in nats), `action_tokens`, `tokens`, `greedy_episodes` and `greedy_tokens` (played on top, if the credit compares with greedy play), `stop_reasons`, `worlds` (crashes, time-outs, … since the run began), `policy_s`, `env_s`, `total_s` |
| `step` | `log` (TRL's metrics); `seconds` of the steps since the last such line, and of these: `policy_s` (choosing commands), `env_s` (waiting for worlds), `loss_s`, `update_s` (backward pass and optimiser), `other_s` (all else); `gpu_memory` (largest share needed so far, `null` without a GPU) |
| `checkpoint` | `path`, inside the run's folder |
| `interrupted`, `finished`, `failed` | `reason`, `minutes` |
"""  # noqa: E501  (a table has no line breaks)

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any


class EventLog:
    """Appends events to a file; one flushed line each, so a kill loses nothing.

    Args:
        path: The file; `None` in processes that do not report.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.latest: dict[str, dict[str, Any]] = {}
        """The last event of each kind that was written here."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _end_line(path)

    def write(self, event: str, **fields: Any) -> None:
        """Append one event; numbers that are not finite become `null`."""
        line = {"event": event, "time": round(time.time(), 3), **fields}
        self.latest[event] = line
        if self.path is not None:
            text = json.dumps(_finite(line), allow_nan=False, default=str)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text + "\n")


def read_events(path: Path) -> list[dict[str, Any]]:
    """Read a run's events; a line cut off by a kill is left out."""
    if not path.exists():
        return []
    events = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            continue
    return events


def steps_of(events: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    """Return the events of one kind, one per step, the latest of each."""
    latest = {e["step"]: e for e in events if e["event"] == event}
    return [latest[step] for step in sorted(latest)]


def _end_line(path: Path) -> None:
    """End a line that a kill cut off, so that the next event has its own."""
    if path.exists() and path.read_bytes()[-1:] not in (b"", b"\n"):
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")


def _finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not know."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return value
