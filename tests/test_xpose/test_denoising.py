# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy

from projects.xpose.models.layers.denoising import PromptDenoising
from projects.xpose.models.task_modules.targets import denoising_targets
from tests.test_xpose.conftest import category, make_sample

DIMS = 8
THREE = [category('a', 2), category('b', 3), category('c', 4)]


def generator(num_dn_queries=4, **kwargs):
    options = {'label_noise_scale': 1e-9, 'box_noise_scale': 1e-6} | kwargs
    return PromptDenoising(
        embed_dims=DIMS,
        num_matching_queries=6,
        group_cfg={'dynamic': True, 'num_dn_queries': num_dn_queries},
        **options,
    )


def prompts(counts=(3, 3)):
    """Prompt c of picture b is the constant 10 b + c + 1."""
    value = 10 * torch.arange(len(counts))[:, None] + torch.arange(3) + 1.0
    mask = torch.arange(3) < torch.tensor(counts)[:, None]
    return value[..., None].expand(-1, -1, DIMS).clone(), mask


def batch():
    samples = [make_sample(1, THREE, seed=1), make_sample(2, THREE, seed=2)]
    samples[0].gt_instances.labels[:] = torch.tensor([2])
    samples[1].gt_instances.labels[:] = torch.tensor([1, 0])
    return samples


def test_layout_by_hand():
    # Two objects at most and four queries: two groups of [P P N N].
    content, _, mask, meta = generator()(batch(), *prompts())
    assert meta == {'num_denoising_queries': 8, 'num_denoising_groups': 2}
    assert content[..., 0].tolist() == [
        [3, 0, 3, 0, 3, 0, 3, 0],
        [12, 11, 12, 11, 12, 11, 12, 11],
    ]
    blocked = torch.zeros(14, 14, dtype=torch.bool)
    blocked[8:, :8] = True  # matching queries see no denoising query
    blocked[:4, 4:8] = blocked[4:8, :4] = True  # groups do not see another
    assert torch.equal(mask, blocked)


def test_queries_lie_on_the_objects_that_they_should_find():
    samples = batch()
    content, boxes, _, meta = generator()(samples, *prompts())
    matched, real = denoising_targets([1, 2], meta, content.device)
    assert matched.tolist() == [
        [0, -1, -1, -1, 0, -1, -1, -1],
        [0, 1, -1, -1, 0, 1, -1, -1],
    ]
    assert real.tolist() == [[True, False] * 4, [True] * 8]
    size = torch.tensor([128.0, 96, 128, 96])
    for i, sample in enumerate(samples):
        gt = sample.gt_instances
        found = matched[i] >= 0
        torch.testing.assert_close(
            bbox_cxcywh_to_xyxy(boxes[i].sigmoid())[found] * size,
            gt.bboxes[matched[i, found]],
            atol=0.02,
            rtol=0,
        )
        assert torch.equal(
            content[i, found, 0], gt.labels[matched[i, found]] + 10.0 * i + 1
        )


def test_positive_boxes_are_nearer_than_negative_ones():
    torch.manual_seed(0)
    samples = [make_sample(1, THREE, seed=5)]
    # Far from the border, where noisy boxes would be cut.
    samples[0].gt_instances.bboxes[:] = torch.tensor([48.0, 36, 80, 60])
    made = generator(400, box_noise_scale=0.5)
    _, boxes, _, meta = made(samples, *prompts((3,)))
    matched, _ = denoising_targets([1], meta, boxes.device)
    gt = samples[0].gt_instances.bboxes[0] / torch.tensor([128, 96, 128, 96])
    size = (gt[2:] - gt[:2]).repeat(2)
    shift = (bbox_cxcywh_to_xyxy(boxes[0].sigmoid()) - gt).abs() / size
    positive = matched[0] >= 0
    assert positive.sum() == 400
    assert shift[positive].max() < 0.25 + 1e-4
    assert shift[~positive].min() > 0.25 - 1e-4
    assert shift[~positive].max() < 0.5 + 1e-4


def test_exchanged_labels_stay_within_the_categories_of_the_picture():
    samples = [make_sample(2, THREE[:2], seed=1), make_sample(2, THREE)]
    torch.manual_seed(0)
    content = generator(200, label_noise_scale=2.0)(samples, *prompts((2, 3)))[
        0
    ]
    # All labels are exchanged: every category turns up, and no other.
    assert content[0, :, 0].unique().tolist() == [1, 2]
    assert content[1, :, 0].unique().tolist() == [11, 12, 13]


def test_share_of_exchanged_labels():
    torch.manual_seed(0)
    samples = [make_sample(1, THREE)]
    samples[0].gt_instances.labels[:] = 1
    content = generator(3000, label_noise_scale=0.5)(samples, *prompts((3,)))[
        0
    ]
    # A quarter is exchanged, two thirds of these for another category.
    share = (content[0, :, 0] != 2).float().mean().item()
    assert abs(share - 0.25 * 2 / 3) < 0.02


def test_no_object_in_the_whole_batch():
    samples = [make_sample(0, THREE), make_sample(0, THREE)]
    content, boxes, mask, meta = generator()(samples, *prompts())
    assert content.shape == (2, 0, DIMS)
    assert boxes.shape == (2, 0, 4)
    assert torch.equal(mask, torch.zeros(6, 6, dtype=torch.bool))
    assert meta == {'num_denoising_queries': 0, 'num_denoising_groups': 0}
    matched, real = denoising_targets([0, 0], meta, content.device)
    assert matched.shape == real.shape == (2, 0)


def test_more_objects_than_queries_still_make_one_group():
    samples = [make_sample(7, THREE)]
    content, _, _, meta = generator(4)(samples, *prompts((3,)))
    assert meta == {'num_denoising_queries': 14, 'num_denoising_groups': 1}
    assert torch.equal(
        content[0, :, 0], samples[0].gt_instances.labels.repeat(2) + 1.0
    )


def test_gradient_reaches_the_prompts():
    embeddings, mask = prompts()
    embeddings.requires_grad_()
    generator()(batch(), embeddings, mask)[0].sum().backward()
    # Four queries each of the categories that are there.
    assert embeddings.grad[..., 0].tolist() == [[0, 0, 4], [4, 4, 0]]
