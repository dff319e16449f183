"""The command line: `toolkit quickstart | play | train | evaluate | …`.

Also `python -m toolkit.cli`, which is what `accelerate launch -m toolkit.cli train …`
needs (on several CPU processes `torchrun --nproc_per_node 2 -m toolkit.cli train …`:
accelerate starts those by MPI alone). Everything heavy is imported by the command that
uses it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit import __version__
from toolkit.errors import ConfigError, TaskError, ToolkitError

if TYPE_CHECKING:
    from toolkit.environments.base import Task, TextEnv
    from toolkit.environments.commands import CommandRules
    from toolkit.policies.base import Policy

FAILED = 2
"""Exit code of a `ToolkitError`, and of wrong arguments."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""
WORLD = "such as textworld/w2-o3-q4, or my_module:my_world"
POLICIES = (
    "human, expert, random, pocket, pocket-house, pocket-code, smollm2-135m, a hub id "
    "or a folder"
)
SPLITS = "train, validation, test or demonstration"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments (`None`: those of the process).

    Returns:
        The exit code: 0, `FAILED` or `INTERRUPTED`; `doctor` returns 1 for a broken
        installation, `diagnose` for a run and `check` for a world with a problem.
    """
    parser = _parser()
    args, rest = parser.parse_known_args(argv)
    if rest and args.run is not _train:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    args.rest = rest
    sys.path.append(os.getcwd())  # for worlds such as my_module:my_world
    try:
        return int(args.run(args) or 0)
    except ToolkitError as error:
        print(f"toolkit {args.command}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if error.filename is None:
            raise
        print(
            f"toolkit {args.command}: {error.filename} cannot be used.\n"
            f"Why: {error.strerror}.\nDo: Give another path, or mend this one.",
            file=sys.stderr,
        )
        return FAILED


# ---- commands --------------------------------------------------------------------


def _quickstart(args: argparse.Namespace) -> None:
    from toolkit.quickstart import quickstart

    quickstart(minutes=args.minutes, seed=args.seed, out=args.out)


def _play(args: argparse.Namespace) -> None:
    from toolkit.environments.base import make_env
    from toolkit.policies import HumanPolicy

    policy = _policy(args.policy)
    params = {"goal": args.goal} if args.goal else {}
    task = _task(args.env, args.split, args.seed, params)
    env = make_env(args.env, **params, **dict.fromkeys(policy.needs, True))
    if isinstance(policy, HumanPolicy):
        policy.ask = lambda _: _typed(env.rules)
    try:
        _play_game(env, policy, task)
    finally:
        env.close()


def _train(args: argparse.Namespace) -> None:
    from toolkit.device import is_main_process, limit_threads
    from toolkit.training.run import train_from_file

    if not Path(args.file).is_file():
        raise ConfigError(
            f"There is no file {args.file!r}.",
            "Training takes its settings from a YAML file.",
            "Give its name first: toolkit train FILE.yaml --key value",
        )
    limit_threads()
    run = train_from_file(args.file, args.rest, resume=args.resume)
    if is_main_process():
        print(run)
        if run.stopped == "interrupted":
            print("The same command goes on from here; --no-resume begins anew.")


def _evaluate(args: argparse.Namespace) -> None:
    from toolkit.device import limit_threads
    from toolkit.environments.base import make_env, tasks
    from toolkit.evaluation import evaluate

    limit_threads()
    params = {"goal": args.goal} if args.goal else {}
    games = tasks(args.env, split=args.split, n=args.n, **params)
    policy = _policy(args.policy)
    env = make_env(args.env, **params)
    print(evaluate(policy, env, games, greedy=args.greedy, seed=args.seed))


def _experiment(args: argparse.Namespace) -> None:
    from toolkit.device import is_main_process
    from toolkit.experiments.claims import conclusions
    from toolkit.experiments.page import publish
    from toolkit.experiments.preset import load_preset, preset_path
    from toolkit.experiments.runner import run_experiment

    preset = load_preset(args.name, args.scale)
    result = run_experiment(preset, seeds=args.seeds, out=args.out)
    if is_main_process():
        print(conclusions(result))
        print(f"Page: {publish(result, preset_path(args.name).parent / 'results')}")


def _check(args: argparse.Namespace) -> int:
    from toolkit.environments.checker import check_env

    verdict = check_env(args.env)
    print(verdict)
    return int(not verdict.passed)


def _diagnose(args: argparse.Namespace) -> int:
    from toolkit.diagnosis import diagnose

    found = diagnose(args.path)
    print(found.to_json() if args.json else found)
    return int(found.has_problem)


def _grade(args: argparse.Namespace) -> None:
    from toolkit.lessons.grade import grade

    print(grade(args.notebook, timeout_s=args.timeout).to_json())


def _alfworld(args: argparse.Namespace) -> None:
    from toolkit.environments.alfworld.download import download

    count = download(Path(args.to).expanduser())
    print(f"{count} games. Now set ALFWORLD_DATA={Path(args.to).expanduser()}")


def _swe(args: argparse.Namespace) -> int:
    from toolkit.environments.swe import cli

    return int(getattr(cli, args.what)(args) or 0)


def _doctor(args: argparse.Namespace) -> int:
    from toolkit import doctor

    checks = doctor.inspect()
    print(doctor.as_json(checks) if args.json else doctor.as_text(checks))
    return 0 if doctor.works(checks) else 1


# ---- helpers ---------------------------------------------------------------------


def _numbers(text: str) -> list[int]:
    """Read numbers with commas between them."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError as error:
        message = f"{text!r} is not whole numbers such as 0,1"
        raise argparse.ArgumentTypeError(message) from error


