"""Episodes as HTML tables, turn by turn, coloured by their rewards.

The classes it uses (`gain`, `pain`, `plain`, `mark`, …) are styled by
`assets/report.css`; without the style sheet it is still a readable table.
"""

from __future__ import annotations

from statistics import median_low

from toolkit.comparison import Comparison
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


def episode_table(episode: Episode, *, caption: str) -> str:
    """Return an episode as an HTML table.

    Args:
        episode: What is shown.
        caption: Heading of the table, plain text.

    Returns:
        `<table>…</table>` with everything escaped.
    """
    turns = len(episode.turns)
    total = reward_label(episode.total_reward)
    end = f"{_ENDS[episode.stop_reason]} after {turns} turns, reward {total}."
    rows = "".join(_row(i, turn) for i, turn in enumerate(episode.turns, 1))
    return (
        f'<table class="game"><caption>{escape(caption)}</caption>'
        '<thead><tr><th scope="col">Turn</th><th scope="col">World and command</th>'
        f'<th scope="col">Reward</th></tr></thead><tbody>{rows}</tbody>'
        f'<tfoot><tr><td></td><td colspan="2">{_folded(episode.final_observation)}'
        f"<p><strong>{end}</strong></p></td></tr></tfoot></table>"
    )


def lost_and_won(change: Comparison) -> str:
    """Return a game lost before beside the same game won after, as HTML.

    Of the games that turned for the better it takes one of typical length; if there
    is none, the text says so.
    """
    pairs, chosen = _flipped(change)
    if not pairs:
        return "<p>No game was lost before training and won after it.</p>"
    lost, won = pairs[chosen]
    return (
        f"<p>Game <code>{escape(lost.task.id)}</code>, one of {len(pairs)} that turned "
        f"from lost to won; its won game is of middling length.</p>{LEGEND}"
        f'<div class="sides">{episode_table(lost, caption="Before training")}'
        f"{episode_table(won, caption='After training')}</div>"
    )


def _flipped(change: Comparison) -> tuple[list[tuple[Episode, Episode]], int]:
    """Return a lost and a won episode of each task that turned for the better most.

    Returns:
        The pairs, and the position of the one whose won game has a typical length.
    """
    earlier, later = change.before.by_task, change.after.by_task
    gain = {task: later[task].value - share.value for task, share in earlier.items()}
    most = max(gain.values())
    lost = {
        e.task: e
        for e in change.before.episodes
        if not e.won and not e.stop_reason.is_broken
    }
    won = {e.task: e for e in change.after.episodes if e.won}
    pairs = [
        (lost[task], won[task])
        for task in earlier
        if gain[task] == most > 0 and task in lost and task in won
    ]
    lengths = [len(after.turns) for _, after in pairs]
    return pairs, lengths.index(median_low(lengths)) if lengths else 0


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
    if not turn.action:
        return ' <span class="mark">✗ refused</span>'
    if not turn.info.get("valid_action", True):
        return ' <span class="mark">✗ did nothing</span>'
    return ""


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
