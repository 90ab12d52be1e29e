# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from projects.common.datasets import PackPromptInputs, SamplePromptCategories
from projects.common.structures import KeypointCategory, KeypointPrompt

VOCABULARY = tuple(
    KeypointCategory(f'c{i}', [f'k{j}' for j in range(i + 1)])
    for i in range(4)
)


def make_results(labels=(2, 0, 2)):
    count = len(labels)
    keypoints = np.zeros((count, 4, 3), np.float32)
    keypoints[:, 0] = (3, 2, 1)
    return {
        'img': np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3),
        'img_id': 8,
        'img_path': 'x.png',
        'height': 50,
        'width': 70,
        'style': 'sketch',
        'ori_shape': (50, 70),
        'img_shape': (5, 7),
        'scale_factor': (0.1, 0.1),
        'flip': True,
        'categories': VOCABULARY,
        'gt_bboxes': np.float32(
            [[0, 1, i + 1, 3] for i in range(count)]
        ).reshape(-1, 4),
        'gt_labels': np.array(labels, np.int64),
        'gt_keypoints': keypoints,
        'gt_areas': np.arange(count, dtype=np.float32) + 10,
    }


def names_of_labels(results):
    return [results['prompts'].names[i] for i in results['gt_labels']]


def test_all_keeps_the_vocabulary():
    results = SamplePromptCategories('all')(make_results())
    assert results['prompts'].categories == VOCABULARY
    assert results['gt_labels'].tolist() == [2, 0, 2]
    assert results['prompts'].style is None


def test_present_keeps_the_order_of_the_vocabulary():
    results = SamplePromptCategories('present')(make_results())
    assert results['prompts'].names == ('c0', 'c2')
    assert results['gt_labels'].tolist() == [1, 0, 1]
    results = SamplePromptCategories('present')(make_results(()))
    assert results['prompts'].names == ('c0',)


@pytest.mark.parametrize(
    'labels, count, listed',
    [((2, 0, 2), 1, 2), ((2, 0), 3, 3), ((), 1, 1), ((3,), 9, 4)],
)
def test_as_many_are_listed_as_asked_for(labels, count, listed):
    sample = SamplePromptCategories('listed', num_listed=count)
    names = sample(make_results(labels))['prompts'].names
    assert len(names) == listed
    assert {f'c{label}' for label in labels} <= set(names)
    assert list(names) == sorted(names)
    # Whatever the state of chance, but not the same for every picture.
    np.random.seed(3)
    assert sample(make_results(labels))['prompts'].names == names


def test_pictures_list_different_others():
    sample = SamplePromptCategories('listed', num_listed=2)
    others = {
        sample({**make_results((1,)), 'img_id': i})['prompts'].names
        for i in range(20)
    }
    assert others == {('c0', 'c1'), ('c1', 'c2'), ('c1', 'c3')}


def test_train_samples_negatives_that_are_not_present():
    sample = SamplePromptCategories('train', num_negatives=(0, 2))
    np.random.seed(0)
    lengths, orders = set(), set()
    for _ in range(100):
        results = sample(make_results())
        names = results['prompts'].names
        assert names_of_labels(results) == ['c2', 'c0', 'c2']
        # Present ones once each: negatives never repeat them.
        assert len(set(names)) == len(names)
        assert {'c0', 'c2'} <= set(names)
        lengths.add(len(names))
        orders.add(names)
    assert lengths == {2, 3, 4}
    assert len(orders) > 20


def test_train_with_few_categories_left_or_none_present():
    sample = SamplePromptCategories('train', num_negatives=(9, 9))
    assert len(sample(make_results())['prompts'].names) == 4
    sample = SamplePromptCategories('train')
    assert len(sample(make_results(()))['prompts'].names) == 1
    assert len(sample(make_results((1, 1)))['prompts'].names) == 1


def test_train_follows_the_seed():
    sample = SamplePromptCategories('train', (0, 2), style_prob=0.5)

    def draw():
        np.random.seed(3)
        prompts = [sample(make_results())['prompts'] for _ in range(9)]
        return [(p.names, p.style) for p in prompts]

    assert draw() == draw()


def test_style_is_named_with_its_probability():
    sample = SamplePromptCategories('all', style_prob=0.5)
    np.random.seed(0)
    styles = [sample(make_results())['prompts'].style for _ in range(200)]
    assert set(styles) == {None, 'sketch'}
    assert 70 < styles.count('sketch') < 130
    sample = SamplePromptCategories('all', style_prob=1.0)
    assert sample({**make_results(), 'style': None})['prompts'].style is None


