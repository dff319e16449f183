import pytest
import torch

from toolkit.device import (
    FP32_PARAMETERS,
    Precision,
    gpu_memory,
    pick_device,
    pick_precision,
    precision_for,
)
from toolkit.errors import ConfigError


@pytest.mark.parametrize(
    ("kind", "capability", "parameters", "name"),
    [
        ("cpu", None, None, "fp32"),
        ("mps", None, 8_000_000_000, "fp32"),
        ("cuda", (6, 1), None, "fp32"),  # Pascal
        ("cuda", (7, 0), None, "fp16"),  # V100
        ("cuda", (7, 5), None, "fp16"),  # T4
        ("cuda", (7, 5), FP32_PARAMETERS, "fp32"),
        ("cuda", (7, 5), FP32_PARAMETERS + 1, "fp16"),
        ("cuda", (8, 0), 1_000, "bf16"),  # A100
        ("cuda", (9, 0), None, "bf16"),  # H100
        ("cuda", (12, 0), None, "bf16"),
    ],
)
def test_precision_by_capability(kind, capability, parameters, name):
    precision = precision_for(kind, capability, parameters=parameters)
    assert precision.name == name
    if capability:
        assert "{}.{}".format(*capability) in precision.reason


@pytest.mark.parametrize(
    ("name", "arguments", "dtype"),
    [
        ("bf16", {"bf16": True, "fp16": False}, torch.bfloat16),
        ("fp16", {"bf16": False, "fp16": True}, torch.float16),
        ("fp32", {"bf16": False, "fp16": False}, torch.float32),
    ],
)
def test_precision_sets_both_switches_of_the_trainer(name, arguments, dtype):
    precision = Precision(name=name, reason="")
    assert precision.trainer_arguments == arguments
    assert precision.compute_dtype is dtype
    assert precision.load_dtype is torch.float32


def test_the_picked_device_computes_in_the_picked_precision():
    device = pick_device()
    dtype = pick_precision(device).compute_dtype
    ones = torch.ones(4, 4, device=device, dtype=dtype)
    assert (ones @ ones).sum().item() == 64


def test_cpu_is_fp32():
    assert pick_precision("cpu").name == "fp32"


def test_the_memory_of_a_gpu_is_a_share():
    share = gpu_memory()
    assert (share is None) == (pick_device() != "cuda")
    assert share is None or 0 <= share <= 1


def test_a_missing_gpu_is_named():
    with pytest.raises(ConfigError, match="There is no device 'cuda:99'"):
        pick_precision("cuda:99")
