"""What happened in a run, as an append-only file of JSON lines.

Every line has `event`, `time` (seconds since the epoch) and `step` (optimiser steps
done so far). After a resume, steps since the checkpoint appear again: the later line
counts. With several processes, the numbers are those of the first process's share;
`groups` are those of all.

TRL's metrics come with `sampling/sampling_logp_difference/mean`, the distance in nats
between a token's log-probability at training and at play; with a critic also with
`value_loss`, `mean_value` and `explained_variance`: the share of the variance of what
was earned from each point on that the critic foresaw.

Beside it lies `samples.jsonl`, in the same form: see `toolkit.training.samples`.

| event | more fields |
|---|---|
| `run_started`, `resumed` | `config` (settings that are not the default), `versions`, `tasks` (how many different games) |
| `rollout` | `groups`: per game `row` (its number in the run), `task`, `params` (of the task), `returns` (under the training reward, `null` if the world or the reward broke), `won`, `turns`, `broken`; `success`, `mean_turns`, `mean_return`, `valid_rate`, `silent_groups` (share without any advantage), `reward_failed` (episodes left out because a reward term failed), `reward_warnings` (sentences: what failed where, and weights that cancel), `terms` (per reward term the mean it pays an episode, and the spread from the least to the most), `entropy` (of sampled tokens, in nats), `action_tokens`, `tokens`, `greedy_episodes` and `greedy_tokens` (played on top, if the credit compares with greedy play), `stop_reasons`, `worlds` (crashes, time-outs, … since the run began), `policy_s`, `env_s`, `total_s` |
| `step` | `log` (TRL's metrics); `seconds` of the steps since the last such line, and of these: `policy_s` (choosing commands), `env_s` (waiting for worlds), `loss_s`, `update_s` (backward pass and optimiser), `other_s` (all else); `gpu_memory` (largest share needed so far, `null` without a GPU) |
| `checkpoint` | `path`, inside the run's folder |
| `paused` | none; training stands still between two batches |
| `continued` | `seconds` (for which it stood still) |
| `reward_changed` | `weights` (of all terms of the reward, in force from the batch of this `step` on), `before` (the same, until then) |
| `evaluated` | `success`, `low`, `high` (95 % interval), `n` (games), `wins`, `broken`, `mean_turns`, `mean_turns_won`, `greedy`, `seed`, `seconds`, of held-out games played with the policy as it was after `step` steps |
| `evaluation_failed` | `reason` |
| `forked` | `source` (folder of the run whose events stand above), `changed` (settings, from this `step` on) |
| `interrupted`, `finished`, `failed` | `reason`, `minutes` |
"""  # noqa: E501  (a table has no line breaks)

from __future__ import annotations

import json
import math
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.episodes.record import Episode
    from toolkit.rewards import Scored


class EventLog:
    """Appends events to a file; one flushed line each, so a kill loses nothing.

    Args:
        path: The file; `None` in processes that do not report.
        on_event: Called with each event, in the thread that writes it. One that raises
            is not called again: training is worth more than its display.
    """

    def __init__(
        self,
        path: Path | None,
        on_event: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.path, self.on_event = path, on_event
        self.latest: dict[str, dict[str, Any]] = {}
        """The last event of each kind that was written here."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _end_line(path)

    def write(self, event: str, **fields: Any) -> None:
        """Append one event; numbers that are not finite become `null`."""
        line = {"event": event, "time": round(time.time(), 3), **fields}
        self.latest[event] = line
        self.copy(line)
        self._tell(line)

    def copy(self, line: dict[str, Any]) -> None:
        """Append an event as it is, with its own time."""
        if self.path is not None:
            text = json.dumps(_finite(line), allow_nan=False, default=str)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text + "\n")

    def beside(self, name: str) -> EventLog:
        """Return a log in the same folder, with the same listener."""
        path = None if self.path is None else self.path.with_name(name)
        return EventLog(path, self.on_event)

    def _tell(self, line: dict[str, Any]) -> None:
        """Pass an event on."""
        if self.on_event is None:
            return
        try:
            self.on_event(line)
        except Exception as error:
            self.on_event = None
            warnings.warn(f"on_event is not called again: {error!r}", stacklevel=3)


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


def rollout_facts(
    rows: Sequence[int],
    episodes: Sequence[Episode],
    scored: Scored,
    advantages: Sequence[Sequence[float]],
) -> dict[str, Any]:
    """Summarise a batch for its `rollout` event.

    Args:
        rows: Number in the run of each of `N` groups.
        episodes: `B` episodes, group after group.
        scored: The same episodes with what each term pays.
        advantages: Of the turns of each episode `(B, K)`.
    """
    size = len(episodes) // len(rows)
    groups = [slice(i, i + size) for i in range(0, len(episodes), size)]
    returns = [None if r is None else sum(r) for r in scored.turn_rewards]
    turns = [t for e in episodes for t in e.turns]
    sampled = [p for t in turns for p in t.logprobs]
    silent = [not any(any(row) for row in advantages[g]) for g in groups]
    return {
        "groups": [
            _group_facts(row, episodes[g], returns[g])
            for row, g in zip(rows, groups, strict=True)
        ],
        "success": _mean([float(e.won) for e in episodes]),
        "mean_turns": _mean([float(len(e.turns)) for e in episodes]),
        "mean_return": _mean([r for r in returns if r is not None]),
        "valid_rate": _mean([float(t.info.get("valid_action", True)) for t in turns]),
        "silent_groups": _mean([float(s) for s in silent]),
        "reward_failed": len({fault.episode for fault in scored.faults}),
        "reward_warnings": scored.warnings(),
        "terms": scored.paid(),
        "entropy": -_mean(sampled),
        "action_tokens": len(sampled),
        "tokens": sum(len(e.ids) for e in episodes),
        "stop_reasons": dict(Counter(e.stop_reason.value for e in episodes)),
    }


def _group_facts(
    row: int, group: Sequence[Episode], returns: Sequence[float | None]
) -> dict[str, Any]:
    """Summarise the episodes of one game."""
    return {
        "row": row,
        "task": group[0].task.id,
        "params": dict(group[0].task.params),
        "returns": list(returns),
        "won": [e.won for e in group],
        "turns": [len(e.turns) for e in group],
        "broken": sum(e.stop_reason.is_broken for e in group),
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


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