def test_prompt_of_the_caller_stays():
    results = make_results()
    results['prompts'] = KeypointPrompt.from_categories(
        [VOCABULARY[3], VOCABULARY[2]]
    )
    results = SamplePromptCategories('all')(results)
    assert results['prompts'].names == ('c3', 'c2')
    # The object of category c0 was not asked for.
    assert results['gt_labels'].tolist() == [1, 1]
    assert results['gt_areas'].tolist() == [10, 12]
    prompt = KeypointPrompt.from_categories([VOCABULARY[3]])
    results = SamplePromptCategories('all')({'prompts': prompt})
    assert results == {'prompts': prompt}


@pytest.mark.parametrize(
    'kwargs, message',
    [
        ({'mode': 'test'}, "mode is 'test'; choose one of 'train', 'all'"),
        ({'num_negatives': (3, 1)}, r'num_negatives is \(3, 1\); give'),
        ({'num_negatives': (-1, 1)}, r'num_negatives is \(-1, 1\)'),
        ({'num_listed': 0}, 'num_listed is 0; give at least 1'),
        ({'style_prob': 2}, 'style_prob is 2; it must be between 0 and 1'),
    ],
)
def test_faults_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        SamplePromptCategories(**kwargs)


def test_sample_representation():
    assert repr(SamplePromptCategories('all')) == (
        "SamplePromptCategories(mode='all', num_negatives=(0, 0), "
        'style_prob=0.0, num_listed=1)'
    )


def pack(labels=(2, 0, 2), **changes):
    results = SamplePromptCategories('present')(make_results(labels))
    return PackPromptInputs()({**results, **changes})


def test_pack_values():
    packed = pack()
    inputs, sample = packed['inputs'], packed['data_samples']
    assert inputs.dtype == torch.uint8
    assert inputs.is_contiguous()
    assert inputs.shape == (3, 5, 7)
    assert inputs[1, 2, 3] == (2 * 7 + 3) * 3 + 1
    assert sample.metainfo == {
        'img_id': 8,
        'img_path': 'x.png',
        'ori_shape': (50, 70),
        'img_shape': (5, 7),
        'scale_factor': (0.1, 0.1),
        'flip': True,
        'style': 'sketch',
    }
    assert sample.prompts.names == ('c0', 'c2')
    truth = sample.gt_instances
    assert truth.bboxes.tolist() == [[0, 1, 1, 3], [0, 1, 2, 3], [0, 1, 3, 3]]
    assert truth.labels.tolist() == [1, 0, 1]
    assert truth.labels.dtype == torch.int64
    assert truth.keypoints.shape == (3, 4, 2)
    assert truth.keypoints[0, 0].tolist() == [3, 2]
    assert truth.keypoints_visible.tolist() == [[1, 0, 0, 0]] * 3
    # c2 has three keypoints, c0 one, the data set's largest four.
    assert truth.keypoint_mask.tolist() == [
        [True, True, True, False],
        [True, False, False, False],
        [True, True, True, False],
    ]
    assert truth.keypoint_mask.dtype == torch.bool
    assert truth.areas.tolist() == [10, 11, 12]
    for key in ('bboxes', 'keypoints', 'keypoints_visible', 'areas'):
        assert truth[key].dtype == torch.float32


def test_pack_without_objects():
    truth = pack(labels=())['data_samples'].gt_instances
    assert truth.bboxes.shape == (0, 4)
    assert truth.keypoints.shape == (0, 4, 2)
    assert truth.keypoint_mask.shape == (0, 4)
    assert truth.labels.dtype == torch.int64
    batch = pseudo_collate([pack(labels=()), pack()])
    assert [len(s.gt_instances) for s in batch['data_samples']] == [0, 3]


def test_pack_without_ground_truth_and_data_set():
    prompt = KeypointPrompt.from_categories(VOCABULARY)
    packed = PackPromptInputs()(
        {
            'img': np.zeros((5, 7, 3), np.uint8),
            'ori_shape': (5, 7),
            'prompts': prompt,
        }
    )
    sample = packed['data_samples']
    assert 'gt_instances' not in sample
    assert sample.scale_factor == (1.0, 1.0)
    assert sample.flip is False
    assert sample.img_path is None


def test_pack_rounds_and_clips_float_pictures():
    image = np.float32([[[-3.0, 1.6, 300.0]]])
    assert pack(img=image)['inputs'].flatten().tolist() == [0, 2, 255]


def test_pack_faults_are_named():
    with pytest.raises(
        ValueError, match='x.png is 70 x 50 .* annotation says 50 x 70'
    ):
        pack(height=70, width=50)
    with pytest.raises(
        ValueError, match="'c2' of the prompt has 3 keypoint names but .* hol"
    ):
        pack(gt_keypoints=np.zeros((3, 2, 3), np.float32))
