# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch
import torch.nn.functional as F

from projects.ppm.models.diffusion import (
    CrossAttentionRecorder,
    attention_maps,
    cross_attention_layers,
    mean_map,
)
from projects.ppm.models.diffusion.attention import layer_shape
from tests.test_ppm.conftest import WIDTH, make_unet

KINDS = ('sd1', 'sd2')
# Of latents of 16 x 16.
SIDES = {
    'down_blocks.0': 16,
    'down_blocks.1': 8,
    'mid_block': 4,
    'up_blocks.1': 8,
    'up_blocks.2': 16,
}


@pytest.fixture(scope='module', params=KINDS)
def unet(request):
    return make_unet(request.param).requires_grad_(False)


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(3)
    latents = torch.randn(2, 4, 16, 16, generator=generator)
    context = torch.randn(2, 1, WIDTH, generator=generator)
    return latents, 10, context


def hooked(unet, inputs):
    """Queries and keys of the cross-attention layers, by module hooks."""
    taken, handles = {}, []
    for name, module in unet.named_modules():
        if name.endswith(('attn2.to_q', 'attn2.to_k')):
            handles.append(
                module.register_forward_hook(
                    lambda m, i, out, name=name: taken.update({name: out})
                )
            )
    output = unet(*inputs).sample
    for handle in handles:
        handle.remove()
    return output, taken


def by_hand(unet, taken, name, side, average):
    """Eq. 2, one head after the other."""
    query, key = taken[f'{name}.to_q'], taken[f'{name}.to_k']
    heads = unet.get_submodule(name).heads
    width = query.shape[-1] // heads
    if average == 'channels':
        product = (query * key).mean(-1) / math.sqrt(query.shape[-1])
        return product.sigmoid().reshape(-1, side, side)
    logits = [
        (
            query[..., h * width : (h + 1) * width]
            * key[..., h * width : (h + 1) * width]
        ).sum(-1)
        / math.sqrt(width)
        for h in range(heads)
    ]
    if average == 'heads':
        result = (sum(logits) / heads).sigmoid()
    else:
        result = sum(x.sigmoid() for x in logits) / heads
    return result.reshape(-1, side, side)


@pytest.mark.parametrize('average', ['heads', 'head_maps', 'channels'])
def test_maps_equal_those_of_hooked_queries_and_keys(unet, inputs, average):
    with torch.no_grad():
        plain, taken = hooked(unet, inputs)
        with CrossAttentionRecorder(unet, average=average) as recorder:
            output = unet(*inputs).sample
    torch.testing.assert_close(output, plain, atol=1e-6, rtol=0)
    assert len(recorder.maps) == len(recorder.layers) == 7
    total = 0
    for name, maps in recorder.maps.items():
        side = SIDES[name.split('.attentions')[0]]
        expected = by_hand(unet, taken, name, side, average)
        assert maps.shape == (2, 1, side, side)
        torch.testing.assert_close(maps[:, 0], expected, atol=1e-5, rtol=0)
        total = total + F.interpolate(
            expected[:, None], (32, 32), mode='bilinear'
        )
    torch.testing.assert_close(
        recorder.mean_map(32), total / 7, atol=1e-5, rtol=0
    )


def test_heads_of_both_conventions():
    heads = {
        kind: [
            unet.get_submodule(name).heads
            for name in cross_attention_layers(unet)
        ]
        for kind in KINDS
        for unet in [make_unet(kind)]
    }
    assert set(heads['sd1']) == {2}
    assert set(heads['sd2']) == {2, 4, 8}


def test_gradient_of_the_context_is_intact(unet, inputs):
    latents, t, context = inputs
    plain = context.clone().requires_grad_()
    weights = torch.randn(2, 4, 16, 16, generator=torch.manual_seed(0))
    (unet(latents, t, plain).sample * weights).sum().backward()
    recorded = context.clone().requires_grad_()
    with CrossAttentionRecorder(unet) as recorder:
        (unet(latents, t, recorded).sample * weights).sum().backward()
    torch.testing.assert_close(recorded.grad, plain.grad, atol=1e-6, rtol=0)

    # The gradient of the maps, against finite differences.
    with CrossAttentionRecorder(unet) as recorder:
        probe = context.clone().requires_grad_()
        unet(latents, t, probe)
        recorder.mean_map(8).square().sum().backward()
        direction = probe.grad / probe.grad.norm()
        values = []
        for sign in (1, -1):
            unet(latents, t, context + sign * 1e-2 * direction)
            values.append(recorder.mean_map(8).double().square().sum())
    slope = (values[0] - values[1]) / 2e-2
    assert float(slope) == pytest.approx(float(probe.grad.norm()), rel=0.02)


