# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import gc
import json
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mmpose.utils import register_all_modules

from projects.common.datasets import PromptCocoDataset, SupportPool
from projects.common.datasets.support_pool import is_same_picture, shared_pool


@pytest.fixture(autouse=True)
def _scope():
    register_all_modules(init_default_scope=True)


@pytest.fixture
def pool(face_set):
    return SupportPool({'type': 'PromptCocoDataset', **face_set})


@pytest.fixture
def face(pool):
    return pool.dataset.categories[0]


def rng(seed=0):
    return np.random.default_rng(seed)


def edit(face_set, change):
    """The same data set after ``change(content)`` of its annotations."""
    path = Path(face_set['data_root'], 'faces.json')
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return PromptCocoDataset(**face_set)


def test_counts_what_is_usable(pool, face_set):
    # Neither the face with one keypoint nor the tiny one.
    assert pool.counts == {'face': 6, 'lamp': 1}
    dataset = pool.dataset
    assert SupportPool(dataset, min_visible=1).counts['face'] == 7
    assert SupportPool(dataset, min_size=6).counts['tiny'] == 6
    # The longer side counts: the lamp is 20 x 30.
    assert SupportPool(dataset, min_size=30).counts['lamp'] == 1
    assert 'lamp' not in SupportPool(dataset, min_size=31).counts


def test_names_in_any_letter_case(pool, face):
    other = replace(face, name='FACE')
    np.testing.assert_array_equal(
        pool.order(other, rng()), pool.order(face, rng())
    )


def test_keypoints_outside_picture_or_square_are_not_shown(face_set):
    def change(content):
        # Picture 3's right eye is beyond the picture, picture 4's beyond
        # the square around the box.
        faces = {a['id']: a for a in content['annotations']}
        faces[30]['keypoints'][6] = 100
        faces[40]['keypoints'][6] = 80

    pool = SupportPool(edit(face_set, change))
    assert pool.counts['face'] == 4
    pool = SupportPool(pool.dataset, min_visible=2)
    assert pool.counts['face'] == 6
    category = pool.dataset.categories[0]
    records = list(pool.candidates(category, rng()))
    (record,) = [r for r in records if r['annotation_id'] == 30]
    assert record['gt_keypoints'].tolist() == [
        [[43, 40, 2], [33, 25, 2], [0, 0, 0]]
    ]


def test_record(pool):
    lamp = pool.dataset.categories[1]
    (record,) = pool.candidates(lamp, rng())
    assert record['img_id'] == 1
    assert record['img_path'].endswith('faces/p1.png')
    assert record['annotation_id'] == 7
    assert record['categories'] == (lamp,)
    assert record['gt_labels'].tolist() == [0]
    assert record['gt_bboxes'].tolist() == [[70, 40, 90, 70]]
    # Without the slots that pad to the data set's largest category.
    assert record['gt_keypoints'].tolist() == [[[80, 50, 2]]]
    assert record['gt_areas'].tolist() == [900]


def test_draws_differ_without_repetition(pool, face):
    drawn = [r['annotation_id'] for r in pool.candidates(face, rng())]
    assert sorted(drawn) == [10, 20, 30, 40, 50, 60]
    again = [r['annotation_id'] for r in pool.candidates(face, rng())]
    assert again == drawn
    firsts = {
        next(pool.candidates(face, rng(s)))['annotation_id'] for s in range(60)
    }
    assert firsts == {10, 20, 30, 40, 50, 60}
    ghost = pool.dataset.categories[3]
    assert list(pool.candidates(ghost, rng())) == []


def test_never_the_excluded_picture(pool, face):
    for index in range(6):
        query = pool.dataset[index]
        drawn = [r['img_id'] for r in pool.candidates(face, rng(), query)]
        assert sorted(drawn) == sorted({1, 2, 3, 4, 5, 6} - {index + 1})
    lamp = pool.dataset.categories[1]
    assert not list(pool.candidates(lamp, rng(), pool.dataset[0]))


def test_exclusion_across_annotation_files(pool, face, face_set, tmp_path):
    # Other ids, in another folder that leads to the same one.
    os.symlink(tmp_path / 'faces', tmp_path / 'link')

    def change(content):
        for image in content['images']:
            image['id'] = 700 - image['id']
        for annotation in content['annotations']:
            annotation['image_id'] = 700 - annotation['image_id']

    linked = edit({**face_set, 'data_prefix': {'img': 'link'}}, change)
    query = linked[2]
    assert query['img_id'] == 697
    drawn = {r['img_id'] for r in pool.candidates(face, rng(), query)}
    assert drawn == {1, 2, 4, 5, 6}


def test_same_picture(pool, tmp_path):
    first, second = pool.dataset[0], pool.dataset[1]
    assert is_same_picture(first, first)
    assert not is_same_picture(first, second)
    # Another data set's picture with the same id is another picture, ...
    other = {'img_id': 1, 'img_path': str(tmp_path / 'x.png')}
    assert not is_same_picture(first, other)
    # ... a copied data set's has the same name, too.
    shutil.copytree(tmp_path / 'faces', tmp_path / 'copy')
    copied = {'img_id': 1, 'img_path': str(tmp_path / 'copy' / 'p1.png')}
    assert is_same_picture(first, copied)
    assert not is_same_picture(first, {**copied, 'img_id': 2})


def test_faults_are_named(pool, face):
    for kwargs in ({'min_visible': 0}, {'min_size': 0}):
        with pytest.raises(ValueError, match='both must be at least 1'):
            SupportPool(pool.dataset, **kwargs)
    with pytest.raises(
        ValueError,
        match=r'pool of .*faces.json is empty: none of its 6 pictures has an '
        'object with 3 labelled keypoints and a box of 90 pixels; lower',
    ):
        SupportPool(pool.dataset, min_size=90)
    other = replace(face, keypoints=('nose', 'right eye', 'left eye'))
    with pytest.raises(
        ValueError,
        match="'face' has the keypoints nose, right eye, left eye in the "
        'prompt but nose, left eye, right eye in the support pool of .*faces',
    ):
        next(pool.candidates(other, rng()))


def test_pools_of_one_config_are_one(face_set):
    cfg = {'dataset': {'type': 'PromptCocoDataset', **face_set}}
    pool = shared_pool(cfg)
    assert shared_pool({'dataset': {**cfg['dataset']}}) is pool
    assert shared_pool({**cfg, 'min_visible': 1}) is not pool
    # It dies with its last user.
    identity = pool.tag = 'first'
    del pool
    gc.collect()
    assert getattr(shared_pool(cfg), 'tag', None) != identity


def test_pool_reaches_a_spawned_worker(pool, face):
    copied = pickle.loads(pickle.dumps(pool))
    assert copied.counts == pool.counts
    assert copied.order(face, rng()).tolist() == (
        pool.order(face, rng()).tolist()
    )
