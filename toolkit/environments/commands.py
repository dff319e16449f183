"""How a raw action becomes one harmless command."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandRules:
    """How a raw action becomes one command that is safe to give to a world."""

    many_lines: ClassVar[bool] = False
    """Whether a person should be given room for actions of several lines."""
    max_chars: int = 200
    """Longer commands are cut."""
    separator: str = r"[.;]|\bthen\b"
    """Regular expression; everything from its first match on is dropped, because
    parser games run `a. b` and `a then b` as two moves for the price of one."""
    refused: frozenset[str] = frozenset()
    """First words that never reach the world (such as `save` and `quit`)."""
    word_chars: int | None = None
    """Letters of a word that the world reads (`None`: all); the entries of `refused`
    are to be cut to as many."""

    def is_complete(self, action: str) -> bool:
        """Return whether an action that is typed line by line needs no other line."""
        return True

    def clean(self, action: str) -> str:
        r"""Return the first line of `action` as one harmless command, or `""`.

        Control characters and backslashes go: NUL crashes the Z-machine interpreter
        and `\x` is an escape that makes it hang for ever. Letters lose their accents
        and other characters outside ASCII go, because parsers read bytes.

        >>> CommandRules().clean("go north. take lamp")
        'go north'
        >>> CommandRules(refused=frozenset({"save"})).clean("> SAVE game")
        ''
        """
        lines = (line.strip() for line in action[: 10 * self.max_chars].splitlines())
        text = next((line for line in lines if line.strip("> ")), "")
        text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        text = "".join(c if c.isprintable() else " " for c in text.replace("\\", ""))
        text = re.split(self.separator, text, maxsplit=1, flags=re.IGNORECASE)[0]
        text = " ".join(text.lstrip("> ").split())[: self.max_chars].strip()
        first = re.match(r"\W*(\w*)", text)
        word = first.group(1).lower()[: self.word_chars] if first else ""
        return "" if word in self.refused else text
