# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch
from mmengine.config import Config

from projects.xpose.models.heads.losses import MatchedPairs, PromptPoseLoss
from projects.xpose.models.task_modules.targets import build_targets
from tests.test_xpose.conftest import category, make_sample, prompt_mask

INF = float('inf')
TWO = [category('a', 2, sigmas=(0.1, 0.2)), category('b', 3)]
AVERAGE = 2.0


@pytest.fixture
def criterion():
    cfg = Config.fromfile('configs/_base_/models/xpose.py')
    return PromptPoseLoss(**cfg.model.bbox_head.criterion)


@pytest.fixture
def batch():
    """Picture 0 has two objects (labels 1, 0), picture 1 has none."""
    samples = [
        make_sample(2, TWO, shape=(100, 200), slots=3, seed=1),
        make_sample(0, TWO[:1], shape=(100, 200), slots=3),
    ]
    gt = samples[0].gt_instances
    gt.labels[:] = torch.tensor([1, 0])
    gt.keypoint_mask[:] = torch.tensor([[True] * 3, [True, True, False]])
    gt.keypoints_visible[:] = gt.keypoint_mask * 2
    metas = [sample.metainfo for sample in samples]
    return build_targets(samples, prompt_mask(samples), 3), metas


MATCHED = torch.tensor([[1, -1, 0], [-1, -1, -1]])  # (B, N)


def perfect(targets):
    """Boxes (2, 3, 4) and keypoints (2, 3, 3, 2) that are right."""
    boxes = torch.full((2, 3, 4), 0.5)
    keypoints = torch.full((2, 3, 3, 2), 0.5)
    boxes[0, [2, 0]] = targets[0].boxes
    keypoints[0, [2, 0]] = targets[0].keypoints
    return boxes, keypoints


def logits(value=-50.0):
    """(2, 3, 2); the second picture has one category."""
    made = torch.full((2, 3, 2), value)
    made[1, :, 1] = -INF
    return made


def all_losses(criterion, scores, boxes, keypoints, batch):
    pairs = MatchedPairs(MATCHED, *batch)
    return criterion(
        scores, boxes, MATCHED, *batch, AVERAGE
    ) | criterion.keypoint_losses(keypoints, pairs, AVERAGE)


def test_perfect_predictions_cost_nothing(criterion, batch):
    boxes, keypoints = perfect(batch[0])
    scores = logits()
    scores[0, 0, 0] = scores[0, 2, 1] = 50.0
    losses = all_losses(criterion, scores, boxes, keypoints, batch)
    assert sorted(losses) == [
        'loss_bbox',
        'loss_cls',
        'loss_iou',
        'loss_keypoint',
        'loss_oks',
    ]
    for value in losses.values():
        assert value.item() == pytest.approx(0, abs=1e-5)


def test_a_known_displacement_costs_what_it_should(criterion, batch):
    targets = batch[0]
    boxes, keypoints = perfect(targets)
    boxes[0, 0] += torch.tensor([0.01, 0.0, 0.02, 0.0])
    # Object 1 (two keypoints): the first is off by 2 px and 3 px; object 0
    # (three keypoints) is right. The unused slot of object 1 may be wrong.
    keypoints[0, 0, 0] += torch.tensor([2 / 200, 3 / 100])
    keypoints[0, 0, 2] = 77.0
    losses = all_losses(criterion, logits(), boxes, keypoints, batch)
    assert losses['loss_bbox'].item() == pytest.approx(5 * 0.03 / AVERAGE)
    expected = 50 * (0.01 + 0.03) / 2 / AVERAGE
    assert losses['loss_keypoint'].item() == pytest.approx(expected)
    area = targets[0].areas[1].item()
    similarity = math.exp(-13 / (2 * area * 0.2**2))
    expected = 4 * (1 - similarity) / 2 / AVERAGE
    assert losses['loss_oks'].item() == pytest.approx(expected, rel=1e-4)
    # GIoU by hand: one box inside a horizontally longer one.
    width = targets[0].boxes[1, 2].item()
    left, right = -width / 2, width / 2
    moved = (0.01 - (width + 0.02) / 2, 0.01 + (width + 0.02) / 2)
    inter = min(right, moved[1]) - max(left, moved[0])
    union = max(right, moved[1]) - min(left, moved[0])
    expected = 2 * (1 - inter / union) / AVERAGE
    assert losses['loss_iou'].item() == pytest.approx(expected, rel=1e-3)


