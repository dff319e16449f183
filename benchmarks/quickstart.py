"""What the quickstart learns, for several seeds: `python -m benchmarks.quickstart`.

Every seed is the whole `toolkit quickstart`, with time enough that no step is left
out. The results go to `results/quickstart.json` and, as a page, to `quickstart.md`.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "quickstart.json"
PAGE = HERE / "quickstart.md"
NOTES = HERE / "quickstart_notes.md"


def main() -> None:
    """Run the seeds that are asked for and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    seeds = parser.parse_args().seeds
    from toolkit.quickstart import quickstart

    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for seed in seeds:
        folder = quickstart(seed=seed, minutes=None, out=f"runs/seed-{seed}").parent
        report = json.loads((folder / "report.json").read_text())
        results[str(seed)] = {**report, "load": os.getloadavg()[0]}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(page(results))


def page(results: dict[str, Any]) -> str:
    """Return the page of the results, the hand-written notes at its end."""
    rows = [
        _row(seed, name, results[seed]) for seed in sorted(results) for name in EXAMS
    ]
    any_report = next(iter(results.values()))
    versions = ", ".join(f"{k} {v}" for k, v in any_report["versions"].items())
    return f"""# What the quickstart learns

Made by `python -m benchmarks.quickstart` from `results/quickstart.json`. Each line is
100 held-out games (TextWorld seeds 1 to 100), played before and after training;
in brackets the 95 % Wilson interval, then the paired difference with its bootstrap
interval.

| seed | exam | before | after | difference | minutes |
|---|---|---|---|---|---|
{chr(10).join(rows)}

Settings: `{json.dumps(any_report["settings"])}`. Versions: {versions}.

{NOTES.read_text() if NOTES.exists() else ""}"""


EXAMS = ("unseen mazes, sampled", "unseen mazes, greedy", "paper's games, greedy")


def _row(seed: str, name: str, report: dict[str, Any]) -> str:
    """Return one line of the table."""
    exam = report["all"][name]
    before, after, change = exam["before"], exam["after"], exam["comparison"]
    return (
        f"| {seed} | {name} | {_share(before)} | {_share(after)} | "
        f"{change['points']:+.0f} points "
        f"({change['low']:+.0f} to {change['high']:+.0f}) | "
        f"{report['minutes']:.1f} |"
    )


def _share(result: dict[str, Any]) -> str:
    return f"{result['success']:.2f} ({result['low']:.2f}–{result['high']:.2f})"


if __name__ == "__main__":
    main()
