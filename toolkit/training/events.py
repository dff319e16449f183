r"""What happened in a run, as an append-only file of JSON lines.

Every line has `event`, `time` (seconds since the epoch) and, where it makes sense,
`step` (optimiser steps done so far). After a resume, steps since the checkpoint
appear again: the later line counts.

| event | more fields |
|---|---|
| `run_started`, `resumed` | `config`, `versions`, `tasks` |
| `rollout` | `groups`: per game `task`, `returns`, `won`, `turns`, `broken`; `success`, `mean_turns`, `mean_return`, `valid_rate`, `silent_groups` (share without a difference), `entropy` (of sampled tokens, in nats), `action_tokens`, `tokens`, `stop_reasons`, `worlds` (crashes, time-outs, …), `policy_s`, `env_s`, `total_s` |
| `step` | `log`: TRL's metrics; `seconds` of the whole step, of the loss (`loss_s`), backward and optimiser (`update_s`) |
| `checkpoint` | `path` |
| `evaluation` | `name`, `result` |
| `interrupted`, `finished` | `reason`, `minutes` |
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any


class EventLog:
    """Appends events to a file; one flushed line each, so a kill loses nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, event: str, **fields: Any) -> None:
        """Append one event; numbers that are not finite become `null`."""
        line = {"event": event, "time": round(time.time(), 3), **fields}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_finite(line), allow_nan=False, default=str) + "\n")


def read_events(path: Path) -> list[dict[str, Any]]:
    """Read a run's events; a last line cut off by a kill is left out."""
    if not path.exists():
        return []
    events = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return events


def steps_of(events: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    """Return the events of one kind, one per step, the latest of each."""
    latest = {e["step"]: e for e in events if e["event"] == event}
    return [latest[step] for step in sorted(latest)]


def _finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not know."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return value
