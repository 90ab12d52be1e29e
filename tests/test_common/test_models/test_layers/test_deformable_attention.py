# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from mmcv.ops import MultiScaleDeformableAttention
from mmcv.ops.multi_scale_deform_attn import (
    multi_scale_deformable_attn_pytorch,
)

from projects.common.models.layers import (
    DeformableAttention,
    deformable_attention,
    embedding_bag_attention,
)

SHAPES = [(5, 7), (3, 4), (1, 2)]
TOKENS = sum(h * w for h, w in SHAPES)


def points(dtype=torch.float64, seed=0):
    """Value, locations (some outside the picture), weights."""
    gen = torch.Generator().manual_seed(seed)

    def rand(*shape):
        return torch.rand(shape, generator=gen, dtype=dtype)

    value = rand(2, TOKENS, 4, 8) - 0.5
    locations = rand(2, 6, 4, 3, 5, 2) * 1.6 - 0.3
    return value, locations, rand(2, 6, 4, 3, 5)


def test_equals_grid_sample_with_its_gradients():
    mine = [tensor.requires_grad_() for tensor in points()]
    other = [tensor.requires_grad_() for tensor in points()]
    out = embedding_bag_attention(mine[0], SHAPES, *mine[1:])
    expected = multi_scale_deformable_attn_pytorch(
        other[0], SHAPES, *other[1:]
    )
    torch.testing.assert_close(out, expected)
    seed = torch.rand_like(out)
    out.backward(seed)
    expected.backward(seed)
    for a, b in zip(mine, other, strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_a_point_on_a_token_reads_that_token():
    value = torch.arange(6.0).view(1, 6, 1, 1)
    locations = torch.tensor([2.5 / 3, 1.5 / 2]).view(1, 1, 1, 1, 1, 2)
    weights = torch.full((1, 1, 1, 1, 1), 0.5)
    out = embedding_bag_attention(value, [(2, 3)], locations, weights)
    assert out.item() == 2.5  # token 5 (second row, third column), halved


def test_not_a_number_shows_in_its_own_query_alone():
    value, locations, weights = points()
    locations[1, 2, 3, 0, 0, 0] = float('nan')
    out = embedding_bag_attention(value, SHAPES, locations, weights)
    affected = out.isnan().any(-1).nonzero().tolist()
    assert affected == [[1, 2]]


@pytest.mark.parametrize('backend', ['grid_sample', 'embedding_bag'])
def test_half_precision_keeps_its_type_but_not_its_places(backend):
    # A wide level whose values are its columns: an error is one of places.
    width = 128
    value = torch.linspace(0, 1, width).expand(2, width).reshape(1, -1, 1, 1)
    locations = torch.rand(1, 50, 1, 1, 1, 2) * 0.9 + 0.05
    locations[..., 1] = 0.5  # both rows are the same
    weights = torch.ones(1, 50, 1, 1, 1)
    layer = DeformableAttention(backend=backend, batch_first=True)
    out = layer._operator(value)(
        value.bfloat16(),
        torch.tensor([[2, width]]),
        torch.tensor([0]),
        locations,
        weights,
    )
    assert out.dtype == torch.bfloat16
    expected = (locations[..., 0].flatten() * width - 0.5) / (width - 1)
    # What is left is the rounding of values and result.
    torch.testing.assert_close(
        out.float().flatten(), expected, atol=4e-3, rtol=4e-3
    )


def layer_inputs(reference_dims):
    gen = torch.Generator().manual_seed(1)
    padding = torch.zeros(2, TOKENS, dtype=torch.bool)
    padding[1, -3:] = True
    return dict(
        query=torch.rand(2, 6, 16, generator=gen),
        value=torch.rand(2, TOKENS, 16, generator=gen),
        query_pos=torch.rand(2, 6, 16, generator=gen),
        reference_points=torch.rand(2, 6, 3, reference_dims, generator=gen),
        spatial_shapes=torch.tensor(SHAPES),
        level_start_index=torch.tensor([0, 35, 47]),
        key_padding_mask=padding,
    )


@pytest.mark.parametrize('reference_dims', [2, 4])
@pytest.mark.parametrize('backend', ['auto', 'grid_sample', 'embedding_bag'])
def test_layer_equals_mmcv(backend, reference_dims):
    sizes = dict(
        embed_dims=16, num_heads=4, num_levels=3, dropout=0, batch_first=True
    )
    reference = MultiScaleDeformableAttention(**sizes)
    torch.nn.init.normal_(reference.sampling_offsets.weight, std=0.1)
    torch.nn.init.normal_(reference.attention_weights.weight)
    layer = DeformableAttention(**sizes, backend=backend)
    layer.load_state_dict(reference.state_dict())
    inputs = layer_inputs(reference_dims)
    torch.testing.assert_close(layer(**inputs), reference(**inputs))
    identity = torch.ones(2, 6, 16)
    torch.testing.assert_close(
        layer(**inputs, identity=identity),
        reference(**inputs, identity=identity),
    )


def test_compiled_backend_calls_the_operator_of_mmcv(monkeypatch):
    # Without full mmcv that is the compatibility module's.
    called = []
    operator = deformable_attention.MultiScaleDeformableAttnFunction.apply
    monkeypatch.setattr(
        deformable_attention.MultiScaleDeformableAttnFunction,
        'apply',
        lambda *args: called.append(args) or operator(*args),
    )
    layer = DeformableAttention(16, 4, 3, dropout=0, batch_first=True)
    inputs = layer_inputs(2)
    expected = layer(**inputs)
    assert not called
    layer.backend = 'compiled'
    torch.testing.assert_close(layer(**inputs), expected)
    assert len(called) == 1


class Somewhere:
    """Stands in for a tensor on a device that is not here."""

    def __init__(self, kind):
        self.device = torch.device(kind)
        self.is_cuda = kind == 'cuda'


def test_automatic_choice(monkeypatch):
    import mmcv._ext

    choose = deformable_attention._automatic
    assert choose(Somewhere('cpu')) == 'embedding_bag'
    assert choose(Somewhere('cuda')) == 'grid_sample'
    assert choose(Somewhere('mps')) == 'grid_sample'
    monkeypatch.delattr(mmcv._ext, 'IS_ANYKEYPOINT_COMPAT')
    assert choose(Somewhere('cuda')) == 'compiled'
    assert choose(Somewhere('cpu')) == 'embedding_bag'


def test_unknown_backend_is_refused():
    with pytest.raises(ValueError, match="'cuda'; choose one of 'auto'"):
        DeformableAttention(backend='cuda', batch_first=True)


def test_batch_must_come_first():
    with pytest.raises(ValueError, match='set batch_first=True'):
        DeformableAttention()
