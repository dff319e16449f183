"""One of several processes that train together: `two_processes.py FOLDER`.

Trains as `FOLDER/two.yaml` says, then notes for some kinds of credit what it played and
the advantages that it was given, then trains by PPO.
"""

import json
import os
import sys
from pathlib import Path

from tests.models import tiny_policy
from tests.training.runs import batch_of, opened, run_small, weights_of
from toolkit import cli

CHOICES = {
    "grpo": {"credit": "grpo", "scale_rewards": "batch"},
    "reinforce_pp": {"credit": "reinforce_pp", "num_generations": 1},
    "gae_turn": {"credit": "gae_turn"},
}
ROWS = {"per_device_train_batch_size": 4, "use_cpu": True}

if __name__ == "__main__":
    folder, rank, noted = Path(sys.argv[1]), os.environ["RANK"], {}
    assert cli.main(["train", str(folder / "two.yaml")]) == 0
    for name, choice in CHOICES.items():
        with opened(folder / name / rank, n=8, **ROWS, **choice) as trainer:
            batch_of(trainer)
            rewards = [e.turn_rewards for e in trainer.episodes]
            noted[name] = {"rewards": rewards, "advantages": trainer._advantages}
    policy = tiny_policy()
    run_small(folder / "ppo", policy=policy, credit="gae_token", max_steps=2, **ROWS)
    noted["weights"] = weights_of(policy).tolist()
    (folder / f"{rank}.json").write_text(json.dumps(noted))