def _policy(name: str) -> Policy:
    """Return a scripted policy by name, or a model."""
    from toolkit.policies import ExpertPolicy, HumanPolicy, RandomPolicy, load_policy

    if name == "human":
        return HumanPolicy(lambda _: input("> "))
    scripted: dict[str, type[Policy]] = {"expert": ExpertPolicy, "random": RandomPolicy}
    return scripted[name]() if name in scripted else load_policy(name)


def _task(env: str, split: str, seed: int | None, params: dict[str, Any]) -> Task:
    """Return the task with this seed, or the first of the split."""
    from toolkit.environments.base import tasks

    choices = tasks(env, split=split, **params)
    found = [t for t in choices if seed in (None, t.seed)]
    if not found:
        raise TaskError(
            f"{env} has no {split} game with seed {seed}.",
            f"Its seeds are {choices[0].seed} to {choices[-1].seed}.",
            "Give one of these, or another --split.",
        )
    return found[0]


def _typed(rules: CommandRules) -> str:
    """Return what a person types, over as many lines as the action needs."""
    while True:
        text = input("> ")
        try:
            while not rules.is_complete(text):
                text = f"{text}\n{input('… ')}"
        except EOFError:  # ends the action, not the game
            print("\nDropped; nothing was played.")
            continue
        return text


