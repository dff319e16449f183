import pytest

from tests.training.runs import opened
from toolkit.errors import ConfigError
from toolkit.training.config import OF_CRITIC
from toolkit.training.credit import get_credit
from toolkit.training.ppo import PPOTrainer
from toolkit.training.settings import make_config

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"
)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"critic": "separated"}, "no critic 'separated'.*\n.*\n.*separate"),
        ({"gae_lambda": 1.1}, r"gae_lambda is 1.1.*\n*.*in \[0, 1\]"),
        ({"value_coef": -1.0}, "value_coef is -1.0"),
        ({"value_clip": -0.1}, "value_clip is -0.1"),
        ({"kl_in_reward": -0.1}, "kl_in_reward is -0.1"),
        ({"kl_in_reward": 0.1, "beta": 0.1}, "fined twice"),
        ({"value_warmup_steps": 60, "max_steps": 60}, "never learn"),
        ({"value_warmup_steps": 2, "weight_decay": 0.1}, "weight_decay"),
    ],
)
def test_settings_that_cannot_be(settings, match):
    with pytest.raises(ConfigError, match=match):
        make_config(credit="gae_token", **settings)


@pytest.mark.parametrize("name", ["critic", *OF_CRITIC])
def test_settings_of_the_critic_need_one(name):
    own = {"value_warmup_steps": 3, "value_coef": 0.7, "critic": "separate"}
    value = own.get(name, 0.5)
    with pytest.raises(ConfigError, match=f"{name} is set, and the credit is 'grpo'"):
        make_config(**{name: value})
    assert getattr(make_config(credit="gae_turn", **{name: value}), name) == value


def test_estimators_with_a_critic_are_among_those_named():
    with pytest.raises(ConfigError, match="gae_turn: PPO with one value per turn"):
        get_credit("ppo")


def test_only_ppo_has_a_critic(tmp_path):
    assert make_config(credit="gae_token").has_critic
    assert not make_config(credit="grpo").has_critic
    with opened(tmp_path, credit="gae_turn") as trainer:
        assert isinstance(trainer, PPOTrainer)
