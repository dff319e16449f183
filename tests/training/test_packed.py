import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM
from trl.trainer.utils import add_fused_lm_head

from toolkit.errors import ModelError
from toolkit.training.packed import context_rows, episode_rows, pack, score

LENGTHS, WIDTH, VOCABULARY = (7, 3, 12), 14, 32


def model_of(*, key_value_heads=4, **settings):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=key_value_heads,
        **settings,
    )
    return LlamaForCausalLM(config)


def rectangle(*, left):
    """Rows of different length, padded, the last half of each to be scored."""
    torch.manual_seed(1)
    ids = torch.randint(0, VOCABULARY, (len(LENGTHS), WIDTH))
    mask, wanted = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, n in enumerate(LENGTHS):
        begin = WIDTH - n if left else 0
        mask[row, begin : begin + n] = 1
        wanted[row, begin + n // 2 : begin + n] = 1
    return ids, mask, wanted


def by_hand(model, ids, mask, wanted, temperature):
    """One row at a time, the whole vocabulary at every position."""
    logps, entropies = [], []
    for row, real, chosen in zip(ids, mask.bool(), wanted.bool(), strict=True):
        tokens, chosen = row[real], chosen[real]
        logp = (model(tokens[None]).logits[0] / temperature).log_softmax(-1)
        for k in chosen.nonzero()[:, 0].tolist():
            logps.append(logp[k - 1, tokens[k]])
            entropies.append(-(logp[k - 1].exp() * logp[k - 1]).sum())
    return torch.stack(logps), torch.stack(entropies)


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad])


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("key_value_heads", [1, 2, 4])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("fused", [False, True])
def test_scores_are_those_of_each_row_alone(left, key_value_heads, temperature, fused):
    model = model_of(key_value_heads=key_value_heads)
    ids, mask, wanted = rectangle(left=left)
    wanted_logps, wanted_entropies = by_hand(model, ids, mask, wanted, temperature)
    wanted_gradient = gradients(model, wanted_logps.sum() + wanted_entropies.sum())
    add_fused_lm_head(model, temperature, outputs=("log_probs", "entropy"))
    logps, entropies = score(
        model,
        pack(ids, mask, wanted),
        temperature=temperature,
        fused=fused,
    )
    assert torch.allclose(logps, wanted_logps, atol=1e-5)
    assert torch.allclose(entropies, wanted_entropies, atol=1e-5)
    found = gradients(model, logps.sum() + entropies.sum())
    assert torch.allclose(found, wanted_gradient, atol=1e-5)


def test_the_first_token_of_a_row_has_no_score():
    ids, mask, _ = rectangle(left=False)
    logps, _ = score(model_of(), pack(ids, mask, mask))
    assert len(logps) == sum(n - 1 for n in LENGTHS)


def test_adapters_are_trained_through_it():
    model = get_peft_model(
        model_of(), LoraConfig(target_modules="all-linear", init_lora_weights=False)
    )
    ids, mask, wanted = rectangle(left=True)
    found, _ = score(model, pack(ids, mask, wanted))
    expected, _ = by_hand(model, ids, mask, wanted, 1.0)
    assert torch.allclose(found, expected, atol=1e-5)
    assert gradients(model, found.sum()).abs().max() > 0


def test_the_model_attends_as_before_afterwards():
    model = model_of()
    before = model.config._attn_implementation
    score(model, pack(*rectangle(left=False)))
    assert model.config._attn_implementation == before


def test_a_window_that_is_too_short_is_refused():
    from transformers import MistralConfig, MistralForCausalLM

    model = MistralForCausalLM(
        MistralConfig(
            vocab_size=VOCABULARY,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=1,
            num_attention_heads=4,
            num_key_value_heads=4,
            sliding_window=5,
        )
    )
    with pytest.raises(ModelError, match="sliding window"):
        score(model, pack(*rectangle(left=False)))


def played(lengths, hidden, prompt=3):
    """An episode of actions of two tokens and observations of the given lengths."""
    wanted, edges = [0] * prompt, []
    for length, edge in zip(lengths, hidden, strict=True):
        wanted += [0] * length + [1, 1]
        edges += [(0, 0)] * length + [edge] * 2
    return wanted, edges


def forgetful():
    """Three episodes: one that forgot twice, one that saw all, one without actions."""
    first = played([0, 4, 1, 2, 3], [(0, 0), (0, 0), (2, 8), (2, 8), (2, 11)])
    second = played([0, 3, 6], [(0, 0)] * 3)
    third = ([0] * 5, [(0, 0)] * 2)
    width = len(first[0])
    rows, hidden = [], []
    for wanted, edges in (first, second, third):
        rows.append(wanted + [0] * (width - len(wanted)))
        hidden.append(edges + [(0, 0)] * (width - 3 - len(edges)))
    wanted = torch.tensor(rows)
    mask = torch.zeros_like(wanted)
    for i, episode in enumerate((first, second, third)):
        mask[i, : len(episode[0])] = 1
    torch.manual_seed(2)
    ids = torch.randint(0, VOCABULARY, wanted.shape)
    return episode_rows(ids, mask, wanted), torch.tensor(hidden)


def test_each_token_is_scored_in_its_own_context():
    model = model_of()
    episodes, hidden = forgetful()
    found, _ = score(model, pack(*context_rows(episodes, hidden, 3)[:3]))
    expected = []
    for ids, edges, wanted in zip(episodes.ids, hidden, episodes.wanted, strict=True):
        for k in wanted.nonzero()[:, 0].tolist():
            start, end = edges[k - 3].tolist()
            seen = [*ids[: 3 + start], *ids[3 + end : k]]
            logp = model(torch.stack(seen)[None]).logits[0, -1].log_softmax(-1)
            expected.append(logp[ids[k]])
    assert len(expected) == 16
    assert torch.allclose(found, torch.stack(expected), atol=1e-5)
    whole, _ = score(model, pack(*episodes[:3]))
    assert (whole - found).abs().max() > 1e-3  # what is hidden matters


def test_a_context_is_a_row():
    rows = context_rows(*forgetful(), 3)
    assert rows.episode.tolist() == [0, 0, 0, 1, 2]
    assert rows.wanted.sum(1).tolist() == [4, 4, 2, 6, 0]
    assert rows.mask.sum(1).tolist() == [11, 12, 14, 18, 5]
    assert rows.mask.shape[1] == 18  # no column is padding in every row


def test_what_forgot_nothing_is_left_as_it_is():
    episodes, hidden = forgetful()
    assert context_rows(episodes, None, 3) is episodes
    rows = context_rows(episodes, torch.zeros_like(hidden), 3)
    assert rows.episode.tolist() == [0, 1, 2]
    assert torch.equal(rows.ids[rows.mask], episodes.ids[episodes.mask.bool()])
