# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import projects.xpose  # noqa: F401, I001  before mmdet and torchvision
import pytest
import torch
from mmdet.models.backbones import SwinTransformer
from torchvision.models import swin_transformer

from projects.xpose.official.key_map import Layout, key_map
from projects.xpose.official.swin import (
    merging_to_mmdet,
    merging_to_official,
)


def test_merging_order_is_the_authors():
    # Channel c of pixel (row, column) is 10 c + 2 row + column.
    official = torch.tensor(
        [
            10 * c + 2 * r + col
            for col in (0, 1)
            for r in (0, 1)
            for c in (0, 1)
        ]
    )
    # nn.Unfold: all pixels of channel 0, row by row, then channel 1.
    unfolded = torch.tensor([0, 1, 2, 3, 10, 11, 12, 13])
    assert merging_to_mmdet(official).tolist() == unfolded.tolist()
    assert merging_to_official(unfolded).tolist() == official.tolist()


@pytest.mark.parametrize('shape', [(12,), (5, 24), (2, 3, 4)])
def test_merging_orders_are_inverse(shape):
    tensor = torch.randn(shape)
    back = merging_to_official(merging_to_mmdet(tensor))
    assert torch.equal(back, tensor)
    assert not torch.equal(merging_to_mmdet(torch.arange(8)), torch.arange(8))


def _official_name(name):
    """torchvision's name of a Swin tensor -> that of Swin's authors."""
    _, index, rest = name.split('.', 2)
    index = int(index)
    if index == 0:
        part = {'0': 'proj', '2': 'norm'}[rest.split('.')[0]]
        return f'backbone.0.patch_embed.{part}.{rest.split(".")[1]}'
    stage = (index - 1) // 2
    if index % 2 == 0:
        return f'backbone.0.layers.{stage}.downsample.{rest}'
    rest = rest.replace('mlp.0.', 'mlp.fc1.').replace('mlp.3.', 'mlp.fc2.')
    return f'backbone.0.layers.{stage}.blocks.{rest}'


@torch.no_grad()
def test_backbone_computes_what_torchvision_does():
    # Odd sizes: 72 x 92 pixels are 18 x 23 and then 9 x 12 positions.
    torch.manual_seed(0)
    theirs = swin_transformer.SwinTransformer(
        [4, 4], 12, [2, 2, 2], [1, 2, 3], [3, 3], norm_layer=torch.nn.LayerNorm
    ).eval()
    for parameter in theirs.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.1)
    weights = {
        _official_name(name): tensor
        for name, tensor in theirs.state_dict().items()
        if name.startswith('features.')
    }
    ours = SwinTransformer(
        embed_dims=12,
        depths=[2, 2, 2],
        num_heads=[1, 2, 3],
        strides=(4, 2, 2),
        window_size=3,
        out_indices=(0, 1, 2),
    )
    ours.eval()
    # torchvision has neither the norms of the maps nor the same index table.
    names = [
        f'backbone.{name}'
        for name in ours.state_dict()
        if not name.startswith('norm') and 'position_index' not in name
    ]
    state = {
        entry.ours.removeprefix('backbone.'): entry.decode(
            [weights[name] for name in entry.official]
        )
        for entry in key_map(names, Layout(1, 1, 3))
    }
    ours.load_state_dict(state, strict=False)
    image = torch.randn(2, 3, 72, 92)
    maps, features = ours(image), image
    for stage, size in enumerate([(18, 23), (9, 12), (5, 6)]):
        for layer in theirs.features[2 * stage : 2 * stage + 2]:
            features = layer(features)
        norm = getattr(ours, f'norm{stage}')
        expected = norm(features).permute(0, 3, 1, 2)
        assert maps[stage].shape[2:] == size
        assert torch.allclose(maps[stage], expected, atol=2e-5)
