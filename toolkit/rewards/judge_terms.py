"""Judges as terms: named in a mix, in YAML or on the command line, loaded when used.

```yaml
reward:
  judged:                       # a model reads the transcript and a rubric
    model: smollm2-135m
    rubric: At the end, all tests pass.
```

```yaml
reward: {likelihood: {model: pocket-code}}   # a model reads along
```

```yaml
reward:
  judged: {model: gpt-4.1, url: "https://api.openai.com/v1", key_env: OPENAI_API_KEY,
           rubric: "…"}
```

A model that is named is loaded once in a process, as a copy that never learns. Training
loads it before it plays anything, so a name that means nothing ends the run there.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.episodes.record import Episode
from toolkit.errors import ConfigError, JudgeError
from toolkit.rewards.batch import BatchReward

LOADED = 4
"""Judges of a kind that a process keeps."""


class JudgeTerm:
    """A term whose settings say which model computes it.

    Args:
        make: Returns the reward; all its arguments are settings of the term.
        check: Gets the same, and refuses what cannot work before anything is loaded.
    """

    def __init__(
        self, make: Callable[..., BatchReward], check: Callable[..., None]
    ) -> None:
        self.check = check
        self._made = functools.lru_cache(maxsize=LOADED)(make)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        settings = inspect.signature(make).parameters.values()
        self.__signature__ = inspect.Signature(
            [inspect.Parameter("episode", kind), *settings]
        )
        self.__doc__ = make.__doc__

    def __call__(self, episode: Episode, **settings: Any) -> list[float]:
        """Return the rewards of one episode `(K,)`."""
        return self._made(**settings)(episode)

    def batch(
        self, episodes: Sequence[Episode], **settings: Any
    ) -> list[list[float] | JudgeError]:
        """Return for each episode the rewards of its turns `(K,)`, or what failed."""
        return self._made(**settings).batch(episodes)


def check_apart(name: str, settings: Mapping[str, Any], folder: str | Path) -> None:
    """Refuse a judge that is the policy which a run writes.

    Args:
        name: Of a term, any.
        settings: Of that term.
        folder: Of the run.

    Raises:
        ConfigError: If the model of the term lies in the folder.
    """
    model = settings.get("model")
    if not isinstance(model, str) or not Path(model).is_dir():
        return
    whole = Path(model).resolve()
    if Path(folder).resolve() in (whole, *whole.parents):
        raise ConfigError(
            f"The judge of {name!r} is {model}, in the folder of this run.",
            "It would be the learner itself, and change with each checkpoint.",
            "Copy it to another folder, or name what the run begins with.",
        )


def _judged(
    *,
    model: str,
    rubric: str,
    each: str = "episode",
    bf16: bool = False,
    url: str = "",
    key_env: str = "",
) -> BatchReward:
    """Pay what a language model says of the transcript, see `rewards.judged`.

    Args:
        model: What `load_policy` takes; with `url`, a name that the server knows.
        rubric: What a good episode (or turn) is, in plain words.
        each: Whether an `episode` is graded or each `turn`.
        bf16: Compute in 16 bits: a quarter of the time on a CPU that is made for it
            (AMX), far slower on one that is not.
        url: Of an endpoint such as `http://localhost:8000/v1` (empty: a local model).
        key_env: Environment variable that holds the key of the endpoint.
    """
    from toolkit.rewards.judge_endpoint import Endpoint
    from toolkit.rewards.judged import judged

    if url:
        endpoint = Endpoint(url=url, model=model, key_env=key_env or None)
        return judged(endpoint, rubric, each=each)
    return judged(_load(model, bf16=bf16), rubric, each=each)


def _likelihood(*, model: str, bf16: bool = False) -> BatchReward:
    """Pay how probable a model finds what the agent did, see `rewards.likelihood`.

    Args:
        model: What `load_policy` takes.
        bf16: Compute in 16 bits, as in `judged`.
    """
    from toolkit.rewards.likelihood import likelihood

    return likelihood(_load(model, bf16=bf16))


def _load(model: str, *, bf16: bool) -> Any:
    """Load a model that will not be trained."""
    import torch

    from toolkit.policies.models import load_policy

    policy = load_policy(model, frozen=True)
    if bf16:
        policy.model.to(torch.bfloat16)
    return policy


def _check_judged(
    *, model: Any, rubric: Any, each: Any = "episode", bf16: Any = False, **_: Any
) -> None:
    """Refuse settings of `judged` that cannot work."""
    from toolkit.rewards.judged import check_question

    _check_model("judged", model, bf16)
    check_question(rubric, each)


def _check_likelihood(*, model: Any, bf16: Any = False) -> None:
    """Refuse settings of `likelihood` that cannot work."""
    _check_model("likelihood", model, bf16)


def _check_model(term: str, model: Any, bf16: Any) -> None:
    if not isinstance(model, str) or not model.strip():
        raise ConfigError(
            f"The model of {term!r} is {model!r}.",
            "A mix is plain data, so a judge is named in it.",
            "Name a model that load_policy finds, or a folder; for one in memory: "
            f"term({term}(policy, …), name='…').",
        )
    if model.startswith(("http://", "https://")):
        raise ConfigError(
            f"The model of {term!r} is {model}, an address.",
            "It does not say which of the models there is to judge.",
            f'Such as judged: {{url: "{model}", model: …, rubric: …}}.',
        )
    if not isinstance(bf16, bool):
        raise ConfigError(f"bf16 of {term!r} is {bf16!r}.", "It is true or false.")


JUDGES: dict[str, JudgeTerm] = {
    "judged": JudgeTerm(_judged, _check_judged),
    "likelihood": JudgeTerm(_likelihood, _check_likelihood),
}
"""The terms that models compute, by name."""
