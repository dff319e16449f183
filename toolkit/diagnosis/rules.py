"""Why nothing is learnt: every rule with its cause, its remedies and its lesson.

What a rule looks for, and its thresholds, stand in its check, in `episode_checks.py`
and `update_checks.py`. A rule hides those that only see its consequences: when the
worlds crash, of course no group has won.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from toolkit.diagnosis import episode_checks, update_checks
from toolkit.diagnosis.findings import Seen
from toolkit.diagnosis.history import History


class Severity(StrEnum):
    """How much an alert matters; the worst first."""

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Something that can go wrong in a run."""

    id: str
    """Its name."""
    severity: Severity
    """How much it matters."""
    check: Callable[[History], Seen]
    """Says what it saw; its keyword arguments are thresholds."""
    why: str
    """Cause or consequence, one sentence in plain language."""
    remedies: tuple[str, ...]
    """What to try, the best first; each completes "Try first: …"."""
    lesson: str
    """The lesson in `tutorials/` that explains it."""
    hides: tuple[str, ...] = ()
    """Rules that see only consequences of this one."""

    @property
    def thresholds(self) -> Mapping[str, float]:
        """The numbers at which it fires."""
        given = inspect.signature(self.check).parameters.values()
        return {p.name: p.default for p in given if p.kind is p.KEYWORD_ONLY}


SILENT = (
    *("silent-no-exploration", "silent-too-hard", "silent-too-easy", "silent-mixed"),
    *("no-gradient", "plateau"),
)
BEHAVIOUR = (
    *("invalid-commands", "length-explosion", "length-collapse", "entropy-collapse"),
    *("token-limit", "context-limit", "turn-limit", "reward-hacking", *SILENT),
)

