"""A critic: one number per position, what is still to be earned.

The value of a position is a linear function of what the last layer makes of the text
up to there, and so the value of a *token* is that of the position before it, the one
that the token was sampled from. A hook listens to the policy's trunk (the model without
its output head), whichever head the scores come from.

* A shared critic takes what it hears: values cost no second pass, and adapters in the
  trunk are no matter.
* A separate one has a trunk of its own, a copy of the policy's when training began. It
  is handed the very inputs that the policy's trunk was given, packed or not. The loss
  of either never reaches the other, at twice the memory and time.

Shapes: `B` rows, `T` tokens of the completion, `L` columns, `D` width of the trunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from toolkit.errors import ModelError
from toolkit.training.packed import Rows, spread

NAME = "critic"
FILE = "critic.safetensors"


class Critic(nn.Linear):
    """`(..., D)` to `(...)`; says 0 until it has learnt something.

    This layer is of full precision whatever the model is.

    Args:
        width: `D`.
        device: Where the model is.
        trunk: What it reads through (`None`: the policy's own trunk).
    """

    def __init__(
        self, width: int, device: Any = None, trunk: nn.Module | None = None
    ) -> None:
        super().__init__(width, 1, device=device, dtype=torch.float32)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)
        self.trunk = trunk

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the value of each position."""
        with torch.autocast(hidden.device.type, enabled=False):
            return super().forward(hidden.float())[..., 0]

    def save(self, folder: str | Path) -> None:
        """Write the weights to a folder."""
        state = {k: v.contiguous() for k, v in self.state_dict().items()}
        save_file(state, Path(folder) / FILE)

    def load(self, folder: str | Path) -> None:
        """Read weights that `save` wrote.

        Raises:
            ModelError: If there are none.
        """
        path = Path(folder) / FILE
        if not path.exists():
            raise ModelError(
                f"There is no {path}.",
                "The run cannot go on without what its critic had learnt.",
                "Start anew with resume=False.",
            )
        self.load_state_dict(load_file(path))


def add_critic(model: Any, *, separate: bool = False) -> Critic:
    """Put a critic into a model, so that it is moved and trained like the rest.

    Args:
        model: A causal language model; with adapters, the critic must be shared.
        separate: Give it a copy of the model's trunk.

    Raises:
        ModelError: If the model has no trunk apart from its head.
    """
    trunk = trunk_of(model)
    # one configuration for both: `attending` switches attention there
    own = deepcopy(trunk, {id(trunk.config): trunk.config}) if separate else None
    critic = Critic(model.config.get_text_config().hidden_size, model.device, own)
    model.add_module(NAME, critic)
    return critic


def trunk_of(model: Any) -> Any:
    """Return the part of a causal language model below its output head.

    Raises:
        ModelError: If there is none.
    """
    causal = model.get_base_model() if isinstance(model, PeftModel) else model
    trunk = causal.base_model
    if trunk is causal:
        raise ModelError(
            f"{type(causal).__name__} has no trunk apart from its head.",
            "A critic reads what the last layer gives to the head.",
            "Use a credit that needs no critic, such as reinforce_pp.",
        )
    return trunk


@contextmanager
def listening(
    model: Any, critic: Critic, *, alone: bool = False
) -> Iterator[list[Tensor]]:
    """Collect the values of all positions, `(B, L)` for every pass inside the block.

    They are computed inside of the pass, where parameters may be gathered.

    Args:
        model: Whose trunk to listen to.
        critic: What makes values of what is heard.
        alone: Let gradients reach the critic but not the policy's trunk.
    """
    heard: list[Tensor] = []

    def hear(module: Any, args: Any, kwargs: dict[str, Any], out: Any) -> None:
        if critic.trunk is not None:
            hidden = critic.trunk(*args, **kwargs).last_hidden_state
        else:
            hidden = out.last_hidden_state
            hidden = hidden.detach() if alone else hidden
        heard.append(critic(hidden))

    hook = trunk_of(model).register_forward_hook(hear, with_kwargs=True)
    try:
        yield heard
    finally:
        hook.remove()


def values_before(
    heard: list[Tensor], episodes: Rows, contexts: Rows, width: int
) -> Tensor:
    """Return the value before each sampled token of the completions `(B, T)`, else 0.

    Args:
        heard: What `listening` collected while contexts were scored, a few rows at a
            time: `(r, L)`, or packed `(1, N)`.
        episodes: One row each.
        contexts: What was scored, see `toolkit.training.packed.context_rows`.
        width: `T`; the completion is on the right.

    >>> from toolkit.training.packed import episode_rows
    >>> mask = torch.tensor([[0, 1, 1, 1], [1, 1, 1, 0]])  # prompts of 1 and 2 tokens
    >>> wanted = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 0]])
    >>> rows = episode_rows(mask, mask, wanted)
    >>> packed = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    >>> values_before([packed], rows, rows, 2)
    tensor([[1., 2.],
            [5., 0.]])
    """
    flat = torch.cat([values.flatten() for values in heard])
    mask, wanted = contexts.mask.bool(), contexts.wanted.bool()
    if flat.numel() == mask.numel():
        values = flat.view(mask.shape)
    else:
        values = flat.new_zeros(mask.shape).masked_scatter(mask, flat)
    return spread(values.roll(1, dims=1)[wanted], episodes, width)


def value_losses(
    values: Tensor, old: Tensor, targets: Tensor, clip: float | None
) -> Tensor:
    """Return half the squared error of each value, clipped.

    As in PPO's first implementation: a value that has moved further than `clip` from
    what it was at the rollout, and towards the target, teaches nothing more; the
    larger of the two errors counts (https://arxiv.org/abs/2005.12729 §3, "value
    function clipping"). All tensors have one shape.

    >>> now, old, goal = (torch.tensor([x]) for x in (0.5, 0.0, 1.0))
    >>> value_losses(now, old, goal, None), value_losses(now, old, goal, 0.2)
    (tensor([0.1250]), tensor([0.3200]))
    """
    errors = (values - targets) ** 2
    if clip is not None:
        near = old + (values - old).clamp(-clip, clip)
        errors = torch.maximum(errors, (near - targets) ** 2)
    return errors / 2


def explained_variance(values: Tensor, targets: Tensor) -> float:
    """Return the share of the targets' variance that the values foresaw.

    1 is perfect, 0 what a constant does, below 0 worse than a constant. 0 if all
    targets are alike: there is nothing to explain.

    >>> goal = torch.tensor([0.0, 1.0, 2.0])
    >>> explained_variance(goal + 5, goal), explained_variance(goal * 0, goal)
    (1.0, 0.0)
    """
    if len(targets) < 2 or not (variance := targets.var().item()):
        return 0.0
    return 1.0 - (targets - values).var().item() / variance
