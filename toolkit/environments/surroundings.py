"""What a person who plays can see around them, for maps and side panels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.environments.swe.desk import Desk


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What can be seen from one place: nothing here is told that the text does not.

    A world of rooms fills in all fields; any other world may fill in `lists` alone,
    such as its files or the things it has opened.
    """

    room: str = ""
    """Key of the room; the same room has the same key throughout a game."""
    name: str = ""
    """What the room is called; two rooms may share a name."""
    exits: Mapping[str, str] = field(default_factory=dict)
    """Direction (`north`, `east`, `south`, `west`) and how its door stands: `open`,
    `closed`, or `""` if there is no door."""
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Headings with what stands under them, such as what is carried."""
    desk: Desk | None = None
    """Files, changes and test results, where code is repaired."""
