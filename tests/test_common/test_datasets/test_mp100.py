# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import pytest
from mmpose.registry import DATASETS

from projects.common.datasets import MP100Dataset, MP100File
from projects.common.datasets.episodes import EpisodeDataset, EpisodeSource
from tests import episode_files


def annotation(number, category, flat, image=1):
    return {
        'id': number,
        'image_id': image,
        'category_id': category,
        'bbox': [2, 3, 20, 20],
        'area': 400,
        'iscrowd': 0,
        'num_keypoints': 2,
        'keypoints': flat,
    }


@pytest.fixture
def content():
    return {
        'images': [
            {
                'id': 1,
                'file_name': 'bison_body/a.jpg',
                'width': 40,
                'height': 30,
            }
        ],
        'categories': [
            # PoseAnything: names and a skeleton that counts from 0.
            {
                'id': 18,
                'name': 'bison_body',
                'supercategory': 'mammal_body',
                'keypoints': ['nose', 'left_eye', 'right_eye'],
                'skeleton': [[1, 2], [2, 1]],
            },
            # The original release: neither, or names that are no names.
            {'id': 5, 'name': 'amur_tiger_body', 'keypoints': []},
            {'id': 7, 'name': 'bed', 'keypoints': ['x', 'x'], 'skeleton': []},
            {'id': 9, 'name': 'fly', 'keypoints': ['a', 'b', 'c']},
        ],
        'annotations': [
            annotation(1, 18, [4, 5, 2, 6, 7, 1, 0, 0, 0]),
            annotation(2, 5, [4, 5, 1.0, 6, 7, 0.5]),
            annotation(3, 7, [4, 5, 3, 6, 7, -1]),
            annotation(4, 9, [4, 5, 2, 6, 7, 2]),
        ],
    }


def read(content, tmp_path):
    path = tmp_path / 'mp100.json'
    path.write_text(json.dumps(content))
    return MP100File(str(path))


def test_names_skeletons_and_visibilities(content, tmp_path):
    file = read(content, tmp_path)
    bison, tiger, bed, fly = file.categories
    assert bison.name == 'bison body'
    assert bison.supercategory == 'mammal body'
    assert bison.keypoints == ('nose', 'left eye', 'right eye')
    # 0-based although index 0 does not occur.
    assert bison.skeleton == ((1, 2), (2, 1))
    assert bison.swap_pairs == ((1, 2),)
    numbers = ('keypoint 1', 'keypoint 2')
    assert tiger.keypoints == bed.keypoints == fly.keypoints == numbers
    found = file.instances(file.images[0])
    assert found['gt_labels'].tolist() == [0, 1, 2, 3]
    assert found['gt_keypoints'][:, :, 2].tolist() == [
        [2, 1, 0],
        [1, 1, 0],
        [2, 0, 0],
        [2, 2, 0],
    ]


def test_faulty_files(content, tmp_path):
    content['annotations'].append(annotation(5, 5, [4, 5, 1]))
    with pytest.raises(ValueError, match='annotation 5 has 1 keypoints, oth'):
        read(content, tmp_path)
    del content['annotations'][-1]
    content['categories'][0]['skeleton'] = [[1, 3]]
    with pytest.raises(ValueError, match='it counts from 0 and there are 3'):
        read(content, tmp_path)
    content['categories'][0]['skeleton'] = []
    content['annotations'] = []
    names = [category.name for category in read(content, tmp_path).categories]
    assert 'amur tiger body' not in names


def test_episodes_of_it(tmp_path):
    data = episode_files.content()
    data['categories'] = [
        {**category, 'keypoints': []} for category in data['categories']
    ]
    episode_files.write(tmp_path, data)
    assert DATASETS.get('mmpose.MP100Dataset') is MP100Dataset
    episodes = EpisodeDataset(
        {
            'type': 'mmpose.MP100Dataset',
            'data_root': str(tmp_path),
            'ann_file': 'ann.json',
        },
        {'shots': 1, 'queries': 2, 'num_episodes': 2},
        pipeline=[{'type': 'mmpose.PackPromptInputs'}],
    )
    assert isinstance(episodes.source, EpisodeSource)
    counts = {
        episodes[i]['data_samples'].prompts.categories[0].num_keypoints
        for i in range(4)
    }
    assert counts == {2, 3}
