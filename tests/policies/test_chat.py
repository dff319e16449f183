import pytest

from tests.models import CHATML, char_tokenizer, chat_tokenizer, tiny_model
from toolkit.errors import ModelError
from toolkit.policies.base import Observation
from toolkit.policies.chat import chat_template, compact_template
from toolkit.policies.models import ModelPolicy


def test_compact_glue():
    tokenizer = char_tokenizer()
    glue = compact_template(tokenizer)
    assert glue.wrap("A room.", is_first=True) == "A room.\n>"
    assert glue.wrap("Taken.", is_first=False) == "Taken.\n>"
    assert glue.stop_ids == (tokenizer.eos_token_id,)


@pytest.mark.parametrize("system", ["", "Play well."])
def test_chatml_glue(system):
    tokenizer = chat_tokenizer()
    glue = chat_template(tokenizer, system)
    head = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    assert glue.wrap("A room.", is_first=True) == (
        f"{head}<|im_start|>user\nA room.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert glue.wrap("Taken.", is_first=False) == (
        "\n<|im_start|>user\nTaken.<|im_end|>\n<|im_start|>assistant\n"
    )
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert glue.stop_ids == (end, tokenizer.eos_token_id)


def test_turn_by_turn_gives_the_ids_of_the_whole_conversation():
    tokenizer = chat_tokenizer()
    policy = ModelPolicy(tiny_model(len(tokenizer)), tokenizer, max_action_tokens=40)
    ids, messages, cut_off = [], [], 0
    for turn in range(12):
        text = f"Room {turn}. You see a {'lamp' * turn}."
        seen = Observation(episode=0, key=(0, 0), text=text)
        (action,) = policy.act([seen])
        ids += [*action.observation_ids, *action.ids]
        messages += [
            {"role": "user", "content": text},
            {"role": "assistant", "content": action.text},
        ]
        cut_off += action.ids[-1] not in policy.template.stop_ids
        assert not set(action.ids[:-1]) & set(policy.template.stop_ids)
    end = policy.template.stop_ids[0]
    closed = ids if ids[-1] in policy.template.stop_ids else [*ids, end]
    whole = tokenizer.apply_chat_template(messages, return_dict=False)
    # An untrained model also says <pad> and other special tokens: their texts vanish.
    special = set(tokenizer.all_special_ids) - {end}
    sampled_eos = [end if i == tokenizer.eos_token_id else i for i in closed]
    assert [i for i in sampled_eos if i not in special] == [
        i for i in whole[:-1] if i not in special
    ]
    assert 0 < cut_off < 12


def test_a_template_without_an_end_of_turn_token_is_refused():
    tokenizer = chat_tokenizer(CHATML.replace("<|im_end|>", ""))
    with pytest.raises(ModelError, match="special token"):
        chat_template(tokenizer)


def test_a_template_without_the_users_words_is_refused():
    tokenizer = chat_tokenizer("{% for m in messages %}?<|im_end|>{% endfor %}")
    with pytest.raises(ModelError, match="cannot be used for turns"):
        chat_template(tokenizer)


def test_a_template_that_takes_no_system_message_is_refused_with_one():
    no_system = (
        "{% if messages[0].role == 'system' %}"
        "{{ raise_exception('no system role') }}{% endif %}" + CHATML
    )
    tokenizer = chat_tokenizer(no_system)
    assert chat_template(tokenizer) == chat_template(chat_tokenizer())
    with pytest.raises(ModelError, match="no system role"):
        chat_template(tokenizer, "Play well.")
