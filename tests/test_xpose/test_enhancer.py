# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from projects.xpose.models.layers.enhancer import CrossModalityEnhancer

DIMS, SHAPES = 16, [(4, 6), (2, 3)]
NUM_TOKENS = sum(h * w for h, w in SHAPES)


def build(**kwargs):
    torch.manual_seed(0)
    attention = {'embed_dims': DIMS, 'num_heads': 2}
    ffn = {'embed_dims': DIMS, 'feedforward_channels': 32}
    enhancer = CrossModalityEnhancer(
        num_layers=2,
        fusion_cfg={
            'v_dim': DIMS,
            'l_dim': DIMS,
            'embed_dim': 16,
            'num_heads': 2,
            'init_values': 0.5,
        },
        prompt_layer_cfg={
            'self_attn_cfg': dict(attention),
            'ffn_cfg': dict(ffn),
        },
        layer_cfg={
            'self_attn_cfg': {**attention, 'num_levels': 2, 'dropout': 0.0},
            'ffn_cfg': dict(ffn),
        },
        **kwargs,
    )
    for parameter in enhancer.parameters():
        parameter.data += torch.randn_like(parameter) * 0.05
    return enhancer.eval()


def image(padding=False):
    torch.manual_seed(1)
    mask = None
    ratios = torch.ones(2, 2, 2)
    if padding:  # the last column of each level of the second picture
        levels = [torch.zeros(2, h, w, dtype=torch.bool) for h, w in SHAPES]
        for i, level in enumerate(levels):
            level[1, :, -1] = True
            ratios[1, i, 0] = 1 - 1 / level.shape[2]
        mask = torch.cat([level.flatten(1) for level in levels], 1)
    return {
        'query': torch.randn(2, NUM_TOKENS, DIMS),
        'query_pos': torch.randn(2, NUM_TOKENS, DIMS),
        'key_padding_mask': mask,
        'spatial_shapes': torch.tensor(SHAPES),
        'level_start_index': torch.tensor([0, 24]),
        'valid_ratios': ratios,
    }


def prompts(count=4, real=(4, 4)):
    torch.manual_seed(2)
    mask = torch.arange(count) < torch.tensor(real)[:, None]
    return {
        'object_prompts': torch.randn(2, count, DIMS),
        'category_mask': mask,
    }


@pytest.mark.parametrize('mode', ['isolated', 'full'])
def test_the_order_of_categories_does_not_matter(mode):
    enhancer, given = build(prompt_self_attention=mode), prompts()
    order = torch.tensor([2, 0, 3, 1])
    memory, enhanced = enhancer(**image(), **given)
    permuted = enhancer(
        **image(),
        object_prompts=given['object_prompts'][:, order],
        category_mask=given['category_mask'],
    )
    torch.testing.assert_close(permuted[0], memory)
    torch.testing.assert_close(permuted[1], enhanced[:, order])


@pytest.mark.parametrize('mode', ['isolated', 'full'])
def test_padded_prompts_do_not_matter(mode):
    enhancer, given = build(prompt_self_attention=mode), prompts(4, (4, 2))
    memory, enhanced = enhancer(**image(), **given)
    given['object_prompts'][1, 2:] = 50.0
    other_memory, other = enhancer(**image(), **given)
    assert torch.equal(other_memory, memory)
    assert torch.equal(
        other[given['category_mask']], enhanced[given['category_mask']]
    )
    # The same as a prompt that was never padded.
    alone = enhancer(
        **{
            k: v[1:] if k in ('query', 'query_pos', 'valid_ratios') else v
            for k, v in image().items()
        },
        object_prompts=given['object_prompts'][1:, :2],
        category_mask=given['category_mask'][1:, :2],
    )
    torch.testing.assert_close(alone[0], memory[1:])
    torch.testing.assert_close(alone[1], enhanced[1:, :2])


def test_full_prompts_see_each_other_and_isolated_ones_do_not():
    # Without fusion, self-attention is the only way between prompts.
    changes = {}
    for mode in ('isolated', 'full'):
        enhancer, given = build(prompt_self_attention=mode), prompts()
        for fusion in enhancer.fusion_layers:
            fusion.gamma_v.data.zero_()
            fusion.gamma_l.data.zero_()
        before = enhancer(**image(), **given)[1]
        given['object_prompts'][:, 0] += torch.randn(DIMS)
        after = enhancer(**image(), **given)[1]
        assert not torch.allclose(before[:, 0], after[:, 0])
        changes[mode] = (before - after)[:, 1:].abs().max().item()
    assert changes['isolated'] == 0
    assert changes['full'] > 1e-3


def test_padded_image_tokens_do_not_matter():
    enhancer, given = build(), image(padding=True)
    memory, enhanced = enhancer(**given, **prompts())
    given['query'][given['key_padding_mask']] = 30.0
    other_memory, other = enhancer(**given, **prompts())
    real = ~given['key_padding_mask']
    torch.testing.assert_close(other_memory[real], memory[real])
    torch.testing.assert_close(other, enhanced)


def test_prompt_and_image_reach_each_other():
    enhancer, given, picture = build(), prompts(), image()
    memory, enhanced = enhancer(**picture, **given)
    given['object_prompts'][0, 0] += torch.randn(DIMS)
    assert not torch.allclose(enhancer(**picture, **given)[0][0], memory[0])
    given = prompts()
    picture['query'][0, 0] += torch.randn(DIMS)
    assert not torch.allclose(enhancer(**picture, **given)[1][0], enhanced[0])


def test_unknown_self_attention():
    with pytest.raises(ValueError, match='"isolated" or "full", got "none"'):
        build(prompt_self_attention='none')