def test_checkpointing_gives_the_same_gradient(inputs):
    latents, t, context = inputs
    gradients = []
    for checkpointing in (False, True):
        unet = make_unet('sd1').requires_grad_(False)
        if checkpointing:
            unet.enable_gradient_checkpointing()
        probe = context.clone().requires_grad_()
        with CrossAttentionRecorder(unet) as recorder:
            prediction = unet(latents, t, probe).sample
            total = recorder.mean_map(16).square().sum()
            maps = {k: v.detach().clone() for k, v in recorder.maps.items()}
            (total + prediction.square().mean()).backward()
            for name, before in maps.items():
                assert torch.equal(recorder.maps[name].detach(), before)
        gradients.append(probe.grad)
    torch.testing.assert_close(*gradients, atol=1e-6, rtol=1e-5)


def test_processors_are_restored_even_after_an_error(unet, inputs):
    found = dict(unet.attn_processors)
    with CrossAttentionRecorder(unet, ['up_blocks.1']) as recorder:
        inside = dict(unet.attn_processors)
        for name, processor in inside.items():
            recorded = name.removesuffix('.processor') in recorder.layers
            # Self-attention keeps the very object it had.
            assert (processor is not found[name]) is recorded
    assert all(unet.attn_processors[k] is v for k, v in found.items())
    hooks = len(unet._forward_pre_hooks)
    with pytest.raises(RuntimeError), CrossAttentionRecorder(unet):
        unet(inputs[0], 10, torch.zeros(2, 1, WIDTH + 1))
    assert all(unet.attn_processors[k] is v for k, v in found.items())
    assert len(unet._forward_pre_hooks) == hooks


def test_chosen_layers_and_queries(unet, inputs):
    every = cross_attention_layers(unet)
    up = cross_attention_layers(unet, ['up_blocks.1', 'mid_block'])
    assert up == tuple(
        n for n in every if n.startswith(('up_blocks.1.', 'mid_block.'))
    )
    assert all(name.endswith('attn2') for name in every)
    with (
        torch.no_grad(),
        CrossAttentionRecorder(unet, every[:1], keep_queries=True) as rec,
    ):
        unet(*inputs)
        first = rec.maps[every[0]]
        _, taken = hooked(unet, inputs)
    assert list(rec.queries) == [every[0]]
    torch.testing.assert_close(
        rec.queries[every[0]], taken[f'{every[0]}.to_q']
    )
    torch.testing.assert_close(rec.maps[every[0]], first)


def test_several_tokens_and_pictures_that_are_not_square(unet):
    context = torch.randn(1, 3, WIDTH)
    with torch.no_grad(), CrossAttentionRecorder(unet) as recorder:
        unet(torch.randn(1, 4, 12, 20), 10, context)
        together = dict(recorder.maps)
    shapes = {tuple(m.shape[-2:]) for m in together.values()}
    assert shapes == {(12, 20), (6, 10), (3, 5)}
    assert {m.shape[1] for m in together.values()} == {3}
    assert all(0 <= m.min() <= m.max() <= 1 for m in together.values())


def test_maps_of_one_resolution_are_enlarged_together():
    maps = {name: torch.rand(1, 2, s, s) for name, s in zip('abc', (4, 4, 8))}
    each = [F.interpolate(m, (16, 16), mode='bilinear') for m in maps.values()]
    torch.testing.assert_close(mean_map(maps, 16), sum(each) / 3)


def test_half_precision_queries_are_summed_in_single():
    query = torch.randn(1, 4, 640, generator=torch.manual_seed(0)) * 8
    query, key = query.half(), query[:, :1].half()
    exact = attention_maps(query.double(), key.double(), 8)
    torch.testing.assert_close(
        attention_maps(query, key, 8), exact.float(), atol=1e-5, rtol=0
    )


def test_errors(unet):
    with pytest.raises(ValueError, match="no cross-attention layer 'up'"):
        cross_attention_layers(unet, ['up'])
    with pytest.raises(ValueError, match='name at least one'):
        cross_attention_layers(unet, [])
    with pytest.raises(ValueError, match="average of attention is 'sum'"):
        CrossAttentionRecorder(unet, average='sum')
    with pytest.raises(ValueError, match='has 7 places'):
        layer_shape(7, (16, 16))
    assert layer_shape(15, (9, 17)) == (3, 5)
    layer = unet.get_submodule(cross_attention_layers(unet)[0])
    layer.norm_cross = torch.nn.LayerNorm(WIDTH)
    with pytest.raises(ValueError, match='normalises its inputs itself'):
        cross_attention_layers(unet)
    layer.norm_cross = None


def test_a_unet_without_text():
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel(
        block_out_channels=(8,),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=('DownBlock2D',),
        up_block_types=('UpBlock2D',),
        mid_block_type=None,
    )
    with pytest.raises(ValueError, match='no cross-attention, so no text'):
        cross_attention_layers(unet)
