"""Sandboxes: where code of a model runs, and what keeps it there."""

from toolkit.errors import SandboxError, SandboxTimeoutError
from toolkit.sandbox.conversation import Conversation
from toolkit.sandbox.files import read_inside, remove_workspace
from toolkit.sandbox.levels import Level, detect_level
from toolkit.sandbox.limits import Limits
from toolkit.sandbox.process import Finished
from toolkit.sandbox.sandbox import Sandbox, open_sandbox

__all__ = [
    "Conversation",
    "Finished",
    "Level",
    "Limits",
    "Sandbox",
    "SandboxError",
    "SandboxTimeoutError",
    "detect_level",
    "open_sandbox",
    "read_inside",
    "remove_workspace",
]
