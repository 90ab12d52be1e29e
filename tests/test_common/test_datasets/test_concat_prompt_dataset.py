# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pytest

from projects.common.datasets import (
    BalancedSourceSampler,
    ConcatPromptDataset,
    SeededDataset,
)

PIPELINE = [
    {'type': 'mmpose.LoadImage'},
    {'type': 'mmpose.SamplePromptCategories', 'mode': 'all'},
    {'type': 'mmpose.PackPromptInputs'},
]


@pytest.fixture
def concat(content, write_coco):
    """The same set twice; the second has a cat of its own."""
    data = write_coco(content)
    content['categories'][0]['keypoints'][0] = 'snout'
    for image in content['images'][:2]:
        image['source'] = 'photos'
    other = Path(data['data_root']) / 'other.json'
    other.write_text(json.dumps(content))
    return ConcatPromptDataset(
        [
            {
                'type': 'mmpose.PromptCocoDataset',
                'pipeline': PIPELINE,
                **data,
                **file,
            }
            for file in ({}, {'ann_file': 'other.json'})
        ]
    )


def test_every_image_is_asked_for_its_own_categories(concat):
    assert len(concat) == 6
    first, second = (
        concat[index]['data_samples'].prompts.categories[0] for index in (0, 3)
    )
    assert first.name == second.name == 'cat'
    assert first.keypoints[0] == 'nose'
    assert second.keypoints[0] == 'snout'


def test_the_vocabulary_is_that_of_all(concat):
    categories = concat.metainfo['categories']
    assert [(c['name'], c['keypoints'][0]) for c in categories] == [
        ('cat', 'nose'),
        ('chair', 'seat'),
        ('ball', 'middle'),
        ('cat', 'snout'),
    ]
    assert SeededDataset(concat).metainfo['categories'] == categories


def test_sources_are_balanced(concat):
    assert concat.picture_sources == ('ann',) * 3 + ('photos',) * 2 + (
        'other',
    )
    weights = {'ann': 1, 'photos': 2, 'other': 1}
    sampler = BalancedSourceSampler(
        SeededDataset(concat), weights, epoch_size=8, seed=0
    )
    drawn = [concat.picture_sources[index % 6] for index in sampler]
    assert sorted(drawn) == ['ann'] * 2 + ['other'] * 2 + ['photos'] * 4
