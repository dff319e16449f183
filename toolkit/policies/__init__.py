"""Who acts: models, a person, an expert, a random player."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.policies.base import Action, Observation, Policy
from toolkit.policies.scripted import ExpertPolicy, HumanPolicy, RandomPolicy

if TYPE_CHECKING:
    from toolkit.policies.models import ModelPolicy, load_policy

__all__ = [
    "Action",
    "ExpertPolicy",
    "HumanPolicy",
    "ModelPolicy",
    "Observation",
    "Policy",
    "RandomPolicy",
    "load_policy",
]


def __getattr__(name: str) -> Any:
    """Import the torch-heavy names on first use."""
    if name in ("ModelPolicy", "load_policy"):
        from toolkit.policies import models

        return getattr(models, name)
    raise AttributeError(f"module 'toolkit.policies' has no attribute {name!r}")
