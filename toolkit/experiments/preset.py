"""What an experiment asks, and everything it takes to answer: a YAML file.

```yaml
title: Which algorithm learns most?
question: The same start and the same games; only the credit differs.
setting: The shipped small model; 60 steps of 32 episodes.
start: pocket                       # or a mapping, see `Start`
exams: {w2-o3-q4: {env: textworld/w2-o3-q4}}
settings: {env: textworld/w2-o3-q4, max_steps: 60}     # of all arms, see `TrainConfig`
arms:
  grpo: {credit: grpo}              # what differs
  rloo: {credit: rloo}
```

Beside it may stand what the paper found (`paper`, `paper_source`, `claims`) and, once
somebody has looked at the results, `findings` and `limits`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from toolkit.environments.base import Task, tasks
from toolkit.errors import ConfigError, near_matches
from toolkit.paths import assets_dir

FOLDER = Path("experiments")
"""Where presets are looked for by name."""
MEASURES = ("success", "points")
"""What exams can count, see `toolkit.evaluation.Evaluation`."""
LISTS = ("seeds", "claims", "findings", "limits")
MAPPINGS = ("arms", "exams", "settings")
LIMITS = ("max_action_tokens", "max_context", "history")
"""What a start may pass on to `load_policy`."""
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """The policy that training begins with."""

    policy: str = "pocket"
    """What `load_policy` loads."""
    lora: bool = False
    """Train adapters of rank 16 instead of all weights."""
    env: str = ""
    """Where demonstrations are shown, if there are any; a registry id."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of that environment."""
    demonstrations: int = 0
    """Won games of the expert that are imitated first."""
    epochs: float = 20
    """How often each demonstration is shown."""
    learning_rate: float = 5e-4
    """Of imitation."""
    max_action_tokens: int | None = None
    """Longest action in tokens (`None`: as `load_policy` has it). Edits of code need
    hundreds."""
    max_context: int | None = None
    """Longest episode in tokens (`None`: what the model can hold). One that outgrows it
    ends there, with `context_limit` as the reason."""
    history: int | None = None
    """Most turns that the model sees (`None`: all), see `toolkit.policies.context`."""

    @property
    def given(self) -> dict[str, Any]:
        """What is said about it; names of runs depend on this and nothing else."""
        return {k: v for k, v in asdict(self).items() if v is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Exam:
    """Held-out games that are played before and after."""

    env: str
    """Registry id."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the environment, such as `{"max_turns": 6}`."""
    split: str = "test"
    """Which of the splits that nobody trains on."""
    n: int = 100
    """How many games."""
    samples: int = 4
    """How often each is played, for sampling is most of the noise in one run."""
    greedy: bool = False
    """Take the most probable token instead of sampling."""
    judges: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Rewards that are compared with what is verified, on the first play of each game,
    by the name that tables show: `reward`, as in `TrainConfig`, and `threshold`, from
    which on its total means won."""
    optional: bool = False
    """Left out where its games are not to be had, such as files of ALFWorld."""

    @property
    def episodes(self) -> int:
        """How many episodes it takes."""
        return self.n * self.samples

    @property
    def games(self) -> list[Task]:
        """The games.

        Raises:
            TaskError: If they are not to be had.
        """
        return list(tasks(self.env, split=self.split, n=self.n, **self.params))


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One of the things that are compared."""

    label: str
    """What it is called in pictures."""
    start: Start
    """Where it begins."""
    settings: dict[str, Any]
    """Of `train`, common ones included; with `max_steps: 0` nothing is trained."""
    differs: dict[str, Any]
    """The part of the settings that is its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """An experiment."""

    name: str
    """Of its file, without the ending."""
    title: str
    """A question."""
    question: str
    """What is compared, in a sentence or two."""
    setting: str
    """With what model and games, and what the paper had instead."""
    exams: dict[str, Exam]
    """By the name that pictures show."""
    arms: dict[str, Arm]
    """In the order in which they are shown."""
    measure: str = "success"
    """What an exam counts: "success", or "points" where hardly a game is won: the
    share of the game's points that was reached."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of training and play; one run of every arm for each."""
    paper: dict[str, dict[str, Sequence[float]]] = field(default_factory=dict)
    """Success before and after in the paper, by arm and exam."""
    paper_source: str = ""
    """Which table, model and number of seeds."""
    claims: tuple[dict[str, Any], ...] = ()
    """What the paper says, see `toolkit.experiments.claims`."""
    findings: tuple[str, ...] = ()
    """What was found, in words."""
    limits: tuple[str, ...] = ()
    """What this cannot show."""


def load_preset(name: str | Path, scale: str | Path | None = None) -> Preset:
    """Read an experiment.

    Args:
        name: Of a file in `experiments/`, or the path of one anywhere.
        scale: A file of `experiments/scales/`, by name or path. What it says takes the
            place of what the preset says; its `ppo_settings` are of the arms that have
            a critic, its `worlds` take the place of others, and `presets` holds
            `worlds`, `settings`, `exams` and `arms` of single presets.

    Raises:
        ConfigError: If there is no such file, or something in it is wrong.
    """
    path = _find(name, FOLDER)
    data = _read(path)
    title = path.stem
    _check_shapes(title, data)
    if scale is not None:
        found = _find(scale, FOLDER / "scales")
        data = _scaled(data, _read(found), title)
        title = f"{title}-{found.stem}"
    return _preset(title, data)


def preset_path(name: str | Path) -> Path:
    """Return the file of an experiment.

    Raises:
        ConfigError: If there is none.
    """
    return _find(name, FOLDER)


def _find(name: str | Path, folder: Path) -> Path:
    """Return the file that is meant."""
    folders = (folder, assets_dir() / folder)
    for path in (Path(name), *(place / f"{name}.yaml" for place in folders)):
        if path.is_file():
            return path
    known = sorted({p.stem for place in folders for p in place.glob("*.yaml")})
    kind = "scale" if folder.name == "scales" else "experiment"
    raise ConfigError(
        f"There is no {kind} {str(name)!r}.",
        f"Known: {', '.join(known) or 'none'}.",
        near_matches(str(name), known) or "Give the path of a YAML file.",
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML.", str(error)) from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path} holds no experiment.", "It must be a mapping.")
    return data


def _scaled(
    data: dict[str, Any], scale: Mapping[str, Any], name: str
) -> dict[str, Any]:
    """Replace what belongs to the size of model and machine."""
    scale = {**scale}
    own, ppo = scale.pop("presets", {}).get(name, {}), scale.pop("ppo_settings", {})
    settings = {**data.get("settings", {}), **scale.pop("settings", {})}
    settings |= own.get("settings", {})
    arms = {}
    for arm, given in data.get("arms", {}).items():
        found = {**(given or {}), **own.get("arms", {}).get(arm, {})}
        has_critic = str(found.get("credit", settings.get("credit"))).startswith("gae")
        arms[arm] = {**(ppo if has_critic else {}), **found}
    if isinstance(data.get("start"), dict):
        scale["start"] = {**data["start"], **_start(scale.get("start", {}))}
    worlds = {**scale.pop("worlds", {}), **own.get("worlds", {})}
    exams = own.get("exams", data.get("exams", {}))
    merged = {**data, **scale, "settings": settings, "arms": arms, "exams": exams}
    found = _renamed(merged, worlds)
    assert isinstance(found, dict)
    return found


def _renamed(thing: Any, worlds: Mapping[str, str]) -> Any:
    """Put other worlds in the place of some, wherever they are named."""
    if isinstance(thing, dict):
        return {_renamed(k, worlds): _renamed(v, worlds) for k, v in thing.items()}
    if isinstance(thing, list):
        return [_renamed(item, worlds) for item in thing]
    if isinstance(thing, str) and worlds:
        pattern = "|".join(map(re.escape, worlds))
        return re.sub(pattern, lambda match: worlds[match[0]], thing)
    return thing


def _check_shapes(name: str, data: Mapping[str, Any]) -> None:
    """Raise if something is no list or no mapping that must be one."""
    kinds = dict.fromkeys(LISTS, list) | dict.fromkeys(MAPPINGS, dict)
    for key in data.keys() & kinds.keys():
        if not isinstance(data[key], kinds[key]):
            kind = "list" if key in LISTS else "mapping"
            raise ConfigError(
                f"The {key} of the experiment {name!r} are {data[key]!r:.60}.",
                f"They must be a {kind}.",
            )


def _preset(name: str, data: Mapping[str, Any]) -> Preset:
    """Build and check an experiment."""
    given = dict(data)
    start, settings = given.pop("start", "pocket"), given.pop("settings", {})
    arms = {
        str(arm): _arm(str(arm), own or {}, start, settings)
        for arm, own in given.pop("arms", {}).items()
    }
    exams = {
        str(exam): _make(Exam, how, f"exam {exam!r}")
        for exam, how in given.pop("exams", {}).items()
    }
    if not arms or not exams:
        raise ConfigError(
            f"The experiment {name!r} has no arms or no exams.",
            "There is nothing to compare.",
        )
    for key in given.keys() & LISTS:
        given[key] = tuple(given[key])
    made = _make(Preset, {"name": name, "arms": arms, "exams": exams, **given}, name)
    if made.measure not in MEASURES:
        raise ConfigError(
            f"{name!r} measures {made.measure!r}.",
            f"Known: {', '.join(MEASURES)}.",
            near_matches(str(made.measure), MEASURES),
        )
    _check_names(made)
    return made


def _arm(name: str, own: Mapping[str, Any], start: Any, common: dict[str, Any]) -> Arm:
    """Build an arm: what is common, and what it has of its own instead."""
    differs = dict(own)
    label, begin = differs.pop("label", name), differs.pop("start", {})
    return Arm(
        label=str(label),
        start=_make(Start, {**_start(start), **_start(begin)}, "start"),
        settings={**common, **differs},
        differs=differs | ({"start": begin} if begin else {}),
    )


def _start(given: Any) -> dict[str, Any]:
    """Return a start's fields; a word alone names the policy."""
    return {"policy": given} if isinstance(given, str) else dict(given)


def _make(kind: type[T], given: Any, what: str) -> T:
    """Build a dataclass, and name what is unknown or missing."""
    _refuse_unknown(kind, given, what)
    try:
        return kind(**given)
    except TypeError as error:
        raise ConfigError(f"{what} is incomplete.", f"{error}.") from error


def _refuse_unknown(kind: Any, given: Mapping[str, Any], what: str) -> None:
    known = {f.name for f in fields(kind)}
    for name in given:
        if name not in known:
            raise ConfigError(
                f"{what} has an unknown part {name!r}.",
                f"Known: {', '.join(sorted(known))}.",
                near_matches(str(name), known),
            )


def _check_names(preset: Preset) -> None:
    """Raise if something is said of an arm or an exam that does not exist."""
    said: list[Any] = [[a, e] for a, row in preset.paper.items() for e in row]
    for claim in preset.claims:
        sides = [claim.get("better"), claim.get("than")]
        said += [side for side in sides if side != "before"]
    for pair in said:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ConfigError(
                f"A claim of {preset.name!r} names {pair!r}.",
                "Each side is a pair of arm and exam, and `than` may be 'before'.",
            )
        arm, exam = pair
        if arm not in preset.arms or exam not in preset.exams:
            raise ConfigError(
                f"{preset.name!r} speaks of arm {arm!r} and exam {exam!r}.",
                f"Arms: {', '.join(preset.arms)}. Exams: {', '.join(preset.exams)}.",
            )