def test_keypoints_weigh_alike(batch):
    cfg = Config.fromfile('configs/_base_/models/xpose.py')
    cfg = dict(cfg.model.bbox_head.criterion, keypoint_average='keypoint')
    criterion = PromptPoseLoss(**cfg)
    _, keypoints = perfect(batch[0])
    # One keypoint of the object with two, and one of that with three.
    for query in (0, 2):
        keypoints[0, query, 0, 0] += 0.01
    pairs = MatchedPairs(MATCHED, *batch)
    losses = criterion.keypoint_losses(keypoints, pairs, AVERAGE)
    expected = 50 * (0.01 + 0.01) / 5
    assert losses['loss_keypoint'].item() == pytest.approx(expected, rel=1e-4)
    with pytest.raises(ValueError, match='"object" or "keypoint", got "all"'):
        PromptPoseLoss(**{**cfg, 'keypoint_average': 'all'})


def test_alignment_by_hand(criterion, batch):
    boxes, _ = perfect(batch[0])
    loss = criterion(logits(0.0), boxes, MATCHED, *batch, AVERAGE)['loss_cls']
    # Logit 0 is probability 1/2: focal terms alpha * 1/4 * ln 2. Two true
    # pairs; 4 + 3 real pairs that are not, and 3 padded ones.
    term = 0.25 * math.log(2)
    expected = 2.0 * (2 * 0.25 + 7 * 0.75) * term / AVERAGE
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_padded_categories_give_no_nan_gradient(criterion, batch):
    boxes, keypoints = perfect(batch[0])
    scores = torch.randn(2, 3, 2, requires_grad=True)
    padded = torch.tensor([[False, False], [False, True]])[:, None]
    masked = scores.masked_fill(padded, -INF)
    losses = all_losses(criterion, masked, boxes, keypoints, batch)
    sum(losses.values()).backward()
    assert torch.isfinite(scores.grad).all()
    assert (scores.grad[1, :, 1] == 0).all()
    assert (scores.grad[~padded.expand(2, 3, 2)] != 0).all()


def test_queries_that_do_not_count(criterion, batch):
    boxes, _ = perfect(batch[0])
    mask = torch.tensor([[True, False, True], [False, True, True]])
    given = boxes, MATCHED, *batch, AVERAGE
    before = criterion(logits(0.0), *given, query_mask=mask)['loss_cls']
    scores = logits(0.0)
    scores[0, 1] = scores[1, 0, :1] = 40.0
    after = criterion(scores, *given, query_mask=mask)['loss_cls']
    assert torch.equal(before, after)
    assert criterion(scores, *given)['loss_cls'] > after + 1


def test_a_diverged_model_shows_in_the_loss(criterion, batch):
    boxes, _ = perfect(batch[0])
    scores = logits(0.0)
    scores[0, 1, 0] = math.nan
    loss = criterion(scores, boxes, MATCHED, *batch, AVERAGE)['loss_cls']
    assert loss.isnan()


def test_objects_without_labelled_keypoints_cost_nothing(criterion, batch):
    batch[0][0].keypoint_weights[:] = 0
    boxes, keypoints = perfect(batch[0])
    keypoints.requires_grad_()
    losses = all_losses(criterion, logits(), boxes, keypoints + 1, batch)
    assert losses['loss_keypoint'].item() == 0
    assert losses['loss_oks'].item() == 0
    (losses['loss_keypoint'] + losses['loss_oks']).backward()
    assert (keypoints.grad == 0).all()


