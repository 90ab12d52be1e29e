# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.showcase import settings
from projects.showcase.examples import prompt_of, write_examples
from projects.showcase.point_scores import mean_scores, point_scores
from projects.showcase.prediction import prompt_rows, read_picture
from projects.showcase.questions import QUESTIONS
from projects.showcase.scenes import Picture, cut_picture, make_scene
from tests.support_shots import random_shot

CAT = KeypointCategory('cat', ('left eye', 'right eye', 'nose', 'tail'))
CAR = KeypointCategory('car', ('wheel', 'roof'))
BEE = KeypointCategory('bee', ('head', 'wing', 'sting'))
OUTSIDE = next(q for q in QUESTIONS if q.__name__ == '_outside')


@pytest.mark.parametrize(
    'axis, box, seen', [(0, [0, 0, 30, 50], [2, 0]), (1, [0, 0, 40, 30], 2)]
)
def test_a_cut_ends_boxes_and_takes_keypoints_away(axis, box, seen):
    truth = {
        'gt_bboxes': np.array([[0.0, 0, 40, 50]]),
        'gt_keypoints': np.array([[[29.0, 5, 2], [29.5, 5, 2]]]),
    }
    whole = Picture({'width': 60, 'height': 70}, truth, (CAR,))
    cut = cut_picture(whole, axis, 30)
    assert cut.window == ((30, 70), (60, 30))[axis]
    assert cut.truth['gt_bboxes'].tolist() == [box]
    assert (cut.truth['gt_keypoints'][0, :, 2] == seen).all()
    assert truth['gt_keypoints'][0, 1, 2] == 2  # the original stays


def test_what_is_cut_off_is_not_read(tmp_path):
    import cv2

    picture = np.arange(40 * 30 * 3, dtype=np.uint8).reshape(40, 30, 3)
    path = tmp_path / 'picture.png'
    cv2.imwrite(str(path), picture)
    assert (read_picture(path, None) == picture).all()
    assert (read_picture(path, (20, 40)) == picture[:, :20]).all()
    assert (read_picture(path, (30, 7)) == picture[:7]).all()


def test_the_object_most_of_which_is_outside_is_asked_for():
    truth = {
        'gt_labels': np.array([0, 1]),
        'gt_keypoints': np.zeros((2, 4, 3)),
    }
    points = truth['gt_keypoints']
    points[0, :, 2] = [2, 2, 1, 0]
    points[1, :2, 2] = [2, 0]  # two slots are no keypoints of a car
    picture = Picture({}, truth, (CAT, CAR))
    scene = OUTSIDE(picture, (CAT, CAR))
    assert scene.target == 1
    assert scene.prompt.names == ('car',)
    points[1, 0, 2] = 0  # nothing of it is left
    assert OUTSIDE(picture, (CAT, CAR)) is None
    points[:, :, 2] = 2
    assert OUTSIDE(picture, (CAT, CAR)) is None


def answer():
    """Three detections of cats; the second fits and is the better one."""
    sample = PoseDataSample()
    sample.prompts = KeypointPrompt.from_categories([CAT])
    sample.pred_instances = InstanceData(
        scores=torch.tensor([0.4, 0.6, 0.9]),
        bboxes=torch.tensor(
            [[0.0, 0, 10, 9], [0, 0, 10, 8], [30, 30, 40, 40]]
        ),
        keypoint_scores=torch.tensor(
            [[0.3] * 4, [0.9, 0.8, 0.05, 0.6], [0.2] * 4]
        ),
        keypoints_visible=torch.tensor(
            [[0.4] * 4, [0.7, 0.3, 0.1, 0.9], [0.5] * 4]
        ),
    )
    return sample


