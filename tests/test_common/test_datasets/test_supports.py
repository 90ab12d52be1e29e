# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pickle
from collections import Counter

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.utils import register_all_modules
from torch.utils.data import DataLoader

from projects.common.datasets import (
    PackPromptInputs,
    PromptCocoDataset,
    RandomFlipKeypoints,
    SamplePromptCategories,
    SampleSupports,
    SeededDataset,
    SeededSampler,
    SupportPool,
)
from projects.common.datasets.transforms.support_cut import cut_support
from projects.common.structures import KeypointPrompt

VISUAL = {'visual': 1.0}


@pytest.fixture(autouse=True)
def _scope():
    register_all_modules(init_default_scope=True)


@pytest.fixture
def faces(face_set):
    return PromptCocoDataset(**face_set)


@pytest.fixture
def pool(faces):
    return SupportPool(faces)


def asked(dataset, index=1, mode='all', **kwargs):
    """Results of a picture after the choice of its prompt."""
    return SamplePromptCategories(mode, **kwargs)(dataset[index])


def colour_at(shot, keypoint):
    x, y = shot.keypoints[keypoint].round().int().tolist()
    return shot.image[:, y, x].tolist()


def background(shot):
    """The id of the picture that a shot comes from, by its grey."""
    return shot.image[0, -1, shot.image.shape[2] // 2].item() // 10


def test_visual_prompt_of_all_categories(faces, pool):
    np.random.seed(0)
    results = SampleSupports(pool, VISUAL, size=64)(asked(faces))
    prompt = results['prompts']
    assert prompt.names == ('face', 'lamp', 'tiny', 'ghost')
    # Nothing in the pool shows a usable tiny one or a ghost.
    assert prompt.modalities == ('visual', 'visual', 'text', 'text')
    assert [len(shots) for shots in prompt.supports] == [1, 1, 0, 0]
    (face,), (lamp,) = prompt.supports[:2]
    assert face.image.shape == (3, 64, 64)
    assert face.annotation_id == 10 * face.image_id
    assert face.image_id == background(face) != 2
    assert (lamp.annotation_id, lamp.image_id) == (7, 1)
    # Ground truth is untouched, also keypoints that the shots do not show.
    for key in ('gt_labels', 'gt_keypoints', 'gt_bboxes', 'gt_areas'):
        np.testing.assert_array_equal(results[key], faces[1][key])


def test_keypoints_of_a_shot_are_on_their_dots(faces, pool):
    np.random.seed(0)
    results = SampleSupports(pool, VISUAL, size=64)(asked(faces))
    shot = results['prompts'].supports[0][0]
    # The square is 50 px wide around the middle of the face's box.
    expected = np.array([[0, 5], [-10, -10], [10, -10]]) * 64 / 50 + 32
    np.testing.assert_allclose(shot.keypoints, expected, atol=1e-4)
    assert shot.visible.tolist() == [2, 2, 1]
    colours = [colour_at(shot, k) for k in range(3)]
    assert colours == [[255, 255, 255], [255, 0, 0], [0, 0, 255]]


def test_flipped_support_swaps_left_and_right(faces, pool):
    flip = RandomFlipKeypoints(prob=1.0)
    sample = SampleSupports(pool, VISUAL, size=64, augment=[flip])
    shot = sample(asked(faces))['prompts'].supports[0][0]
    # The dot of the picture's right eye is the mirrored face's left one.
    assert colour_at(shot, 1) == [0, 0, 255]
    assert colour_at(shot, 2) == [255, 0, 0]
    assert shot.keypoints[1, 0] < shot.keypoints[0, 0] < shot.keypoints[2, 0]
    assert shot.visible.tolist() == [2, 1, 2]


def test_query_is_never_its_own_support(faces, pool):
    sample = SampleSupports(pool, VISUAL, shots=(1, 2), size=32)
    np.random.seed(0)
    for index in range(6):
        seen = set()
        for _ in range(12):
            prompt = sample(asked(faces, index))['prompts']
            seen |= {s.image_id for shots in prompt.supports for s in shots}
        assert seen == {1, 2, 3, 4, 5, 6} - {index + 1}
    # The only lamp is in the first picture: there it is asked for by text.
    prompt = sample(asked(faces, 0))['prompts']
    assert prompt.modalities == ('visual', 'text', 'text', 'text')


def test_shots_are_drawn_from_their_range(faces, pool):
    sample = SampleSupports(pool, VISUAL, shots=(2, 4), size=32)
    np.random.seed(0)
    lengths = Counter()
    for _ in range(30):
        shots = sample(asked(faces))['prompts'].supports[0]
        assert len({s.annotation_id for s in shots}) == len(shots)
        lengths[len(shots)] += 1
    assert set(lengths) == {2, 3, 4}
    # Five other pictures show a face.
    sample = SampleSupports(pool, VISUAL, shots=(9, 9), size=32)
    assert len(sample(asked(faces))['prompts'].supports[0]) == 5


def test_modality_is_drawn_for_every_picture(faces, pool):
    probs = {'text': 0.5, 'visual': 0.25, 'combined': 0.25}
    sample = SampleSupports(pool, probs, size=32, max_negatives=0)
    np.random.seed(0)
    seen = Counter()
    for _ in range(200):
        modalities = sample(asked(faces))['prompts'].modalities
        seen[modalities] += 1
    # A text prompt keeps its negatives; tiny has no support.
    text, visual, combined = ('text',) * 4, 'visual', 'combined'
    assert set(seen) == {text, (visual, 'text'), (combined, 'text')}
    assert 80 < seen[text] < 120
    assert 35 < seen[combined, 'text'] < 65


@pytest.mark.parametrize('limit, count', [(0, 2), (1, 3), (9, 4), (None, 4)])
def test_negatives_are_limited(faces, pool, limit, count):
    sample = SampleSupports(pool, VISUAL, size=32, max_negatives=limit)
    np.random.seed(1)
    orders = set()
    for _ in range(20):
        before = asked(faces, mode='train', num_negatives=(2, 2))
        order = before['prompts'].names
        present = [order[i] for i in before['gt_labels']]
        results = sample(before)
        names = results['prompts'].names
        assert len(names) == count
        assert [names[i] for i in results['gt_labels']] == present
        assert names == tuple(n for n in order if n in names)
        orders.add(names)
    assert len(orders) > 1


def test_picture_without_objects_keeps_a_negative(faces, pool):
    sample = SampleSupports(pool, VISUAL, size=32, max_negatives=0)
    empty = asked(faces)
    empty['gt_labels'] = empty['gt_labels'][:0]
    results = sample(empty)
    assert results['prompts'].names == ('face',)
    assert results['gt_labels'].tolist() == []


def test_unreadable_examples(faces, pool, tmp_path):
    (tmp_path / 'faces/p3.png').write_bytes(b'')
    (tmp_path / 'faces/p4.png').unlink()
    face = KeypointPrompt.from_categories(faces.categories[:1])

    def ask(**kwargs):
        np.random.seed(0)
        transform = SampleSupports(pool, VISUAL, (4, 4), size=64, **kwargs)
        return transform({**faces[0], 'prompts': face})

    with pytest.raises(OSError, match=r'p[34].png of the example [34]0 cann'):
        ask()
    with pytest.warns(UserWarning, match='Another example is taken') as said:
        (shots,) = ask(skip_unreadable=True)['prompts'].supports
    assert len(said) == 2
    # Picture 1 asks; the other readable ones answer, one fewer than wanted.
    assert {shot.image_id for shot in shots} == {2, 5, 6}


def test_context_is_drawn_for_every_shot(faces, pool):
    sample = SampleSupports(pool, VISUAL, (5, 5), size=64, context=(1.1, 1.8))
    np.random.seed(0)
    shots = sample(asked(faces))['prompts'].supports[0]
    # The eyes are 20 px apart, the box 40 px wide.
    widths = [(s.keypoints[2, 0] - s.keypoints[1, 0]).item() for s in shots]
    contexts = 64 * 20 / (np.array(widths) * 40)
    assert len(set(contexts.round(4))) == 5
    assert 1.1 <= contexts.min() < contexts.max() <= 1.8


def lose_object(results):
    results['img'][:] = 0
    results['gt_bboxes'] = results['gt_bboxes'][:0]
    results['gt_keypoints'] = results['gt_keypoints'][:0]
    return results


def lose_keypoints(results):
    results['gt_keypoints'][:] = 0
    return results


def lose_all(results):
    return None


@pytest.mark.parametrize('augment', [lose_object, lose_keypoints, lose_all])
def test_augmentation_that_shows_nothing_is_undone(faces, pool, augment):
    sample = SampleSupports(pool, VISUAL, size=64, augment=[augment])
    shot = sample(asked(faces))['prompts'].supports[0][0]
    assert shot.visible.tolist() == [2, 2, 1]
    assert colour_at(shot, 1) == [255, 0, 0]


def test_colour_augmentation_returns_bytes(faces, pool):
    def brighten(results):
        results['img'] = results['img'].astype(np.float32) + 20.4
        return results

    sample = SampleSupports(pool, VISUAL, size=64, augment=[brighten])
    shot = sample(asked(faces))['prompts'].supports[0][0]
    assert shot.image.dtype == torch.uint8
    assert colour_at(shot, 1) == [255, 20, 20]
    grey = shot.image[0, -1, 32].item()
    assert grey == 10 * shot.image_id + 20


def big_record(tmp_path, side=800):
    """An object that fills a picture of vertical stripes, but for a dot."""
    image = np.zeros((side, side, 3), np.uint8)
    image[:, ::2] = 255
    image[side // 4 - 30 : side // 4 + 30, side // 2 - 30 : side // 2 + 30] = 0
    cv2.imwrite(str(tmp_path / 'big.png'), image)
    return {
        'img_path': str(tmp_path / 'big.png'),
        'img_id': 1,
        'annotation_id': 2,
        'gt_bboxes': np.float32([[0, 0, side, side]]),
        'gt_labels': np.zeros(1, int),
        'gt_keypoints': np.float32([[[side // 2, side // 4, 2]]]),
        'gt_areas': np.float32([side * side]),
    }


def test_large_object_is_averaged_not_sampled(tmp_path):
    seen = []

    def look(results):
        seen.append(results['img'].shape)
        return results

    record = big_record(tmp_path)
    before = record['gt_keypoints'].copy()
    shot = cut_support(record, 40, 1.25, look)
    # 1000 px become 40, so 800 px become 64 first: twice that.
    assert seen == [(64, 64, 3)]
    np.testing.assert_allclose(shot.keypoints, [[20, 12]], atol=0.1)
    assert max(colour_at(shot, 0)) < 30
    # Stripes of a pixel are grey.
    inner = shot.image[:, 20:34, 8:32].float()
    assert (inner - 127.5).abs().max() < 8
    np.testing.assert_array_equal(record['gt_keypoints'], before)


def loader_of(face_set, num_workers):
    pool = {'dataset': {'type': 'PromptCocoDataset', **face_set}}
    pipeline = [
        {'type': 'LoadImage'},
        {'type': 'RandomFlipKeypoints', 'prob': 0.5},
        {'type': 'SamplePromptCategories', 'num_negatives': (0, 2)},
        {
            'type': 'SampleSupports',
            'pool': pool,
            'modality_probs': {'text': 0.3, 'visual': 0.4, 'combined': 0.3},
            'shots': (1, 3),
            'size': 32,
            'context': (1.1, 1.5),
            'augment': [
                {'type': 'RandomFlipKeypoints', 'prob': 0.5},
                {'type': 'RandomRotateKeypoints', 'max_degrees': 20},
                {'type': 'mmdet.PhotoMetricDistortion'},
            ],
            'max_negatives': 1,
        },
        {'type': 'PackPromptInputs'},
    ]
    dataset = SeededDataset(PromptCocoDataset(**face_set, pipeline=pipeline))
    return DataLoader(
        dataset,
        batch_size=2,
        sampler=SeededSampler(dataset, shuffle=True, seed=3),
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        collate_fn=pseudo_collate,
    )


def drawn(loader):
    """{picture: prompt and shots} of two epochs."""
    epochs = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        epochs.append({})
        for batch in loader:
            for sample in batch['data_samples']:
                prompt = sample.prompts
                keys = [[s.key for s in shots] for shots in prompt.supports]
                epochs[-1][sample.img_id] = (
                    prompt.names,
                    prompt.modalities,
                    keys,
                )
                assert sample.img_id not in {
                    s.image_id for shots in prompt.supports for s in shots
                }
    return epochs


def test_training_is_a_function_of_seed_epoch_and_index(face_set):
    np.random.seed(1)
    alone = drawn(loader_of(face_set, 0))
    np.random.seed(2)
    assert drawn(loader_of(face_set, 2)) == alone
    first, second = alone
    assert set(first) == set(second) == {1, 2, 3, 4, 5, 6}
    shots = [
        {key for _, _, keys in epoch.values() for ks in keys for key in ks}
        for epoch in alone
    ]
    assert all(len(keys) > 3 for keys in shots)
    assert not shots[0] & shots[1]


def test_prompt_with_supports_survives_packing(face_set, pool):
    load = [{'type': 'LoadImage'}]
    faces = PromptCocoDataset(**face_set, pipeline=load)
    packed = []
    for mode in ('visual', 'combined'):
        sample = SampleSupports(pool, {mode: 1.0}, (2, 2), size=32)
        packed.append(PackPromptInputs()(sample(asked(faces, 2))))
    before = [p['data_samples'].prompts for p in packed]
    batch = pickle.loads(pickle.dumps(pseudo_collate(packed)))
    for sample, prompt, mode in zip(
        batch['data_samples'], before, ('visual', 'combined')
    ):
        moved = sample.to('cpu').prompts
        assert moved.modalities == (mode, mode, 'text', 'text')
        assert [[s.key for s in shots] for shots in moved.supports] == [
            [s.key for s in shots] for shots in prompt.supports
        ]
        assert sample.gt_instances.labels.tolist() == [0, 2]


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (
            {'modality_probs': {'audio': 1.0}},
            r"modality_probs names \['audio'\]; choose from 'text', 'visual'",
        ),
        (
            {'modality_probs': {'text': 0.5, 'visual': 0.4}},
            'must be 0 or more and sum to 1, not 0.9',
        ),
        ({'modality_probs': {}}, 'sum to 1, not 0'),
        (
            {'modality_probs': {'text': 1.5, 'visual': -0.5}},
            'must be 0 or more',
        ),
        ({'shots': (0, 1)}, r'shots is \(0, 1\); give'),
        ({'shots': (3, 2)}, r'shots is \(3, 2\); give'),
        ({'max_negatives': -1}, 'max_negatives is -1; give 0 or more'),
        ({'size': 16}, 'SampleSupports: size is 16; a shot has at least 32'),
        ({'context': (1.0, 1.2)}, r'context is \(1.0, 1.2\); give at least 1'),
        ({'context': (1.5, 1.2)}, r'context is \(1.5, 1.2\)'),
    ],
)
def test_faults_are_named(pool, kwargs, message):
    with pytest.raises(ValueError, match=message):
        SampleSupports(pool, **{'modality_probs': VISUAL, **kwargs})


def test_representation(pool):
    text = repr(SampleSupports(pool, VISUAL, max_negatives=3))
    assert text.startswith("SampleSupports(modality_probs={'visual': 1.0}, ")
    assert text.endswith('max_negatives=3, skip_unreadable=False)')
