# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import VISUALIZERS
from mmpose.structures import PoseDataSample, merge_data_samples

from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.common.visualization import (
    PointState,
    PromptKeypointVisualizer,
    ground_truth_instances,
    predicted_instances,
    write_image,
)

CAT = KeypointCategory('cat', ('nose', 'tail'))
BALL = KeypointCategory('ball', ('middle',))
IMAGE = np.full((100, 200, 3), 127, np.uint8)


def make_sample(prompts=True, gt=True, pred=True):
    """A ball of ground truth; predictions of a cat and two balls."""
    sample = PoseDataSample(
        metainfo={'img_path': 'x.png', 'scale_factor': (0.5, 2.0)}
    )
    if prompts:
        sample.prompts = KeypointPrompt.from_categories([CAT, BALL])
    if gt:
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([[10.0, 20, 50, 120]]),
            labels=torch.tensor([1]),
            keypoints=torch.tensor([[[30.0, 80], [0, 0]]]),
            keypoints_visible=torch.tensor([[1.0, 0]]),
        )
    if pred:
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor([[20.0, 10, 100, 60]]).repeat(3, 1),
            scores=torch.tensor([0.9, 0.1, 0.5]),
            labels=torch.tensor([0, 1, 1]),
            keypoints=torch.full((3, 2, 2), 40.0),
            keypoint_scores=torch.tensor([[0.8, 0.2]] * 3),
        )
    return sample


def test_ground_truth_is_mapped_back_to_the_picture():
    (ball,) = ground_truth_instances(make_sample())
    assert ball.category is BALL
    assert ball.bbox.tolist() == [20, 10, 100, 60]
    assert ball.keypoints.tolist() == [[60, 40]]
    assert ball.states.tolist() == [PointState.HIDDEN]
    assert ball.score is None


def test_predictions_are_chosen_and_ordered_by_score():
    ball, cat = predicted_instances(make_sample(), score_thr=0.3, kpt_thr=0.5)
    assert (ball.category, cat.category) == (BALL, CAT)
    assert (ball.score, round(cat.score, 3)) == (0.5, 0.9)
    assert ball.keypoints.tolist() == [[40, 40]]
    assert cat.states.tolist() == [PointState.VISIBLE, PointState.DOUBTFUL]
    assert len(predicted_instances(make_sample(), score_thr=0)) == 3


def test_predicted_keypoints_are_marked_by_score_and_visibility():
    fly = KeypointCategory('fly', tuple('abcdef'))
    sample = PoseDataSample()
    sample.prompts = KeypointPrompt.from_categories([fly])
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor([[0.0, 0, 9, 9]]),
        scores=torch.tensor([0.9]),
        labels=torch.tensor([0]),
        keypoints=torch.zeros(1, 6, 2),
        keypoint_scores=torch.tensor([[0.9, 0.5, 0.9, 0.1, 0.1, 0.9]]),
        keypoints_visible=torch.tensor([[0.5, 0.9, 0.4, 0.4, 0.9, 0.9]]),
        keypoint_mask=torch.tensor([[True] * 5 + [False]]),
    )
    [drawn] = predicted_instances(sample, kpt_thr=0.5)
    visible, hidden = PointState.VISIBLE, PointState.HIDDEN
    doubtful, absent = PointState.DOUBTFUL, PointState.ABSENT
    assert drawn.states.tolist() == [
        visible, visible, hidden, doubtful, doubtful, absent
    ]  # fmt: skip
    # Not asked for is not the same as a low score, whatever the threshold.
    [drawn] = predicted_instances(sample, kpt_thr=0)
    assert drawn.states.tolist() == [
        visible, visible, hidden, hidden, visible, absent
    ]  # fmt: skip
    # Models without a visibility say nothing of hidden keypoints.
    del sample.pred_instances.keypoints_visible
    [drawn] = predicted_instances(sample, kpt_thr=0)
    assert drawn.states.tolist() == [visible] * 5 + [absent]


def test_merged_samples_of_the_hook_name_their_categories():
    sample = make_sample(gt=False)
    with pytest.raises(ValueError, match='x.png has neither "prompts" nor'):
        predicted_instances(merge_data_samples([sample]))
    sample.pred_instances.set_metainfo({'categories': (CAT, BALL)})
    merged = merge_data_samples([sample])
    assert [i.category.name for i in predicted_instances(merged)] == [
        'ball',
        'cat',
    ]


@pytest.fixture
def visualizer(request):
    cfg = {'type': 'PromptKeypointVisualizer', 'min_side': 200}
    # mmengine keeps instances by name: a new name for a new one.
    return VISUALIZERS.build({**cfg, 'name': request.node.name})


def read(path):
    return cv2.imread(str(path))[..., ::-1]


@pytest.mark.parametrize(
    'kwargs, width',
    [
        ({}, 400),
        ({'draw_gt': False}, 200),
        ({'draw_pred': False}, 200),
        ({'draw_gt': False, 'draw_pred': False}, 200),
    ],
)
def test_add_datasample_writes(visualizer, tmp_path, kwargs, width):
    path = tmp_path / 'new' / 'out.png'
    visualizer.add_datasample(
        'x', IMAGE, make_sample(), out_file=str(path), **kwargs
    )
    assert [p.name for p in path.parent.iterdir()] == ['out.png']
    assert read(path).shape == (100, width, 3)
    np.testing.assert_array_equal(visualizer.get_image(), read(path))
    assert (read(path) != 127).any() == (len(kwargs) < 2)


def test_add_datasample_as_mmpose_hooks_call_it(visualizer, monkeypatch):
    visualizer.set_dataset_meta({'dataset_name': 'x'})
    assert visualizer.dataset_meta == {'dataset_name': 'x'}
    shown, stored = [], []
    monkeypatch.setattr(
        visualizer, 'show', lambda image, **kwargs: shown.append(kwargs)
    )
    monkeypatch.setattr(
        visualizer, 'add_image', lambda *args: stored.append(args)
    )
    visualizer.add_datasample(
        'val_img',
        IMAGE,
        data_sample=make_sample(),
        draw_gt=False,
        draw_bbox=False,
        draw_heatmap=True,
        show=True,
        wait_time=2,
        kpt_thr=0.9,
        step=7,
    )
    assert shown == [{'win_name': 'val_img', 'wait_time': 2}]
    name, image, step = stored[0]
    assert (name, step) == ('val_img', 7)
    # Without boxes and sure keypoints only crosses at (40, 40) are left.
    marked = np.argwhere((image != 127).any(axis=-1))
    assert abs(marked - 40).max() <= 4


def test_legend_and_pictures_of_two_heights(tmp_path):
    visualizer = PromptKeypointVisualizer(min_side=200, legend=True)
    path = tmp_path / 'out.png'
    visualizer.add_datasample('x', IMAGE, make_sample(), out_file=str(path))
    assert read(path).shape[1] > 400


def test_write_image_is_rgb(tmp_path):
    image = np.zeros((4, 5, 3), np.uint8)
    image[..., 0] = 200
    write_image(str(tmp_path / 'a.png'), image)
    assert cv2.imread(str(tmp_path / 'a.png'))[0, 0].tolist() == [0, 0, 200]


@pytest.mark.parametrize('name', ['drawn', 'drawn.txt'])
def test_a_name_without_a_format_is_refused(tmp_path, name):
    picture = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match='names no format of pictures'):
        write_image(str(tmp_path / name), picture)
    assert list(tmp_path.iterdir()) == []
