"""Episodes as HTML tables, turn by turn, coloured by their rewards.

The classes it uses (`gain`, `pain`, `plain`, `mark`, …) are styled by
`assets/report.css`; without the style sheet it is still a readable table.
"""

from __future__ import annotations

from toolkit.comparison import Comparison, most_changed, typical
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.page import escape

LONG = 260
"""Texts of more characters than this are folded."""
LEGEND = (
    '<p class="legend"><span class="gain">+1.0 paid</span> '
    '<span class="plain">+0.0 nothing</span> <span class="pain">-1.0 charged</span> '
    '<span class="mark">✗ the command did nothing</span></p>'
)
_ENDS = {
    StopReason.WON: "Won",
    StopReason.LOST: "Lost",
    StopReason.TURN_LIMIT: "Not won: the turns ran out",
    StopReason.TOKEN_LIMIT: "Not won: too many tokens",
    StopReason.CONTEXT_LIMIT: "Not won: the context was full",
    StopReason.ENVIRONMENT_ERROR: "The world broke",
    StopReason.ENVIRONMENT_TIMEOUT: "The world hung",
    StopReason.INTERRUPTED: "Interrupted",
}


def reward_label(reward: float) -> str:
    """Return a reward with its sign and at least one decimal place.

    >>> [reward_label(r) for r in (0, 1, -0.25, 0.001)]
    ['+0.0', '+1.0', '-0.25', '+0.001']
    """
    for places in (1, 2):
        if abs(round(reward, places) - reward) < 1e-9:
            return f"{round(reward, places) + 0.0:+.{places}f}"
    return f"{reward:+.3g}"


def ending(episode: Episode) -> str:
    """Return in words how an episode ended, after how many turns and with what pay."""
    turns, total = len(episode.turns), reward_label(episode.total_reward)
    count = f"{turns} turn{'' if turns == 1 else 's'}"
    return f"{_ENDS[episode.stop_reason]} after {count}, reward {total}"


def trouble(turn: Turn) -> str:
    """Return what became of a command that had no effect, `""` if it had one."""
    if not turn.action:
        return "refused"
    return "" if turn.info.get("valid_action", True) else "did nothing"


def episode_table(episode: Episode, *, caption: str) -> str:
    """Return an episode as an HTML table.

    Args:
        episode: What is shown.
        caption: Heading of the table, plain text.

    Returns:
        `<table>…</table>` with everything escaped.
    """
    rows = "".join(_row(i, turn) for i, turn in enumerate(episode.turns, 1))
    return (
        f'<table class="game"><caption>{escape(caption)}</caption>'
        '<thead><tr><th scope="col">Turn</th><th scope="col">World and command</th>'
        f'<th scope="col">Reward</th></tr></thead><tbody>{rows}</tbody>'
        f'<tfoot><tr><td></td><td colspan="2">{_folded(episode.final_observation)}'
        f"<p><strong>{ending(episode)}.</strong></p></td></tr></tfoot></table>"
    )


def lost_and_won(change: Comparison) -> str:
    """Return a game lost before beside the same game won after, as HTML.

    Of the games that turned for the better it takes one of typical length; if there
    is none, the text says so.
    """
    better = most_changed(change.flips)
    if not better:
        return "<p>No game was lost before training and won after it.</p>"
    flip = typical(better)
    return (
        f"<p>Game <code>{escape(flip.task.id)}</code>, one of {len(better)} that "
        f"turned from lost to won; its won game is of middling length.</p>{LEGEND}"
        f'<div class="sides">{episode_table(flip.earlier, caption="Before training")}'
        f"{episode_table(flip.later, caption='After training')}</div>"
    )


def _row(number: int, turn: Turn) -> str:
    sign = "gain" if turn.reward > 0 else "pain" if turn.reward < 0 else "plain"
    said = turn.action or turn.completion.strip("> \n") or "(nothing)"
    return (
        f'<tr class="{sign}"><th scope="row">{number}</th>'
        f"<td>{_folded(turn.observation)}"
        f'<p class="command"><kbd>{escape(said)}</kbd>{_mark(turn)}</p></td>'
        f'<td class="reward">{reward_label(turn.reward)}</td></tr>'
    )


def _mark(turn: Turn) -> str:
    """Say so if the command had no effect."""
    word = trouble(turn)
    return f' <span class="mark">✗ {word}</span>' if word else ""


def _folded(text: str) -> str:
    """Return a paragraph, long ones folded after their first sentences."""
    text = text.strip()
    if len(text) <= LONG:
        return f'<p class="world">{escape(text)}</p>'
    cut = text.rfind(" ", 0, LONG - 60)
    cut = cut if cut > 0 else LONG - 60
    return (
        f'<details class="world"><summary>{escape(text[:cut])}</summary>'
        f"<p>{escape(text[cut:].strip())}</p></details>"
    )
