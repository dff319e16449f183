"""Which device and which number format to use, and why.

The choice is ours because the libraries choose badly: TRL turns bf16 on wherever
`torch.cuda.is_bf16_supported()` says so, and that counts the slow emulation on GPUs
such as the T4.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from toolkit.errors import ConfigError

if TYPE_CHECKING:
    import torch

FP32_PARAMETERS = 600_000_000
"""Up to this many parameters, fp32 fits a 16 GB GPU and needs no loss scaling."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Precision:
    """A number format for the arithmetic of a model.

    >>> Precision(name="fp16", reason="…").trainer_arguments
    {'bf16': False, 'fp16': True}
    """

    name: Literal["bf16", "fp16", "fp32"]
    """`bf16` and `fp16` are mixed precision: weights in fp32, arithmetic in 16 bits."""
    reason: str
    """Why, in a sentence for the user."""

    @property
    def trainer_arguments(self) -> dict[str, bool]:
        """The two switches of `transformers.TrainingArguments`, never left open."""
        return {"bf16": self.name == "bf16", "fp16": self.name == "fp16"}

    @property
    def load_dtype(self) -> torch.dtype:
        """Type of weights that are trained: small updates vanish in 16 bits."""
        import torch

        return torch.float32

    @property
    def compute_dtype(self) -> torch.dtype:
        """Type of the arithmetic, and of weights that stay frozen under LoRA."""
        import torch

        names = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
        return names[self.name]


def pick_device() -> str:
    """Return the best device there is: `cuda`, `mps` or `cpu`."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def limit_threads() -> None:
    """Let torch use one thread, unless `OMP_NUM_THREADS` says otherwise.

    The models that run on a CPU here are small, the worlds run in processes beside
    them, and on a shared machine a second thread that has to wait for its core costs
    five to twenty-five times what it gains.
    """
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)


def pick_precision(
    device: str | None = None, *, parameters: int | None = None
) -> Precision:
    """Choose the precision for a device.

    Args:
        device: Such as `cpu` or `cuda:0` (`None`: what `pick_device` returns).
        parameters: Size of the model, if known.

    Raises:
        ConfigError: If a CUDA device is asked for that is not there.
    """
    device = device or pick_device()
    kind = device.partition(":")[0]
    capability = _capability(device) if kind == "cuda" else None
    return precision_for(kind, capability, parameters=parameters)


def precision_for(
    kind: str,
    capability: tuple[int, int] | None = None,
    *,
    parameters: int | None = None,
) -> Precision:
    """Choose by kind of device and CUDA compute capability.

    Args:
        kind: `cuda`, `mps` or `cpu`.
        capability: Major and minor compute capability; needed for `cuda`.
        parameters: Size of the model, if known.

    >>> precision_for("cuda", (8, 0)).name, precision_for("cuda", (7, 5)).name
    ('bf16', 'fp16')
    >>> precision_for("cuda", (7, 5), parameters=135_000_000).name
    'fp32'
    """
    if kind != "cuda" or capability is None:
        return Precision(name="fp32", reason=f"exact, and right on every {kind}")
    version = f"compute capability {capability[0]}.{capability[1]}"
    if capability >= (8, 0):
        return Precision(name="bf16", reason=f"{version} computes bf16 natively")
    if capability < (7, 0):
        return Precision(name="fp32", reason=f"{version} has no fast 16-bit units")
    if parameters is not None and parameters <= FP32_PARAMETERS:
        return Precision(
            name="fp32",
            reason=f"{version} has no bf16, and a model this small fits in fp32",
        )
    return Precision(
        name="fp16", reason=f"{version} has fast fp16 but only emulates bf16"
    )


def is_main_process() -> bool:
    """Whether this process writes and prints, should several have been started."""
    return os.environ.get("RANK", "0") == "0"


def gpu_memory() -> float | None:
    """Return the largest share of the GPU's memory that this process needed so far.

    From 0 to 1; `None` without CUDA. Memory that torch holds in reserve is left out.
    """
    import torch

    if not torch.cuda.is_available():
        return None
    _, total = torch.cuda.mem_get_info()
    return torch.cuda.max_memory_allocated() / total


def _capability(device: str) -> tuple[int, int]:
    """Return the compute capability of a CUDA device."""
    import torch

    index = int(device.partition(":")[2] or 0)
    if not torch.cuda.is_available() or index >= torch.cuda.device_count():
        raise ConfigError(
            f"There is no device {device!r}.",
            f"torch {torch.__version__} sees {torch.cuda.device_count()} CUDA devices.",
            "Use device='cpu', or see what `toolkit doctor` says about the GPU.",
        )
    return torch.cuda.get_device_capability(index)
