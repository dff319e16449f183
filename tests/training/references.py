"""The estimators a second time, as slow loops over one number at a time."""

import statistics

from toolkit.training.returns import EPSILON


def total(row, discount):
    return sum(discount**k * r for k, r in enumerate(row))


def rest(row, k, discount):
    return total(row[k:], discount)


def group_of(rewards, i, size):
    start = i - i % size
    return [j for j in range(start, start + size) if rewards[j] is not None]


def deviation(numbers):
    return statistics.stdev(numbers) if len(numbers) > 1 else 0.0


def turns_of(rewards):
    return [(i, k) for i, r in enumerate(rewards) for k in range(len(r or []))]


def ragged(rewards, advantage):
    rows = [[] for _ in rewards]
    for i, k in turns_of(rewards):
        rows[i].append(advantage(i, k))
    return rows


def grpo(rewards, *, group_size, discount=1.0, scale="group"):
    everyone = [j for j, r in enumerate(rewards) if r is not None]

    def advantage(i, _):
        group = group_of(rewards, i, group_size)
        returns = [total(rewards[j], discount) for j in group]
        centred = total(rewards[i], discount) - statistics.mean(returns)
        if scale == "batch":
            returns = [total(rewards[j], discount) for j in everyone]
        return centred if scale == "none" else centred / (deviation(returns) + EPSILON)

    return ragged(rewards, advantage)


def rloo(rewards, *, group_size, discount=1.0):
    def advantage(i, _):
        others = [j for j in group_of(rewards, i, group_size) if j != i]
        if not others:
            return 0.0
        base = statistics.mean(total(rewards[j], discount) for j in others)
        return total(rewards[i], discount) - base

    return ragged(rewards, advantage)


def reinforce_pp(rewards, *, discount=1.0):
    pool = [rest(rewards[i], k, discount) for i, k in turns_of(rewards)]

    def advantage(i, k):
        centred = rest(rewards[i], k, discount) - statistics.mean(pool)
        return centred / (deviation(pool) + EPSILON)

    return ragged(rewards, advantage)


def turn_return(rewards, *, group_size, discount=1.0):
    def centred(i, k):
        group = group_of(rewards, i, group_size)
        reached = [j for j in group if k < len(rewards[j])]
        base = statistics.mean(rest(rewards[j], k, discount) for j in reached)
        return rest(rewards[i], k, discount) - base

    def advantage(i, k):
        group = group_of(rewards, i, group_size)
        squares = [centred(j, m) ** 2 for j in group for m in range(len(rewards[j]))]
        return centred(i, k) / (statistics.mean(squares) ** 0.5 + EPSILON)

    return ragged(rewards, advantage)


def remax(rewards, *, greedy_returns, discount=1.0):
    def advantage(i, _):
        if greedy_returns[i] is None:
            return 0.0
        return total(rewards[i], discount) - greedy_returns[i]

    return ragged(rewards, advantage)


def gigpo(rewards, *, anchors, group_size, discount=1.0, step_weight=1.0):
    of_episode = grpo(rewards, group_size=group_size)

    def advantage(i, k):
        peers = [
            rest(rewards[j], m, discount)
            for j in group_of(rewards, i, group_size)
            for m in range(len(rewards[j]))
            if anchors[j][m] == anchors[i][k]
        ]
        centred = rest(rewards[i], k, discount) - statistics.mean(peers)
        return of_episode[i][k] + step_weight * centred / (deviation(peers) + EPSILON)

    return ragged(rewards, advantage)


def gae(rewards, values, discount, gae_lambda):
    """One chain, by the definition: a sum over all later surprises."""
    after = [*values, 0.0][1:]
    surprises = [
        r + discount * w - v for r, v, w in zip(rewards, values, after, strict=True)
    ]
    return [rest(surprises, k, discount * gae_lambda) for k in range(len(rewards))]


def whiten(numbers):
    mean = statistics.mean(numbers) if numbers else 0.0
    return [(x - mean) / (deviation(numbers) + EPSILON) for x in numbers]