def _play_game(env: TextEnv, policy: Policy, task: Task) -> None:
    """Play one game and print it turn by turn."""
    from toolkit.policies.base import Observation

    text, info = env.reset(options={"task": task})
    print(f"{task.id} · {policy.name} plays, {env.max_turns} turns at most", end="")
    print(" · Ctrl-D stops" if policy.name == "human" else "")
    policy.start()
    turn, total, over = 0, 0.0, False
    while not over:
        print(f"\n{text}")
        seen = Observation(episode=0, key=(task.seed,), text=text, info=info)
        try:
            action = policy.act([seen])[0]
        except EOFError:
            break
        if action.stop:
            print(f"The policy stopped: {action.stop.value}.")
            break
        if policy.name != "human":
            print(f"> {action.text.strip()}")
        text, reward, terminated, truncated, info = env.step(action.text)
        turn, total, over = turn + 1, total + reward, terminated or truncated
    outcome = "Won" if info["won"] else "Lost" if info["lost"] else "Not won"
    score = f"score {info['score']:g} of {info['max_score']:g}"
    print(f"\n{text}\n\n{outcome} after {turn} turns, {score}, reward {total:g}.")


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults, but not of what is left out or off."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False):
            return action.help
        return super()._get_help_string(action)


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="toolkit", description="Multi-turn reinforcement learning of LLM agents."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Any, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=help,
            description=help,
            formatter_class=_Help,
        )
        sub.set_defaults(run=run)
        return sub

    sub = command("quickstart", _quickstart, "train a small agent, report the gain")
    sub.add_argument("--minutes", type=float, default=5.0, help="time for all of it")
    sub.add_argument("--seed", type=int, default=0, help="of training and sampling")
    sub.add_argument("--out", default="runs/quickstart", help="folder of the report")

    sub = command("play", _play, "play one game, or watch a policy play it")
    sub.add_argument("env", help=WORLD)
    sub.add_argument("--goal", help="how the game words its goal, such as brief")
    sub.add_argument("--policy", default="human", help=POLICIES)
    sub.add_argument("--split", default="test", help=SPLITS)
    sub.add_argument("--seed", type=int, help="which game (default: the first)")

    _add_train(command("train", _train, "train as a YAML file says"))
    _add_evaluate(command("evaluate", _evaluate, "measure a policy on fixed games"))
    _add_experiment(
        command("experiment", _experiment, "answer a question of the paper")
    )

    sub = command("check", _check, "say whether a world is fit for play and training")
    sub.add_argument("env", help=WORLD)

    sub = command("diagnose", _diagnose, "say why a run is not learning")
    sub.add_argument("path", metavar="RUN", help="its folder, or its events.jsonl")
    sub.add_argument("--json", action="store_true", help="for programs")

    _add_grade(command("grade", _grade, "run a lesson's notebook, try its answers"))
    _add_alfworld(command("alfworld", _alfworld, "get the games of ALFWorld"))
    _add_swe(command("swe", _swe, "get, make and check the bugs that SWE repairs"))

    sub = command("doctor", _doctor, "say what is installed and what is missing")
    sub.add_argument("--json", action="store_true", help="for programs")
    return parser


def _add_train(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("file", metavar="FILE.yaml", help="the settings")
    sub.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on with a run that was stopped",
    )
    sub.epilog = (
        "Further arguments, --key value, take precedence over the file; the keys are "
        "the fields of toolkit.training.config.TrainConfig."
    )


def _add_evaluate(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--policy", default="pocket", help=POLICIES)
    sub.add_argument("--env", required=True, help=WORLD)
    sub.add_argument("--goal", help="how the game words its goal, such as brief")
    sub.add_argument("--split", default="test", help=SPLITS)
    sub.add_argument("--n", type=int, default=100, help="number of games")
    sub.add_argument("--greedy", action="store_true", help="do not sample")
    sub.add_argument("--seed", type=int, default=0, help="of sampling")


def _add_experiment(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("name", help="a file of experiments/ without .yaml, or its path")
    sub.add_argument("--scale", help="a file of experiments/scales/: other model, size")
    sub.add_argument("--seeds", type=_numbers, help="only these, such as 0,1")
    sub.add_argument("--out", default="runs/experiments", help="folder of all runs")


def _add_grade(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("notebook", metavar="NOTEBOOK", help="that somebody worked on")
    sub.add_argument("--timeout", type=float, default=600, help="seconds for its cells")


def _add_alfworld(sub: argparse.ArgumentParser) -> None:
    folder = os.environ.get("ALFWORLD_DATA") or "~/.cache/alfworld"
    sub.add_argument("what", choices=["download"], help="the one thing there is")
    sub.add_argument("--to", default=folder, help="folder, to be ALFWORLD_DATA")


def _add_swe(sub: argparse.ArgumentParser) -> None:
    commands = sub.add_subparsers(dest="what", required=True, metavar="WHAT")
    sub = commands.add_parser("prepare", help="fetch repositories, for use offline")
    sub.add_argument("repositories", nargs="*", help="by name (default: all)")

    sub = commands.add_parser("bugs", help="make bugs and write them to a file")
    names = "by name, or folder:PATH (default: those of the shipped bugs)"
    sub.add_argument("repositories", nargs="*", help=names)
    sub.add_argument("--n", type=int, default=30, help="bugs of each repository")
    sub.add_argument("--seed", type=int, default=0, help="chooses the places")
    sub.add_argument("--out", type=Path, required=True, help="the file")

    sub = commands.add_parser("validate", help="check that bugs are what they were")
    sub.add_argument("file", nargs="?", type=Path, help="default: the shipped bugs")


if __name__ == "__main__":
    sys.exit(main())
