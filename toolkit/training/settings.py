"""Settings of a run, from keywords or from a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import ConfigError, near_matches

if TYPE_CHECKING:
    from toolkit.training.config import TrainConfig


def read_config(path: str | Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read settings from YAML, with TRL's own parser.

    Args:
        path: YAML whose keys are the fields of `TrainConfig`.
        overrides: Command-line arguments, which win over the file.

    Raises:
        ConfigError: If the file is no YAML mapping, or a name or a value is wrong.
    """
    import yaml
    from trl import TrlParser

    from toolkit.training.config import TrainConfig

    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML.", str(error)) from error
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path} holds no settings.",
            "It must be a YAML mapping.",
            "Begin with a line such as: env: textworld/w2-o3-q4",
        )
    if overrides and not overrides[0].startswith("--"):
        raise ConfigError(
            f"{overrides[0]!r} belongs to no setting.",
            "Behind the file stand names of settings, each with its value.",
            "Write --key value, such as --max_steps 30.",
        )
    names = [o[2:].partition("=")[0] for o in overrides if o.startswith("--")]
    _check_names([*values, *(name.replace("-", "_") for name in names)])

    def refuse(message: str) -> None:
        raise ConfigError("A setting cannot be read.", message)

    parser = TrlParser([TrainConfig])
    parser.error = refuse  # argparse would print 200 options and exit
    # not through `--config`, because TRL takes `env` there for environment variables
    parser.set_defaults_with_config(**values)
    with _explained():
        (config,) = parser.parse_args_into_dataclasses(
            args=list(overrides), look_for_args_file=False
        )
    return config  # type: ignore[no-any-return]


def make_config(**settings: Any) -> TrainConfig:
    """Build a `TrainConfig`, naming the nearest field for an unknown one.

    Raises:
        ConfigError: If a name or a value is wrong.
    """
    from toolkit.training.config import TrainConfig

    _check_names(settings)
    with _explained():
        return TrainConfig(**settings)


def _check_names(names: Sequence[str] | dict[str, Any]) -> None:
    """Raise for the first name that is no setting."""
    from toolkit.training.config import TrainConfig

    known = {f.name for f in fields(TrainConfig)}
    for name in names:
        if name not in known and name.removeprefix("no_") not in known:
            raise ConfigError(
                f"There is no setting {name!r}.",
                "Settings are the fields of TrainConfig and TRL's GRPOConfig.",
                near_matches(name, known),
            )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what TRL and argparse say about settings into a `ConfigError`."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise ConfigError("A setting was refused.", str(error)) from error
