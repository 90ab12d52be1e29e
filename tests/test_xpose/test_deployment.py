# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The exported graph against the model, and all ways to ask against it."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from torchvision.ops import box_iou, nms

from projects.common.structures import KeypointCategory
from projects.xpose.deployment import XPoseGraph, compare, example_inputs
from projects.xpose.deployment.duplicates import (
    first_of_each,
    pose_similarity,
)
from projects.xpose.models.heads.post_processing import remove_duplicates
from tests.test_xpose.conftest import build_model, category, make_sample


def with_scores(cfg):
    cfg.bbox_head.keypoint_score = {}
    cfg.test_cfg.update(rescore=True, nms_iou_thr=0.5, oks_nms_thr=0.5)


def with_all_options(cfg):
    with_scores(cfg)
    cfg.decoder.isolated_boxes = True
    cfg.name_separation = {}


@pytest.fixture(scope='module')
def model(repo_root):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repo_root)
        return build_model(with_scores).eval()


@pytest.fixture(scope='module')
def model_with_all_options(repo_root):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repo_root)
        model = build_model(with_all_options).eval()
    torch.manual_seed(1)
    model.name_separation.fit(
        torch.randn(5, 8, 16) + 3, [[(0, 1), (2, 3)]] * 5
    )
    return model


def detections(seed, count=12, slots=4):
    draw = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=draw) * 30
    size = torch.rand(count, 2, generator=draw) * 60 + 20
    points = torch.rand(count, slots, 2, generator=draw) * 8
    return InstanceData(
        bboxes=torch.cat([corner, corner + size], 1),
        scores=torch.rand(count, generator=draw).sort(descending=True)[0],
        labels=torch.randint(2, (count,), generator=draw),
        keypoints=corner[:, None] + points,
        keypoint_mask=torch.tensor([True, True, False, True]).expand(
            count, -1
        ),
    )


@pytest.mark.parametrize('seed', range(4))
def test_duplicates_as_in_the_head(seed):
    found = detections(seed)
    categories = tuple(
        KeypointCategory(name, tuple('abcd'), sigmas=(0.2, 0.1, 0.1, 0.3))
        for name in 'xy'
    )
    wanted = remove_duplicates(found, categories, 0.4, False, 0.6)
    sigmas = torch.tensor([c.sigmas for c in categories])[found.labels]
    same = found.labels[:, None] == found.labels
    kept = first_of_each(
        (box_iou(found.bboxes, found.bboxes) > 0.4) & same,
        torch.ones(len(found), dtype=torch.bool),
    )
    similar = pose_similarity(
        found.keypoints, found.keypoint_mask, found.bboxes, sigmas
    )
    kept = first_of_each((similar > 0.6) & same, kept)
    assert 1 < len(wanted) < len(found)
    np.testing.assert_array_equal(wanted.scores, found.scores[kept])


def test_greedy_suppression_has_chains():
    # 0 removes 1, so 1 cannot remove 2.
    boxes = torch.tensor([[0.0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]])
    rivals = torch.tensor([[1, 1, 0], [1, 1, 1], [0, 1, 1]]).bool()
    kept = first_of_each(rivals, torch.ones(3, dtype=torch.bool))
    assert kept.tolist() == [True, False, True]
    scores = torch.tensor([0.9, 0.8, 0.7])
    assert nms(boxes, scores, 0.3).tolist() == [0, 2]
    alive = torch.tensor([False, True, True])
    assert first_of_each(rivals, alive).tolist() == [False, True, False]


@pytest.mark.parametrize('name', ['model', 'model_with_all_options'])
def test_the_graph_is_the_model(name, request):
    model = request.getfixturevalue(name)
    categories = (category('cat', 3), category('chair', 5))
    shape = (90, 124)
    draw = torch.Generator().manual_seed(0)
    picture = torch.randint(
        256, (3, *shape), generator=draw, dtype=torch.uint8
    )
    sample = make_sample(0, categories, shape)
    data = model.data_preprocessor(
        {'inputs': [picture], 'data_samples': [sample]}
    )
    with torch.inference_mode():
        [wanted] = model.predict(data['inputs'], data['data_samples'])
        encoded = model.prompt_encoder([sample.prompts])
    graph = XPoseGraph(model)
    padded = torch.full((96, 128, 3), 77, dtype=torch.uint8)
    padded[:90, :124] = picture.permute(1, 2, 0)
    found = graph(
        image=padded,
        image_size=torch.tensor([124, 90]),
        **{name: value[0] for name, value in vars(encoded).items()},
        sigmas=torch.full((2, 5), 0.05),
    )
    wanted = wanted.pred_instances
    count = len(wanted)
    assert count > 0
    assert (found['scores'] > 0).sum() == count
    for ours, theirs, tolerance in (
        ('boxes', 'bboxes', 0.02),
        ('scores', 'scores', 1e-4),
        ('labels', 'labels', 0),
        ('keypoints', 'keypoints', 0.02),
        ('keypoint_scores', 'keypoint_scores', 1e-4),
        ('keypoints_visible', 'keypoints_visible', 1e-4),
    ):
        np.testing.assert_allclose(
            found[ours][:count], wanted[theirs], atol=tolerance, rtol=1e-4
        )
    # The model itself is as before.
    assert model.prompt_encoder is not None
    assert model.encoder.layers[0].self_attn.backend == 'auto'


def test_models_that_cannot_be_exported(repo_root):
    model = build_model(lambda cfg: cfg.test_cfg.update(multi_label=False))
    with pytest.raises(ValueError, match='test_cfg.multi_label=True'):
        XPoseGraph(model)


def test_sizes(model):
    graph = XPoseGraph(model)
    assert (graph.divisor, graph.min_side, graph.prompt_width) == (32, 64, 16)
    # 64 x 64 pixels give 64 + 16 + 4 tokens, one for each query.
    graph.model.num_queries = 85
    assert graph.min_side == 96
    inputs = example_inputs(graph, 2, 4, 1.5, 1)
    assert inputs['image'].shape == (128, 96, 3)
    assert inputs['keypoint_mask'][0].all()


def test_differences_are_found_wherever_a_detection_stands(model):
    graph = XPoseGraph(model)

    def turned(**inputs):
        outputs = graph(**inputs)
        return {name: values.flip(0) for name, values in outputs.items()}

    assert set(compare(graph, turned).values()) == {0.0}

    def moved(**inputs):
        outputs = graph(**inputs)
        side = max(inputs['image_size'].tolist())
        outputs['keypoints'] = outputs['keypoints'] + side / 100
        return outputs

    differences = compare(graph, moved)
    assert differences.pop('keypoints') == pytest.approx(0.01, rel=1e-3)
    assert set(differences.values()) == {0.0}

    def fewer(**inputs):
        outputs = graph(**inputs)
        outputs['scores'][0] = 0
        return outputs

    assert compare(graph, fewer)['detections'] == 1

    def none(**inputs):
        outputs = graph(**inputs)
        return outputs | {'scores': torch.zeros_like(outputs['scores'])}

    assert set(compare(graph, none)) == {'detections'}
