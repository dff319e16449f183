"""The files for large models take a step, with a tiny random model in its place."""

from pathlib import Path

import pytest
import torch

from toolkit import load_policy, make_env, train
from toolkit.experiments.preset import load_preset

FOLDER = Path(__file__).parents[2] / "experiments"
SCALES = sorted((FOLDER / "scales").glob("*.yaml"))
SMALL = {
    **{"max_steps": 1, "per_device_train_batch_size": 2, "steps_per_generation": 1},
    **{"gradient_accumulation_steps": 1, "live": 2, "workers": 0, "n_tasks": 2},
    **{"max_completion_length": 300, "use_cpu": True, "progress": False},
    "reward": "step_cost",  # a random model earns nothing else
}


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES, ids=lambda path: path.stem)
def test_a_step_at_the_paper_s_scale(scale, tiny, tmp_path):
    preset = load_preset(FOLDER / "algorithms.yaml", scale)
    arm = preset.arms["ppo_mazes"]
    assert arm.start.policy.startswith("Qwen/")
    policy = load_policy(tiny, lora=arm.start.lora or None, max_action_tokens=8)
    own = {**arm.settings, **SMALL, "learning_rate": 0.1, "output_dir": str(tmp_path)}
    env = make_env(own.pop("env"), **own.pop("env_params"), max_turns=2)
    watched = [p for p in policy.model.parameters() if p.requires_grad]
    before = [p.detach().clone() for p in watched]
    run = train(policy, env, **own)
    assert run.step == 1
    after = [p for p in run.policy.model.parameters() if p.requires_grad]
    assert any(not torch.equal(b, a) for b, a in zip(before, after, strict=True))
