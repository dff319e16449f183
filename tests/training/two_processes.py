"""One of several processes that train together: `two_processes.py FOLDER`.

Trains as `FOLDER/two.yaml` says, then notes for some kinds of credit what it played and
the advantages that it was given, then trains by PPO, then in a run that only the second
process is asked things of.
"""

import json
import os
import sys
import threading
from pathlib import Path

from tests.models import tiny_policy
from tests.training.runs import SMALL, batch_of, opened, run_small, weights_of
from toolkit import cli
from toolkit.environments.base import tasks
from toolkit.training.background import start

CHOICES = {
    "grpo": {"credit": "grpo", "scale_rewards": "batch"},
    "reinforce_pp": {"credit": "reinforce_pp", "num_generations": 1},
    "gae_turn": {"credit": "gae_turn"},
}
ROWS = {"per_device_train_batch_size": 4, "use_cpu": True}


def steered_run(folder, *, asks):
    """Pause, pay and examine before the first batch; stop in the second."""

    def on_event(event):
        if asks and (event["event"], event["step"]) == ("rollout", 1):
            live.controls.stop()
        elif asks and event["event"] == "paused":
            threading.Timer(0.5, live.controls.resume).start()

    settings = SMALL | ROWS | {"max_steps": 500, "output_dir": str(folder)}
    settings |= {"reward": {"game": 1.0, "success": 0.5}, "tasks": tasks("gates", n=8)}
    policy = tiny_policy()
    live = start(policy, "gates", background=False, on_event=on_event, **settings)
    if asks:
        live.controls.pause()
        live.controls.evaluate()
        live.controls.reweight({"success": 2.0})
        live.controls.save()
    return live.result(), weights_of(policy).tolist()


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
    run, noted["steered"] = steered_run(folder / "steered", asks=rank == "1")
    noted["stopped"] = [run.step, run.stopped]
    (folder / f"{rank}.json").write_text(json.dumps(noted))