def test_keypoint_scores_are_those_of_the_best_answer_that_fits():
    truth = {
        'gt_bboxes': np.array([[50.0, 50, 60, 60], [0, 0, 10, 10]]),
        'gt_keypoints': np.zeros((2, 6, 3)),  # slots of a larger category
    }
    truth['gt_keypoints'][1, :4, 2] = [2, 1, 0, 2]
    picture = Picture({}, truth, (CAT,))
    rows = point_scores(answer(), picture, 1)
    assert [tuple(row.values()) for row in rows] == [
        ('left eye', 'visible', 0.9, 0.7),
        ('right eye', 'hidden', 0.8, 0.3),
        ('nose', 'outside', 0.05, 0.1),
        ('tail', 'visible', 0.6, 0.9),
    ]
    means = mean_scores([{'point_scores': rows}, {'point_scores': None}])
    assert list(means) == ['visible', 'hidden', 'outside']
    assert means['visible'] == {'count': 2, 'score': 0.75, 'visibility': 0.8}
    assert point_scores(answer(), picture, 0) == []
    assert mean_scores([]) == {}


def test_an_empty_answer_has_no_keypoint_scores():
    sample = answer()
    sample.pred_instances = sample.pred_instances[torch.zeros(3).bool()]
    truth = {
        'gt_bboxes': np.array([[0.0, 0, 9, 9]]),
        'gt_keypoints': np.ones((1, 4, 3)),
    }
    assert point_scores(sample, Picture({}, truth, (CAT,)), 0) == []


class OneShot:
    """Gives every category of the prompt one shot, and keeps the picture."""

    def transform(self, results):
        self.asked = results['img_path'], results['img_id']
        prompts = results['prompts'].clone()
        shots = [
            [random_shot(i, c.num_keypoints, hidden=[1])]
            for i, c in enumerate(prompts.categories)
        ]
        prompts.set_metainfo(
            {'supports': shots, 'modalities': ['visual'] * len(shots)}
        )
        return {**results, 'prompts': prompts}


def mixed_scene(modalities, style=None):
    picture = Picture({'id': 5, 'file_name': 'val/5.jpg'}, {}, ())
    categories = [CAT, CAR, BEE]
    return make_scene(
        'combined', 'title', 'note', picture, categories, modalities, style
    )


def test_only_what_is_asked_by_example_gets_one():
    source = OneShot()
    manners = ('combined', 'text', 'visual')
    prompt = prompt_of(mixed_scene(manners, 'sketch'), source)
    assert prompt.modalities == manners
    assert [len(shots) for shots in prompt.supports] == [1, 0, 1]
    assert prompt.supports[2][0].key == random_shot(1, 3, hidden=[1]).key
    assert prompt.style == 'sketch'
    assert source.asked == ('val/5.jpg', 5)


def test_a_prompt_in_words_needs_no_examples():
    prompt = prompt_of(mixed_scene(()), None)
    assert prompt.modalities == ('text', 'text', 'text')
    assert prompt.supports == ((), (), ())


def test_examples_are_drawn_and_listed(tmp_path):
    manners = ('combined', 'text', 'visual')
    prompt = prompt_of(mixed_scene(manners), OneShot())
    written = write_examples(
        prompt, settings.DemoSettings.reduced(tmp_path), 3
    )
    files = ['pictures/03_example_0_0.jpg', 'pictures/03_example_2_0.jpg']
    assert [r['picture'] for rows in written for r in rows] == files
    assert sorted(p.name for p in tmp_path.glob('*/*')) == [
        file.split('/')[1] for file in files
    ]
    sample = PoseDataSample()
    sample.prompts = prompt
    sample.pred_instances = InstanceData(
        metainfo={'unshown_keypoints': {'bee': ['wing']}}
    )
    rows = prompt_rows(sample, written)
    assert [row['modality'] for row in rows] == list(manners)
    assert [row['not_shown'] for row in rows] == [[], [], ['wing']]
    assert rows[2]['examples'] == written[2]
    assert rows[1]['keypoints'] == ['wheel', 'roof']


def test_examples_come_from_the_demo_data(tmp_path):
    sizes = settings.DemoSettings.reduced(tmp_path)
    cfg = settings.demo_config(sizes, 'train')
    pool = settings.support_sampler(cfg).pool
    assert pool.dataset.data_root == str(tmp_path / 'synthkpt')
    assert pool.dataset.ann_file == 'annotations/synthkpt_train.json'
