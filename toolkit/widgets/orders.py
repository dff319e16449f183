"""What a run of this process can be told, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolkit.diagnosis.history import number
from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from toolkit.training.controls import Controls

ORDERS = {
    "pause": "It pauses when this batch is done. Memory stays in use.",
    "resume": "It goes on.",
    "stop": "It stops as soon as it can and saves the last complete step.",
    "evaluate": "It plays held-out games when this batch is done.",
    "save": "It writes a checkpoint when this batch is done.",
}
"""What can be said in one word, and what follows."""


def order(controls: Controls | None, request: Mapping[str, Any]) -> tuple[str, bool]:
    """Tell a run what a request asks for; return what follows, and whether it failed.

    Args:
        controls: Of the run; `None` if it cannot be told anything.
        request: `do` is one of `ORDERS`, or `reweight` with a `term` and a `value`.
    """
    if controls is None:
        return "This run is over, or another process has it.", True
    do = str(request.get("do"))
    try:
        if do != "reweight":
            getattr(controls, do)()
            return ORDERS[do], False
        term, weight = str(request.get("term")), number(request.get("value"))
        if weight is None:
            return f"The new weight of {term} must be a number.", True
        controls.reweight({term: weight})
    except ToolkitError as error:
        return str(error), True
    return f"{term} weighs {weight:g} from the next batch on.", False