def test_no_object_in_the_whole_batch(criterion):
    samples = [make_sample(0, TWO), make_sample(0, TWO)]
    metas = [sample.metainfo for sample in samples]
    targets = build_targets(samples, prompt_mask(samples), 3)
    scores = torch.zeros(2, 3, 2, requires_grad=True)
    boxes = torch.rand(2, 3, 4, requires_grad=True)
    keypoints = torch.rand(2, 3, 3, 2, requires_grad=True)
    labels = torch.zeros(2, 3, dtype=torch.long)
    matched = criterion.match(
        scores, boxes, targets, metas, keypoints=keypoints, labels=labels
    )
    assert (matched == -1).all()
    losses = criterion(scores, boxes, matched, targets, metas, 1.0)
    pairs = MatchedPairs(matched, targets, metas)
    losses |= criterion.keypoint_losses(keypoints, pairs, 1.0)
    assert losses.pop('loss_cls').item() > 0
    assert all(value.item() == 0 for value in losses.values())
    # Distributed training needs every tensor to take part.
    sum(losses.values()).backward()
    assert (boxes.grad == 0).all()
    assert (keypoints.grad == 0).all()


def test_matching_finds_the_objects(criterion, batch):
    boxes, _ = perfect(batch[0])
    boxes[0, 1] = torch.tensor([0.9, 0.9, 0.05, 0.05])
    matched = criterion.match(logits(0.0), boxes, *batch)
    assert matched.tolist() == MATCHED.tolist()


def test_of_two_equal_boxes_the_better_aligned_is_matched(criterion, batch):
    targets, metas = [batch[0][0][:1]], batch[1][:1]  # label 1
    boxes = targets[0].boxes.expand(1, 3, 4)
    scores = torch.tensor([[[5.0, 0.0], [0.0, 1.0], [0.0, -1.0]]])
    matched = criterion.match(scores, boxes, targets, metas)
    assert matched.tolist() == [[-1, 0, -1]]


def test_keypoints_decide_between_equal_boxes(criterion, batch):
    targets, metas = [batch[0][0][:1]], batch[1][:1]
    boxes, scores = targets[0].boxes.expand(1, 3, 4), torch.zeros(1, 3, 2)
    keypoints = targets[0].keypoints.expand(1, 3, 3, 2).clone()
    keypoints[0, 0] += 0.1
    labels = torch.tensor([[1, 0, 1]])
    given = scores, boxes, targets, metas, keypoints
    # Group 1 is perfect, but has the keypoints of another category.
    assert criterion.match(*given, labels).tolist() == [[-1, -1, 0]]
    labels[0, 2] = 0
    assert criterion.match(*given, labels).tolist() == [[0, -1, -1]]
    labels[0, 0] = 0  # no group is left that could explain the object
    assert criterion.match(*given, labels).tolist() == [[-1, -1, -1]]


def test_matched_pairs_of_a_batch():
    samples = [
        make_sample(2, TWO, shape=(10, 20), seed=1),
        make_sample(0, TWO, shape=(30, 40)),
        make_sample(3, TWO, shape=(50, 60), seed=2),
    ]
    targets = build_targets(samples, prompt_mask(samples))
    matched = torch.tensor([[-1, 1], [-1, -1], [2, 0]])
    pairs = MatchedPairs(matched, targets, [s.metainfo for s in samples])
    assert [index.tolist() for index in pairs.where] == [[0, 2, 2], [1, 0, 1]]
    expected = torch.stack(
        [targets[0].boxes[1], targets[2].boxes[2], targets[2].boxes[0]]
    )
    assert torch.equal(pairs.gt.boxes, expected)
    assert pairs.size.tolist() == [[[20, 10]], [[60, 50]], [[60, 50]]]


def test_objects_against_background_by_hand(batch):
    cfg = Config.fromfile('configs/_base_/models/xpose.py')
    criterion = PromptPoseLoss(
        **cfg.model.bbox_head.criterion, class_agnostic=True
    )
    boxes, _ = perfect(batch[0])
    loss = criterion(logits(0.0), boxes, MATCHED, *batch, AVERAGE)['loss_cls']
    # Two objects and four queries that are none, whatever the categories.
    term = 0.25 * math.log(2)
    expected = 2.0 * (2 * 0.25 + 4 * 0.75) * term / AVERAGE
    assert loss.item() == pytest.approx(expected, rel=1e-5)
