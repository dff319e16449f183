"""Random episodes for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from toolkit.environments.base import SPLITS, Task
from toolkit.episodes.record import Episode, StopReason, Turn

finite = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(max_size=12)  # without surrogates, as hypothesis makes text
ids = st.integers(0, 2**31 - 1)
scalars = st.one_of(words, st.integers(), finite, st.booleans())
json_values = st.recursive(
    st.one_of(st.none(), scalars),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)
    ),
    max_leaves=5,
)


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    """Draw a task."""
    params = draw(st.dictionaries(words, scalars, max_size=3))
    return Task(
        env=draw(words),
        seed=draw(st.integers(-(2**63), 2**63 - 1)),
        split=draw(st.sampled_from(SPLITS)),
        params=tuple(sorted(params.items())),
    )


@st.composite
def turns(draw: st.DrawFn, vocabulary: st.SearchStrategy[int] = ids) -> Turn:
    """Draw a turn whose log-probs fit its action ids."""
    action_ids = tuple(draw(st.lists(vocabulary, max_size=6)))
    n = len(action_ids)
    return Turn(
        observation=draw(words),
        completion=draw(words),
        action=draw(words),
        reward=draw(finite),
        info=draw(st.dictionaries(words, json_values, max_size=3)),
        observation_ids=tuple(draw(st.lists(vocabulary, max_size=6))),
        action_ids=action_ids,
        logprobs=tuple(draw(st.lists(finite, min_size=n, max_size=n))),
        policy_s=draw(finite),
        env_s=draw(finite),
        hidden_ids=draw(st.tuples(st.integers(0, 50), st.integers(0, 50))),
    )


@st.composite
def sampled_turns(draw: st.DrawFn) -> Turn:
    """Draw a turn that a model could have played, without texts."""
    sampled = draw(
        st.lists(
            st.tuples(st.integers(0, 50), st.floats(-50, 0)), min_size=1, max_size=6
        )
    )
    return Turn(
        observation="",
        completion=draw(words),
        action="",
        reward=0.0,
        observation_ids=tuple(draw(st.lists(st.integers(0, 50), max_size=6))),
        action_ids=tuple(i for i, _ in sampled),
        logprobs=tuple(p for _, p in sampled),
    )


def sampled_episodes() -> st.SearchStrategy[Episode]:
    """Episodes that a model could have played, as far as tokens matter."""
    return st.builds(
        Episode,
        task=st.just(Task(env="toy", seed=0)),
        turns=st.lists(sampled_turns(), min_size=1, max_size=4).map(tuple),
        stop_reason=st.sampled_from(StopReason),
    )


@st.composite
def episodes(
    draw: st.DrawFn,
    max_turns: int = 4,
    vocabulary: st.SearchStrategy[int] = ids,
) -> Episode:
    """Draw an episode of 0 to `max_turns` turns with ids from `vocabulary`."""
    return Episode(
        task=draw(tasks()),
        turns=tuple(draw(st.lists(turns(vocabulary), max_size=max_turns))),
        stop_reason=draw(st.sampled_from(StopReason)),
        final_observation=draw(words),
        sample=draw(st.integers(0, 100)),
        seed=draw(st.integers(0, 2**32)),
        policy=draw(words),
        error=draw(words),
    )
