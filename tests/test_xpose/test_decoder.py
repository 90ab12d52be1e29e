# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from projects.xpose.models.layers.decoder import PromptPoseDecoder
from projects.xpose.models.layers.decoder_layer import PromptDecoderLayer
from projects.xpose.models.references import ReferenceRefiner
from tests.test_xpose.conftest import perturb

DIMS, HEADS, CATEGORIES = 16, 4, 3
SHAPES = torch.tensor([(4, 6), (2, 3)])


def layer_cfg():
    attention = {'embed_dims': DIMS, 'num_heads': HEADS}
    return {
        'self_attn_cfg': dict(attention),
        'cross_attn_text_cfg': dict(attention),
        'cross_attn_cfg': {**attention, 'num_levels': 2, 'dropout': 0.0},
        'ffn_cfg': {'embed_dims': DIMS, 'feedforward_channels': 32},
    }


@pytest.fixture
def layer():
    torch.manual_seed(0)
    module = PromptDecoderLayer(**layer_cfg())
    perturb(module)
    return module.eval()


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    module = PromptPoseDecoder(1, 2, layer_cfg())
    perturb(module)
    return module.eval()


@pytest.fixture
def refiner():
    torch.manual_seed(1)
    module = ReferenceRefiner(DIMS)
    perturb(module)
    return module


def context(batch=2, categories=CATEGORIES):
    return {
        'value': torch.randn(batch, 30, DIMS),
        'key_padding_mask': None,
        'spatial_shapes': SHAPES,
        'level_start_index': torch.tensor([0, 24]),
        'object_prompts': torch.randn(batch, categories, DIMS),
        'category_mask': torch.ones(batch, categories, dtype=torch.bool),
    }


def queries(batch, count):
    return {
        'query': torch.randn(batch, count, DIMS),
        'query_pos': torch.randn(batch, count, DIMS),
        'reference_points': torch.rand(batch, count, 2, 4),
    }


class PerPictureMask(torch.nn.Module):
    """Self-attention with a (B, N, N) mask in place of the layer's."""

    def __init__(self, attention, blocked):
        super().__init__()
        self.attention = attention
        self.blocked = blocked.repeat_interleave(HEADS, 0)

    def forward(self, query, query_pos, **unused):
        return self.attention(
            query=query,
            query_pos=query_pos,
            key_pos=query_pos,
            attn_mask=self.blocked,
        )


def dense_mask(group_mask):
    """(B, N, N) True = blocked: other groups and padded slots."""
    batch, groups, slots = group_mask.shape
    group = torch.arange(groups).repeat_interleave(slots)
    other = (group[:, None] != group)[None]
    return other | ~group_mask.flatten(1)[:, None]


@pytest.mark.parametrize(('groups', 'keypoints'), [(1, 1), (3, 4), (5, 7)])
def test_groups_equal_one_dense_masked_matrix(layer, groups, keypoints):
    torch.manual_seed(groups)
    slots = 1 + keypoints
    counts = torch.randint(1, slots + 1, (2, groups))  # box and keypoints
    counts[0, 0] = slots
    mask = torch.arange(slots) < counts[..., None]
    given = queries(2, groups * slots) | context()
    grouped = layer(**given, group_mask=mask)
    layer.self_attn = PerPictureMask(layer.self_attn, dense_mask(mask))
    dense = layer(**given)
    real = mask.flatten(1)
    torch.testing.assert_close(
        grouped[real], dense[real], atol=1e-5, rtol=1e-5
    )
    assert torch.isfinite(grouped).all()


def test_padded_slots_and_categories_do_not_matter(layer):
    torch.manual_seed(3)
    mask = torch.tensor([[[True, True, False], [True, True, True]]])
    given = queries(1, 6) | context(1)
    given['category_mask'] = torch.tensor([[True, True, False]])
    before = layer(**given, group_mask=mask)
    given['query'][0, 2] = 20.0
    given['object_prompts'][0, 2] = 20.0
    after = layer(**given, group_mask=mask)
    real = mask.flatten(1)
    assert torch.equal(before[real], after[real])


def test_prompts_never_get_the_positions_of_queries(layer):
    # As many queries as categories: mmcv would add query_pos to the prompts.
    torch.manual_seed(4)
    given = queries(1, 4) | context(1, categories=4)
    order = torch.tensor([2, 0, 3, 1])
    before = layer(**given)
    given['object_prompts'] = given['object_prompts'][:, order]
    torch.testing.assert_close(layer(**given), before)


