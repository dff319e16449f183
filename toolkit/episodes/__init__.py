"""What happened: the one record that everything else reads."""

from toolkit.episodes.record import Episode, StopReason, Turn

__all__ = ["Episode", "StopReason", "Turn"]
