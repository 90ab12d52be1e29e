# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from torch.nn.functional import layer_norm

from projects.xpose.models.layers.fusion import PromptImageFusion

BATCH, TOKENS, PROMPTS, DIMS, HEADS = 2, 7, 4, 16, 4


@pytest.fixture
def fusion():
    torch.manual_seed(0)
    module = PromptImageFusion(
        DIMS, DIMS, embed_dim=32, num_heads=HEADS, init_values=0.5
    )
    for parameter in module.parameters():
        parameter.data += torch.randn_like(parameter) * 0.1
    return module.eval()


@pytest.fixture
def inputs():
    torch.manual_seed(1)
    tokens = torch.randn(BATCH, TOKENS, DIMS)
    prompts = torch.randn(BATCH, PROMPTS, DIMS)
    token_padding = torch.zeros(BATCH, TOKENS, dtype=torch.bool)
    token_padding[1, 5:] = True
    prompt_padding = torch.zeros(BATCH, PROMPTS, dtype=torch.bool)
    prompt_padding[0, 3:] = True
    return tokens, prompts, token_padding, prompt_padding


def attend(query, key, value):
    """One picture, one head: plain softmax attention without scale."""
    return (query @ key.T).softmax(-1) @ value


def reference(module, tokens, prompts):
    """One unpadded picture (T, D), (C, D), written out head by head."""
    v = layer_norm(
        tokens, (DIMS,), module.layer_norm_v.weight, module.layer_norm_v.bias
    )
    p = layer_norm(
        prompts, (DIMS,), module.layer_norm_l.weight, module.layer_norm_l.bias
    )
    attn, width = module.attn, 32 // HEADS
    query = attn.v_proj(v) * width**-0.5
    key = attn.l_proj(p)
    value_p, value_v = attn.values_l_proj(p), attn.values_v_proj(v)
    heads = [slice(h * width, (h + 1) * width) for h in range(HEADS)]
    to_tokens = torch.cat(
        [attend(query[:, h], key[:, h], value_p[:, h]) for h in heads], 1
    )
    to_prompts = torch.cat(
        [attend(key[:, h], query[:, h], value_v[:, h]) for h in heads], 1
    )
    return (
        v + module.gamma_v * attn.out_v_proj(to_tokens),
        p + module.gamma_l * attn.out_l_proj(to_prompts),
    )


def test_equals_the_formula_on_what_is_not_padded(fusion, inputs):
    tokens, prompts, token_padding, prompt_padding = inputs
    new_tokens, new_prompts = fusion(*inputs)
    for i in range(BATCH):
        real_v, real_p = ~token_padding[i], ~prompt_padding[i]
        expected = reference(fusion, tokens[i, real_v], prompts[i, real_p])
        torch.testing.assert_close(new_tokens[i, real_v], expected[0])
        torch.testing.assert_close(new_prompts[i, real_p], expected[1])


def test_padding_changes_nothing_else(fusion, inputs):
    tokens, prompts, token_padding, prompt_padding = inputs
    before = fusion(*inputs)
    other_tokens, other_prompts = tokens.clone(), prompts.clone()
    other_tokens[token_padding] = 100.0
    other_prompts[prompt_padding] = -100.0
    after = fusion(other_tokens, other_prompts, token_padding, prompt_padding)
    real_v, real_p = ~token_padding, ~prompt_padding
    assert torch.equal(before[0][real_v], after[0][real_v])
    assert torch.equal(before[1][real_p], after[1][real_p])
    # The masks do matter: without them the values differ.
    unmasked = fusion(other_tokens, other_prompts)
    assert not torch.allclose(unmasked[0][real_v], after[0][real_v])
    assert not torch.allclose(unmasked[1][real_p], after[1][real_p])


def test_large_logits_stay_finite(fusion, inputs):
    fusion.attn.l_proj.weight.data *= 1e9
    for output in fusion(*inputs):
        assert torch.isfinite(output).all()
