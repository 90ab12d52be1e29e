# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from mmpose.registry import METRICS

from projects.xpose.models.detectors.xpose_regions import match_groups, scaled
from tests.test_xpose.conftest import build_model, category, make_sample

CATEGORIES = [category('cat', 4), category('car', 2)]


@pytest.fixture
def model():
    def regions(cfg):
        cfg.type = 'XPoseRegions'

    return build_model(regions).eval()


def test_boxes_in_pixels():
    boxes = torch.tensor([[0.5, 0.25, 0.5, 0.1]])
    torch.testing.assert_close(
        scaled(boxes, (100, 200)), torch.tensor([[50.0, 20.0, 150.0, 30.0]])
    )


def test_best_group_of_the_own_category():
    truth = torch.tensor([[0.0, 0.0, 10.0, 10.0], [50.0, 50.0, 60.0, 60.0]])
    boxes = torch.tensor(
        [
            [0.0, 0.0, 10.0, 6.0],  # 0.6 of the first
            [0.0, 0.0, 10.0, 10.0],  # 1.0, another category
            [0.0, 0.0, 10.0, 7.0],  # 0.7
            [50.0, 50.0, 60.0, 54.0],  # 0.4 of the second
        ]
    )
    labels = torch.tensor([0, 1, 0, 1])
    found, chosen = match_groups(boxes, labels, truth, torch.tensor([0, 1]))
    assert found.tolist() == [True, False]
    assert chosen.tolist() == [2, 3]
    found, chosen = match_groups(boxes, labels, truth[:0], labels[:0])
    assert found.tolist() == chosen.tolist() == []


@torch.no_grad()
def test_embeddings_are_what_the_head_compares(model):
    inputs = torch.randn(2, 3, 96, 128)
    samples = [make_sample(n, CATEGORIES, seed=n) for n in (2, 0)]
    outputs = model._outputs(inputs, samples)
    states, groups = outputs['keypoint_states'], outputs['groups']
    head = model.bbox_head
    logits, boxes, _ = head.forward_groups(
        states, outputs['object_prompts'], outputs['category_mask']
    )[-1]
    # Two groups, moved onto annotated objects of their categories.
    truth, wanted = samples[0].gt_instances, [3, 1]
    truth.bboxes = scaled(boxes[0], (96, 128))[wanted]
    truth.labels = groups.labels[0][wanted]
    results = model.predict(inputs, samples)
    pred = results[0].pred_instances
    assert pred.found.all()
    # Their dot products are the head's logits, of their own categories.
    scores = (pred.embeddings * pred.prompts).sum(-1) * head.alignment.scale
    torch.testing.assert_close(
        scores + head.alignment.bias, logits[0, wanted, truth.labels]
    )
    torch.testing.assert_close(
        pred.keypoint_embeddings, states.hidden[-1][0, wanted, 1:]
    )
    torch.testing.assert_close(
        pred.keypoint_prompts, outputs['keypoint_content'][0, wanted]
    )
    assert len(results[1].pred_instances) == 0


@torch.no_grad()
def test_goes_with_the_metric(model):
    inputs = torch.randn(1, 3, 96, 128)
    (sample,) = model.predict(inputs, [make_sample(3, CATEGORIES)])
    metric = METRICS.build({'type': 'PromptAlignment'})
    metric.process({}, [sample.to_dict()])
    values = metric.evaluate(1)
    assert values['alignment/num_instances'] == 3
    assert -1 <= values['alignment/instance'] <= 100