def test_self_attention_mask_of_object_queries(layer):
    torch.manual_seed(5)
    given = queries(1, 5) | context(1)
    blocked = torch.zeros(5, 5, dtype=torch.bool)
    blocked[2:, :2] = True  # the last three do not see the first two
    before = layer(**given, self_attn_mask=blocked)
    given['query'][:, :2] += 1
    after = layer(**given, self_attn_mask=blocked)
    assert torch.equal(before[:, 2:], after[:, 2:])
    assert not torch.allclose(before[:, :2], after[:, :2])


def test_object_layers_move_boxes_and_keep_what_entered(decoder, refiner):
    given = context() | {'valid_ratios': torch.ones(2, 2, 2)}
    query, boxes = torch.randn(2, 5, DIMS), torch.rand(2, 5, 4)
    states = decoder.forward_objects(query, boxes, refiner, **given)
    assert len(states.hidden) == len(states.references) == 1
    assert torch.equal(states.references[0], boxes)
    torch.testing.assert_close(states.hidden[0], decoder.norm(states.query))
    torch.testing.assert_close(
        states.reference, refiner.refine_boxes(boxes, states.query)
    )


def test_keypoint_layers_refine_in_turn(decoder, refiner):
    given = context() | {'valid_ratios': torch.ones(2, 2, 2)}
    query, start = torch.randn(2, 3, 4, DIMS), torch.rand(2, 3, 4, 4)
    mask = torch.ones(2, 3, 4, dtype=torch.bool)
    states = decoder.forward_keypoints(
        query, start, refiner, group_mask=mask, **given
    )
    assert len(states.hidden) == 2
    assert torch.equal(states.references[0], start)
    assert states.reference.shape == start.shape
    torch.testing.assert_close(
        states.reference,
        refiner.refine_groups(states.references[1], states.query),
    )
    # Another group has no influence on this one.
    query[:, 1:] += 1
    other = decoder.forward_keypoints(
        query, start, refiner, group_mask=mask, **given
    )
    torch.testing.assert_close(other.query[:, 0], states.query[:, 0])
    assert not torch.allclose(other.query[:, 1], states.query[:, 1])


def test_positions_are_those_of_the_padded_picture(decoder, refiner):
    seen = []
    decoder.layers[0].register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs['reference_points']),
        with_kwargs=True,
    )
    ratios = torch.tensor([[[0.5, 1.0], [0.75, 0.5]]])  # (1, L, (w, h))
    boxes = torch.tensor([[[0.2, 0.4, 0.6, 0.8]]])
    decoder.forward_objects(
        torch.randn(1, 1, DIMS),
        boxes,
        refiner,
        valid_ratios=ratios,
        **context(1),
    )
    torch.testing.assert_close(
        seen[0],
        torch.tensor([[[[0.1, 0.4, 0.3, 0.8], [0.15, 0.2, 0.45, 0.4]]]]),
    )


def test_attention_teaches_sizes_of_keypoints_and_no_position(
    decoder, refiner
):
    given = context() | {'valid_ratios': torch.ones(2, 2, 2)}
    start = torch.rand(2, 3, 4, 4, requires_grad=True)
    states = decoder.forward_keypoints(
        torch.randn(2, 3, 4, DIMS),
        start,
        refiner,
        group_mask=torch.ones(2, 3, 4, dtype=torch.bool),
        **given,
    )
    (states.hidden[-1] ** 3).sum().backward()
    assert (start.grad[:, :, 1:, 2:] != 0).all()
    assert (start.grad[..., :2] == 0).all()
    assert (start.grad[:, :, 0] == 0).all()


def test_isolated_boxes_do_not_see_the_keypoints_they_were_given(refiner):
    torch.manual_seed(0)
    isolated = PromptPoseDecoder(1, 2, layer_cfg(), isolated_boxes=True)
    perturb(isolated)
    isolated.eval()
    given = context() | {'valid_ratios': torch.ones(2, 2, 2)}
    query, start = torch.randn(2, 3, 4, DIMS), torch.rand(2, 3, 4, 4)
    given['group_mask'] = torch.ones(2, 3, 4, dtype=torch.bool)
    before = isolated.forward_keypoints(query, start, refiner, **given)
    query[:, :, 1:] += 1
    after = isolated.forward_keypoints(query, start, refiner, **given)
    for old, new in zip(before.hidden, after.hidden):
        torch.testing.assert_close(old[:, :, 0], new[:, :, 0])
        assert not torch.allclose(old[:, :, 1:], new[:, :, 1:])
    # Keypoints still see their box.
    query[:, :, 0] += 1
    other = isolated.forward_keypoints(query, start, refiner, **given)
    assert not torch.allclose(
        other.hidden[0][:, :, 1:], after.hidden[0][:, :, 1:]
    )
