"""Run the measurements and write their page: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from toolkit.device import limit_threads

HERE = Path(__file__).parent
QUICK_OUT = Path("runs/benchmarks")
Jobs = dict[str, tuple[str, Callable[[], dict[str, Any]]]]
"""Title and work of measurements, by name."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write `results/*.json`, and draw the page from all of them."""
    given = _parser().parse_args(arguments)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    limit_threads()
    with tempfile.TemporaryDirectory() as folder:
        if given.profile:
            from benchmarks import profile_step
            from benchmarks.rollout import case_of

            episodes = 8 if given.quick else 64
            case = case_of("rollout-maze")
            profile_step.run(case, episodes=episodes, folder=Path(folder))
            return
        out = given.out or (QUICK_OUT if given.quick else HERE)
        measure(out, given.only, quick=given.quick, folder=Path(folder))


def measure(out: Path, only: Sequence[str], *, quick: bool, folder: Path) -> None:
    """Run the wanted measurements one after the other and write the page.

    Args:
        out: Gets `README.md` and `results/`.
        only: Names, or their beginnings; all if empty.
        quick: Tiny sizes.
        folder: For temporary files.
    """
    from benchmarks import page
    from benchmarks.measure import load, surroundings
    from toolkit.errors import DownloadError, ModelError, SandboxError

    (out / "results").mkdir(parents=True, exist_ok=True)
    for name, (title, work) in jobs(quick=quick, folder=folder).items():
        if only and not any(name.startswith(o) for o in only):
            continue
        print(f"{name}: {title}", flush=True)
        about = surroundings()
        try:
            result = work()
        except (DownloadError, ModelError, SandboxError) as error:
            print(f"  skipped: {error}")
            continue
        about["load_after"] = load()
        text = json.dumps(
            {"name": name, "title": title, **result, "on": about}, indent=1
        )
        (out / "results" / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    page.write(out)
    print(f"Written: {out / 'README.md'}")


def jobs(*, quick: bool, folder: Path) -> Jobs:
    """Return title and function of every measurement, by name, worlds first.

    (TextWorld forks; that is cleaner before torch has started threads.)
    """
    from benchmarks import rollout, step, update

    repeats = 1 if quick else 3
    found = _world_jobs(quick=quick, repeats=repeats, folder=folder)
    found |= _repair_jobs(quick=quick, repeats=repeats)
    for case in rollout.CASES:
        if quick:
            if case.policy != "pocket":
                continue
            case = dataclasses.replace(
                case,
                games=2,
                group_size=min(2, case.group_size),
                params={**case.params, "max_turns": 2},
            )
        title = case.title.format(live=case.games * case.group_size)
        found[case.name] = (title, partial(rollout.run, case, repeats=repeats))
    case, steps, episodes = rollout.case_of("rollout-maze"), 10, 64
    if quick:
        steps, episodes = 1, 8
        case = dataclasses.replace(case, params={**case.params, "max_turns": 2})
    found["step"] = (
        f"a training step, pocket, coin_collector, {episodes} episodes",
        partial(step.run, case, steps=steps, episodes=episodes, folder=folder / "run"),
    )
    found["update"] = (
        f"loss and its gradient, pocket, coin_collector, {episodes} episodes",
        partial(
            update.run,
            case,
            episodes=episodes,
            repeats=repeats,
            folder=folder / "update",
        ),
    )
    return found


def _world_jobs(*, quick: bool, repeats: int, folder: Path) -> Jobs:
    """Return the measurements of TextWorld and ALFWorld."""
    from benchmarks import alfworld, worlds
    from benchmarks.textworld_side import build_as_pip_does

    games, turns = (2, 4) if quick else (64, 60)
    run = partial(worlds.run, games=games, turns=turns, repeats=repeats)
    found: Jobs = {}
    for name, admissible in (("worlds", False), ("worlds-admissible", True)):
        what = " with admissible commands" if admissible else ""
        title = f"environment steps, w2-o3-q4, {games} games{what}"
        found[name] = (title, partial(run, admissible=admissible))

    def as_installed() -> dict[str, Any]:
        built = build_as_pip_does(folder / "packages")
        return run(folder=built)

    if not quick:
        title = f"environment steps, w2-o3-q4, {games} games, each as installed"
        found["worlds-installed"] = (title, as_installed)
    household = {"games": 2, "turns": 2} if quick else {"games": 12, "turns": 25}
    for unit in alfworld.GOALS:
        work = partial(alfworld.run, unit, repeats=repeats, **household)
        title = f"{unit} of ALFWorld, {household['games']} games"
        found[f"alfworld-{unit}"] = (title, work)
    return found


def _repair_jobs(*, quick: bool, repeats: int) -> Jobs:
    """Return the measurements of repairs."""
    from benchmarks import swe, swe_tools

    found: Jobs = {}
    for name in ("inflection",) if quick else ("inflection", "humanize"):
        bugs = 2 if quick else 10
        work = partial(swe.run, name, bugs=bugs, repeats=repeats)
        found[f"swe-{name}"] = (f"{bugs} bugs made in {name}", work)
    packages = ("inflection",) if quick else swe_tools.PACKAGES
    tools = partial(swe_tools.run, packages, bugs=1 if quick else 3)
    return found | {"swe-tools": ("tools of a repair", tools)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure speed side by side with other ways to do the same work.",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        help="measurements by name or its beginning: worlds, alfworld, swe, "
        "rollout, rollout-large, rollout-house, rollout-maze, rollout-training, "
        "rollout-smollm2, step, update",
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, to see that everything runs"
    )
    parser.add_argument(
        "--out", type=Path, help=f"folder (default: here; {QUICK_OUT} if quick)"
    )
    parser.add_argument(
        "--profile", action="store_true", help="only print where the time goes"
    )
    return parser


if __name__ == "__main__":
    main()
