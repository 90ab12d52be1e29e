# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from torch import nn

from projects.xpose.models.groups import (
    KeypointGroups,
    expand_groups,
    keep_objects,
    keep_pairs,
    keypoint_content,
    take,
)
from projects.xpose.models.references import ReferenceRefiner

INF = float('inf')
# Categories of the two pictures have 2, 4, 1 and 3, 1 keypoints.
COUNTS = torch.tensor([[2, 4, 1], [3, 1, 0]])
MASK = torch.arange(4) < COUNTS[..., None]


def logits():
    first = [[0.1, -1.0, 0.0], [2.0, 3.0, 0.0], [1.0, 0.5, 0.9], [-5, -4, 0.2]]
    second = [[-1.0, 4.0, -INF], [0, 0.5, -INF], [5, 1, -INF], [0, -9, -INF]]
    return torch.tensor([first, second])


def test_best_objects_by_descending_score():
    groups = keep_objects(logits(), MASK, 2)
    assert groups.indices.tolist() == [[1, 2], [2, 0]]
    assert groups.labels.tolist() == [[1, 0], [0, 1]]
    assert groups.keypoint_mask.tolist() == [
        [[True] * 4, [True, True, False, False]],
        [[True, True, True, False], [True, False, False, False]],
    ]


def test_an_object_is_kept_once_for_each_likely_category():
    groups = keep_pairs(logits(), MASK, 3)
    assert groups.indices.tolist() == [[1, 1, 2], [2, 0, 2]]
    assert groups.labels.tolist() == [[1, 0, 0], [0, 1, 1]]
    assert groups.keypoint_mask.sum(-1).tolist() == [[4, 2, 2], [3, 1, 1]]


def test_too_few_pairs_are_filled_up_with_padded_categories():
    groups = keep_pairs(logits()[:, :1], MASK, 50)
    assert groups.labels[1].tolist() == [1, 0, 2]
    assert groups.keypoint_mask[1, 2].sum() == 0


def test_slots_are_cut_to_the_largest_kept_category():
    scores = logits()
    scores[0, :, 1] = -INF  # nobody takes the category with 4 keypoints
    groups = keep_objects(scores, MASK, 2)
    assert groups.labels.tolist() == [[0, 0], [0, 1]]
    assert groups.keypoint_mask.shape == (2, 2, 3)
    assert groups.keypoint_mask.sum(-1).tolist() == [[2, 2], [3, 1]]
    assert groups.slot_mask.shape == (2, 2, 4)
    assert groups.slot_mask[..., 0].all()
    assert torch.equal(groups.slot_mask[..., 1:], groups.keypoint_mask)


def test_matched_objects_come_first_with_their_true_category():
    assigned = torch.tensor([[-1, -1, 2, 1], [-1, -1, -1, -1]])
    groups = keep_objects(logits(), MASK, 3, assigned)
    assert sorted(groups.indices[0, :2].tolist()) == [2, 3]
    assert groups.indices[0, 2].item() == 1
    by_query = dict(zip(groups.indices[0].tolist(), groups.labels[0].tolist()))
    assert by_query == {2: 2, 3: 1, 1: 1}
    assert groups.indices[1].tolist() == [2, 0, 1]


def test_all_matched_objects_are_kept():
    assigned = torch.tensor([[0, 1, 2, -1], [-1, -1, 0, -1]])
    groups = keep_objects(logits(), MASK, 1, assigned)
    assert groups.indices.shape == (2, 3)
    assert sorted(groups.indices[0].tolist()) == [0, 1, 2]
    assert groups.indices[1].tolist() == [2, 0, 1]


def test_more_groups_than_objects():
    groups = keep_objects(logits(), MASK, 50)
    assert groups.indices.tolist() == [[1, 2, 3, 0], [2, 0, 1, 3]]


def test_take_picks_rows_of_each_picture():
    groups = KeypointGroups(
        torch.tensor([[1, 0], [2, 2]]), torch.zeros(2, 2).long(), MASK[:, :2]
    )
    values = torch.arange(6).view(2, 3, 1) * 10
    assert groups.take(values)[..., 0].tolist() == [[10, 0], [50, 50]]


def test_expanded_groups_by_hand():
    torch.manual_seed(0)
    refiner = ReferenceRefiner(8)
    query, boxes = torch.randn(2, 3, 8), torch.rand(2, 3, 4)
    prompts = torch.randn(2, 3, 4, 8)
    mask = torch.arange(3) < torch.tensor([[2, 3], [1, 3]])[..., None]
    groups = KeypointGroups(
        torch.tensor([[2, 0], [1, 1]]), torch.tensor([[0, 1], [1, 0]]), mask
    )
    taken = take(prompts[:, :, :3], groups.labels)
    content, reference = expand_groups(groups, query, boxes, taken, refiner)
    assert content.shape == (2, 2, 4, 8)
    assert torch.equal(content[0, 0, 0], query[0, 2])
    assert torch.equal(content[1, 1, 0], query[1, 1])
    assert torch.equal(content[0, 1, 1:], prompts[0, 1, :3])
    assert torch.equal(content[1, 0, 1:], prompts[1, 1, :3])
    assert torch.equal(reference[0, 1, 0], boxes[0, 0])
    expected = refiner.start_keypoints(
        prompts[:1, :1, :3], query[:1, 2:], boxes[:1, 2:]
    )
    torch.testing.assert_close(reference[0, 0, 1:], expected[0, 0])


@pytest.mark.parametrize('num_groups', [2, 5])
def test_content_is_the_projected_prompt_of_the_category(num_groups):
    # Projected before or after the choice, whichever is less work.
    torch.manual_seed(0)
    labels = torch.randint(3, (2, num_groups))
    groups = KeypointGroups(
        torch.zeros_like(labels), labels, torch.ones(2, num_groups, 2).bool()
    )
    embeddings, rows = torch.randn(2, 3, 4, 6), []
    projection = nn.Linear(6, 8)
    projection.register_forward_pre_hook(
        lambda module, args: rows.append(args[0].shape[1])
    )
    content = keypoint_content(groups, embeddings, projection)
    assert rows == [min(3, num_groups)]
    assert content.shape == (2, num_groups, 2, 8)
    for i in range(2):
        for g, label in enumerate(labels[i].tolist()):
            torch.testing.assert_close(
                content[i, g], projection(embeddings[i, label, :2])
            )


def test_holes_stay_where_they_are():
    # No example shows keypoints 0 and 3 of the category with 4.
    mask = MASK.clone()
    mask[0, 1] = torch.tensor([False, True, True, False])
    groups = keep_objects(logits(), mask, 2)
    # Slot 2 is the last one that is shown: K is 3, not the count of 2.
    assert groups.keypoint_mask.tolist() == [
        [[False, True, True], [True, True, False]],
        [[True, True, True], [True, False, False]],
    ]
    pairs = keep_pairs(logits(), mask, 3)
    assert pairs.keypoint_mask[0, 0].tolist() == [False, True, True]
    # Only what matched groups need is kept in training.
    assigned = torch.tensor([[-1, 0, -1, -1], [-1, -1, 1, -1]])
    mask[0, 0] = torch.tensor([False, True, False, False])
    groups = keep_objects(logits(), mask, 2, assigned)
    assert groups.keypoint_mask[0, 0].tolist() == [False, True]
    assert groups.keypoint_mask[1, 0].tolist() == [True, False]


def test_no_keypoint_at_all_leaves_one_slot():
    groups = keep_objects(logits(), MASK & False, 2)
    assert groups.keypoint_mask.tolist() == [[[False]] * 2] * 2