RULES = (
    Rule(
        id="not-finite",
        severity=Severity.PROBLEM,
        check=update_checks.not_finite,
        why="Once a weight is NaN the policy is destroyed, and every later step is "
        "wasted.",
        remedies=(
            "a learning rate ten times smaller, from the last good checkpoint",
            "bf16 or fp32 in place of fp16, whose largest number is 65504",
            "max_grad_norm=1.0 or less",
        ),
        lesson="05_policy_gradients",
        hides=("failed", "learning-rate", "loss-zero", *BEHAVIOUR),
    ),
    Rule(
        id="memory",
        severity=Severity.PROBLEM,
        check=update_checks.memory,
        why="One longer episode than before and the run dies.",
        remedies=(
            "half of per_device_train_batch_size with twice as many "
            "gradient_accumulation_steps, which changes nothing else",
            "gradient_checkpointing=True",
            "a smaller max_completion_length, or LoRA (see plan_memory)",
        ),
        lesson="00_quickstart",
        hides=("failed",),
    ),
    Rule(
        id="failed",
        severity=Severity.PROBLEM,
        check=update_checks.failed,
        why="Nothing after the last checkpoint is kept.",
        remedies=(
            "what the error says, then the same call with resume=True",
            "`toolkit doctor`, if the error speaks of a package or a device",
        ),
        lesson="00_quickstart",
    ),
    Rule(
        id="dead-environment",
        severity=Severity.PROBLEM,
        check=episode_checks.dead_environment,
        why="Broken episodes are left out of training, so it has less to learn from "
        "or nothing at all.",
        remedies=(
            "to play one of these games by hand with `toolkit play`, which shows "
            "the error",
            "fewer workers, if the machine has no memory left for them",
            "a longer time-out, if worlds are slow and not dead",
        ),
        lesson="00_quickstart",
        hides=("invalid-commands", "turn-limit", "useless-critic", *SILENT),
    ),
    Rule(
        id="reward-fails",
        severity=Severity.PROBLEM,
        check=episode_checks.reward_fails,
        why="An episode whose reward is no number is left out of training.",
        remedies=(
            "what reward_warnings in events.jsonl name: the term and the turn",
            "the term alone on a recorded episode: get_reward(…).score([episode])",
        ),
        lesson="03_rewards",
        hides=SILENT,
    ),
    Rule(
        id="weights-cancel",
        severity=Severity.PROBLEM,
        check=episode_checks.weights_cancel,
        why="The terms of the reward add up to the same for good and bad episodes, so "
        "no episode is better than another.",
        remedies=(
            "a larger weight for success than for all other terms together",
            "check_reward(reward, episodes), which shows what each term pays",
        ),
        lesson="03_rewards",
        hides=SILENT,
    ),
    Rule(
        id="learning-rate",
        severity=Severity.PROBLEM,
        check=update_checks.learning_rate,
        why="Steps this large overwrite what the policy could do before.",
        remedies=(
            "a learning rate three to ten times smaller, from an early checkpoint",
            "a longer warm-up (warmup_steps), or max_grad_norm=0.5",
            "fewer passes over each batch (num_iterations)",
            "a price on leaving the start: beta=0.02",
        ),
        lesson="05_policy_gradients",
        hides=BEHAVIOUR,
    ),
    Rule(
        id="sampler-mismatch",
        severity=Severity.PROBLEM,
        check=update_checks.sampler_mismatch,
        why="The gradient is that of another policy than the one that played.",
        remedies=(
            "the same temperature for playing and training, and no cut such as top_p",
            "the same number format on both sides, fp32 to find out",
            "fresh weights in the sampler, if it runs in another process",
            "to look at the mask of an episode: it must show the sampled tokens, no "
            "others",
        ),
        lesson="01_turns_and_tokens",
        hides=("learning-rate",),
    ),
    Rule(
        id="token-limit",
        severity=Severity.PROBLEM,
        check=episode_checks.token_limit,
        why="An episode that is cut cannot be won, whatever the policy does.",
        remedies=(
            "a larger max_completion_length, which counts the whole episode with "
            "the words of the world",
            "a shorter goal or shorter observations, if the world offers them",
            "smaller max_action_tokens of the policy, if its commands ramble",
        ),
        lesson="00_quickstart",
        hides=("silent-too-hard", "silent-mixed", "turn-limit", "plateau"),
    ),
    Rule(
        id="context-limit",
        severity=Severity.PROBLEM,
        check=episode_checks.context_limit,
        why="An episode that does not fit into the context cannot be won.",
        remedies=(
            "a larger max_context of the policy, or a model with a longer context",
            "a history of the policy, such as 8: it then forgets the older turns",
            "fewer turns, or shorter observations, if the world offers them",
        ),
        lesson="00_quickstart",
        hides=("silent-too-hard", "silent-mixed", "turn-limit", "plateau"),
    ),
    Rule(
        id="no-gradient",
        severity=Severity.PROBLEM,
        check=update_checks.no_gradient,
        why="Some episodes are better than others, but no weight hears of it.",
        remedies=(
            "to see whether any parameter has requires_grad, with LoRA the adapters",
            "to see whether the mask shows any sampled token (lesson 01)",
        ),
        lesson="01_turns_and_tokens",
        hides=("plateau",),
    ),
    Rule(
        id="silent-no-exploration",
        severity=Severity.PROBLEM,
        check=episode_checks.silent_no_exploration,
        why="The policy plays each game the same way every time, and equal episodes "
        "cannot be compared.",
        remedies=(
            "temperature=1.0, or higher than it is",
            "a policy that imitation has trained for fewer epochs",
            "larger groups (num_generations=16)",
        ),
        lesson="04_credit",
        hides=("plateau", "turn-limit", "entropy-collapse"),
    ),
    Rule(
        id="silent-too-hard",
        severity=Severity.PROBLEM,
        check=episode_checks.silent_too_hard,
        why="Where every episode of a game is worth the same, none is better than "
        "another; here they all lose.",
        remedies=(
            "easier games first, by a curriculum",
            "a denser reward, such as progress or discovery",
            "some demonstrations before reinforcement (imitation)",
            "larger groups (num_generations=16), so that one may win by chance",
        ),
        lesson="03_rewards",
        hides=("plateau", "turn-limit"),
    ),
    Rule(
        id="silent-mixed",
        severity=Severity.PROBLEM,
        check=episode_checks.silent_mixed,
        why="Within each game all episodes are worth the same: some games are always "
        "won, others never, or the reward does not see the difference.",
        remedies=(
            "curriculum='prioritised', which plays games of medium difficulty",
            "larger groups (num_generations=16)",
            "a denser reward, such as progress or discovery",
        ),
        lesson="04_credit",
        hides=("plateau",),
    ),
    Rule(
        id="silent-too-easy",
        severity=Severity.WARNING,
        check=episode_checks.silent_too_easy,
        why="All episodes of these games are won, so there is nothing left to learn "
        "from them.",
        remedies=(
            "harder games, or an end to this run",
            "curriculum='prioritised', which leaves out what is always won",
            "a small step_cost, so that early wins are worth more",
        ),
        lesson="04_credit",
        hides=("plateau", "entropy-collapse"),
    ),
    Rule(
        id="reward-hacking",
        severity=Severity.WARNING,
        check=episode_checks.hacking,
        why="The policy may have found how to be paid without winning.",
        remedies=(
            "to read the lost episodes that are paid most",
            "check_reward(reward, episodes), which looks for pay without a win",
            "a smaller weight for everything that is not success",
        ),
        lesson="03_rewards",
        hides=("plateau",),
    ),
    Rule(
        id="invalid-commands",
        severity=Severity.WARNING,
        check=episode_checks.invalid_commands,
        why="Turns in which nothing happens teach little beyond the form of a command.",
        remedies=(
            "some demonstrations before reinforcement (imitation), which teach the "
            "form",
            "the reward term invalid_action, with a weight of 0.05",
            "to read an episode: does the policy say more than the command?",
        ),
        lesson="06_sft_and_rl",
    ),
    Rule(
        id="turn-limit",
        severity=Severity.WARNING,
        check=episode_checks.turn_limit,
        why="Games that end before they are over are lost without a reason.",
        remedies=(
            "a turn budget of twice what the expert needs (max_turns of the world)",
            "a growing horizon, by a curriculum",
            "easier games first",
        ),
        lesson="03_rewards",
    ),
    Rule(
        id="entropy-collapse",
        severity=Severity.WARNING,
        check=update_checks.entropy_collapse,
        why="The policy has stopped to try things, though it is not good yet.",
        remedies=(
            "a smaller learning rate",
            "a price on leaving the start: beta=0.02",
            "a higher temperature, or larger groups",
        ),
        lesson="05_policy_gradients",
    ),
    Rule(
        id="length-explosion",
        severity=Severity.WARNING,
        check=episode_checks.length_explosion,
        why="Commands that ramble cost time and are cut in the end.",
        remedies=(
            "the reward term length, with a weight of 0.05",
            "to read an episode: is it repeating itself?",
            "a smaller learning rate",
        ),
        lesson="03_rewards",
    ),
    Rule(
        id="length-collapse",
        severity=Severity.WARNING,
        check=episode_checks.length_collapse,
        why="The policy says less and wins no more for it: thinking may have gone, or "
        "a term pays for silence.",
        remedies=(
            "to read an episode: what is left out?",
            "a smaller weight for length and format",
        ),
        lesson="03_rewards",
    ),
    Rule(
        id="useless-critic",
        severity=Severity.WARNING,
        check=update_checks.useless_critic,
        why="Advantages against a critic that foresees nothing are as noisy as none.",
        remedies=(
            "value_lr_factor=10, so that the critic learns faster",
            "value_warmup_steps=10, in which it learns alone",
            "a credit without a critic, such as turn_return or grpo",
        ),
        lesson="10_ppo_and_the_critic",
    ),
    Rule(
        id="too-slow",
        severity=Severity.WARNING,
        check=update_checks.too_slow,
        why="The learning rate falls to 0 at the last step, so a run that is cut short "
        "ends in the middle of its schedule.",
        remedies=(
            "fewer max_steps, so that the schedule fits into the time",
            "fewer episodes a step, or shorter ones",
            "a smaller model",
        ),
        lesson="00_quickstart",
    ),
    Rule(
        id="plateau",
        severity=Severity.WARNING,
        check=update_checks.plateau,
        why="More steps of the same kind will probably not help.",
        remedies=(
            "more different games (n_tasks), or curriculum='prioritised'",
            "credit per turn: turn_return or gae_turn",
            "a larger learning rate, if nothing has moved since the start",
        ),
        lesson="04_credit",
    ),
    Rule(
        id="saturated-term",
        severity=Severity.NOTE,
        check=episode_checks.saturated_term,
        why="What everybody is paid makes no difference any more.",
        remedies=("a weight of 0 for it, which makes the reward easier to read",),
        lesson="03_rewards",
    ),
    Rule(
        id="loss-zero",
        severity=Severity.NOTE,
        check=update_checks.loss_zero,
        why="That is no fault: with one update per batch the loss is minus the mean "
        "advantage, about 0 however much there is to learn, while its gradient is not.",
        remedies=("to watch success and the gradient norm instead of the loss",),
        lesson="05_policy_gradients",
    ),
)
"""All rules: the worst first, and causes before what they cause."""
