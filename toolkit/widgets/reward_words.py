"""What a reward does to episodes, in words."""

from __future__ import annotations

from typing import Any

from toolkit.charts.svg import percent
from toolkit.errors import ConfigError
from toolkit.rewards.scored import SAME
from toolkit.widgets.reward_state import Design
from toolkit.widgets.reward_tables import cut, game_names, how_ended, number
from toolkit.widgets.reward_view import Paid

LONG = 900
"""Characters of a message that are shown."""
MOST_NOTES = 6
"""Warnings that are shown."""
NOBODY = (
    "There are no episodes. A reward is computed from what was recorded: collect some, "
    "RewardDesigner(collect(policy, env, tasks, group_size=8), mix)."
)
IMAGINED = " (Nobody played this, but anybody could: stop a turn early, or then wait.)"
FACTS = (
    (
        "Games that teach",
        "In the others all episodes earn the same, or there is but one: GRPO and RLOO "
        "give no advantage.",
    ),
    (
        "A win earns more than a loss",
        "Pairs of episodes of the same game; a tie counts half.",
    ),
    (
        "Losses paid like a win",
        "Lost episodes that earn as much as a win of their game, or more.",
    ),
    ("Loudest term beside success", "Its share of all that is paid and charged."),
)
"""What is told of every reward: names and explanations."""


def count(design: Design) -> str:
    """Return how many episodes and games there are."""
    episodes, games = len(design.games.episodes), len(design.games.groups)
    if not episodes:
        return "no episodes"
    plural = "" if games == 1 else "s"
    return f"{episodes} episode{'' if episodes == 1 else 's'} of {games} game{plural}"


def head(design: Design) -> str:
    """Return how many episodes of what there are."""
    worlds = sorted({task.env for task in design.games.tasks})
    if not worlds:
        return count(design)
    told = [count(design), f"{int(design.games.won.sum())} won"]
    masked = int(design.paid.scored.masked.sum())
    if masked:
        told.append(f"{masked} not scored")
    if len(worlds) > 1:
        told.append(f"{len(worlds)} environments, compared game by game")
    return ", ".join([*told, cut(" and ".join(worlds))])


def facts(design: Design) -> list[dict[str, str]]:
    """Return what the reward does, in four numbers with what they were."""
    lost = int((~design.games.won & ~design.paid.scored.masked).sum())

    def told(paid: Paid) -> list[str]:
        agrees, loud = paid.agreement, paid.loudest
        return [
            f"{paid.teaching} of {len(paid.standings)}",
            "no pair" if agrees is None else f"{percent(agrees)} of pairs",
            f"{len(paid.inverted)} of {lost}",
            f"{cut(loud[0], 20)}, {percent(loud[1])}" if loud else "none",
        ]

    pairs = zip(FACTS, told(design.paid), told(design.before), strict=True)
    return [
        {"name": n, "hint": hint, "now": now, "was": "" if now == was else was}
        for (n, hint), now, was in pairs
    ]


def title(design: Design) -> str:
    """Return what the chosen episode is."""
    name = cut(game_names(design)[design.game], 200)
    head = f"Game {name}, episode {design.place + 1}: {how_ended(design.chosen)}"
    i, paid = design.episode, design.paid
    if paid.scored.masked[i]:
        reasons = [f.why for f in paid.scored.faults if f.episode == i]
        why = reasons[0] if reasons else design.chosen.error or "The world broke."
        return f"{head}. Not scored, so it teaches nothing: {cut(why, 400)}"
    size = len(design.games.groups[design.game])
    head += f", return {number(paid.returns[i])}, rank {paid.ranks[i]} of {size}."
    if i not in paid.inverted:
        return head
    return f"{head} It was lost and earns {_more(design, i)} a win of this game."


def _more(design: Design, i: int) -> str:
    """Return how a loss compares with the poorest win of its game."""
    excess = design.paid.excess[i]
    return "as much as" if excess <= SAME else f"{excess:.3g} more than"


def problems(design: Design) -> list[str]:
    """Return why some credits have no advantages for the chosen game."""
    why: dict[str, list[str]] = {}
    for name, found in design.paid.advantages(design.game).items():
        if isinstance(found, ConfigError):
            why.setdefault(found.why, []).append(name)
    return [f"No advantage under {', '.join(n)}: {text}" for text, n in why.items()]


def warnings(design: Design) -> list[dict[str, Any]]:
    """Return what is wrong with the reward, each with an episode that shows it."""
    told: list[dict[str, Any]] = [
        {"text": cut(text, LONG)} for text in design.paid.scored.warnings()
    ]
    for finding in design.findings:
        if finding.code == "weights_cancel":
            continue  # one of the warnings
        shown = design.evidence(finding)
        made_up = finding.sentence + IMAGINED
        told.append(
            {"text": made_up}
            if shown is None
            else {"text": finding.sentence, "see": shown}
        )
    worst = design.paid.inverted[:1]
    if worst and all(w.get("see") != worst[0] for w in told):
        text = f"A lost episode earns {_more(design, worst[0])} a win of its game."
        told.append({"text": text, "see": worst[0]})
    return told[:MOST_NOTES]


def announcement(design: Design) -> str:
    """Return what a screen reader should say now."""
    if not design.games.episodes:
        return NOBODY
    teaching = f"{design.paid.teaching} of {len(design.games.groups)} games teach."
    return f"{teaching} {cut(title(design), 400)}"
