# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What we compute less of than the released model makes no difference.

It pads object prompts to 350, keypoints to 68, and gives keypoint layers one
dense mask over all objects.
"""

import official_instances as instances
import pytest
import torch

from projects.common.models.prompt_encoders import EncodedPrompts


@pytest.fixture(scope='module')
def model():
    return instances.build().double()


@torch.no_grad()
def test_padded_prompts_change_nothing(model):
    case = instances.make_case([(64, 96), (50, 70)], [(3, 5), (1, 9)])
    inputs, prompts, samples = case.batch()
    inputs = inputs.double()
    prompts = EncodedPrompts(
        prompts.object_embeddings.double(),
        prompts.keypoint_embeddings.double(),
        prompts.category_mask,
        prompts.keypoint_mask,
    )

    def pad(tensor, *sizes):
        # Something else than zero, which nothing may look at.
        fill = tensor.new_ones(*sizes, *tensor.shape[len(sizes) :])
        if tensor.dtype == torch.bool:
            fill = ~fill
        fill[tuple(map(slice, tensor.shape))] = tensor
        return fill

    padded = EncodedPrompts(
        pad(prompts.object_embeddings, 2, 350),
        pad(prompts.keypoint_embeddings, 2, 350, 68),
        pad(prompts.category_mask, 2, 350),
        pad(prompts.keypoint_mask, 2, 350, 68),
    )
    features = model.extract_feat(inputs)
    results = []
    for encoded in (prompts, padded):
        outputs = model.forward_transformer(features, encoded, samples)
        assert outputs['groups'].keypoint_mask.shape[-1] == 9
        results.append(
            model.bbox_head.forward_groups(
                outputs['keypoint_states'],
                outputs['object_prompts'],
                outputs['category_mask'],
            )[-1]
        )
    (logits, boxes, keypoints), other = results
    assert torch.allclose(other[0][..., :3], logits, atol=1e-10)
    assert torch.isinf(other[0][..., 3:]).all()
    assert torch.allclose(other[1], boxes, atol=1e-12)
    for index, count in enumerate([5, 9]):
        assert torch.allclose(
            other[2][index, :, :count],
            keypoints[index, :, :count],
            atol=1e-12,
        )


@torch.no_grad()
def test_attention_per_object_equals_one_dense_mask(model):
    torch.manual_seed(0)
    groups, slots, width = 4, 6, model.embed_dims
    real = torch.arange(slots) < torch.tensor([[6], [4], [6], [1]])
    count = groups * slots
    shapes = torch.tensor([[8, 12], [4, 6], [2, 3], [1, 2]])
    tokens = int(shapes.prod(1).sum())
    starts = torch.cat([shapes.new_zeros(1), shapes.prod(1).cumsum(0)[:-1]])

    def random(*shape):
        return torch.randn(*shape, dtype=torch.float64)

    common = dict(
        query=random(1, count, width),
        query_pos=random(1, count, width),
        value=random(1, tokens, width),
        key_padding_mask=None,
        reference_points=torch.rand(1, count, 4, 4, dtype=torch.float64),
        object_prompts=random(1, 3, width),
        category_mask=torch.ones(1, 3, dtype=torch.bool),
        spatial_shapes=shapes,
        level_start_index=starts,
    )
    layer = model.decoder.layers[-1]
    grouped = layer(**common, group_mask=real[None])
    owner = torch.arange(groups).repeat_interleave(slots)
    allowed = (owner[:, None] == owner) & real.flatten()
    dense = layer(**common, self_attn_mask=~allowed)
    assert torch.allclose(grouped, dense, atol=1e-12)
    free = layer(**common)
    assert not torch.allclose(grouped, free, atol=1e-3)
