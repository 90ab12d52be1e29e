# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import cv2
import numpy as np
import pytest

from projects.common.datasets import PromptCocoDataset
from projects.common.datasets.converters.merge import CocoSource, merge_coco

CAT = {
    'id': 7,
    'name': 'cat',
    'supercategory': 'animal',
    'keypoints': ['nose', 'left_ear', 'right_ear'],
    'skeleton': [[1, 2], [1, 3]],
    'sigmas': [0.01, 0.02, 0.03],
}
CAR = {'id': 3, 'name': 'car', 'keypoints': ['front']}


def write_set(folder, categories, image_ids, x=2):
    """A set with one object of each category on each picture."""
    images, annotations = [], []
    for image_id in image_ids:
        name = f'sub/{image_id}.png'
        (folder / 'img/sub').mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / 'img' / name), np.zeros((8, 9, 3), np.uint8))
        images.append(
            {'id': image_id, 'file_name': name, 'width': 9, 'height': 8}
        )
        for category in categories:
            annotations.append(
                {
                    'id': 5,
                    'image_id': image_id,
                    'category_id': category['id'],
                    'bbox': [1, 1, 4, 5],
                    'area': 20,
                    'iscrowd': 0,
                    'keypoints': [x, 3, 2] * len(category['keypoints']),
                }
            )
    ann_file = folder / 'ann.json'
    ann_file.write_text(
        json.dumps(
            {
                'images': images,
                'annotations': annotations,
                'categories': categories,
            }
        )
    )
    return CocoSource(folder.name, ann_file, folder / 'img')


@pytest.fixture
def sources(tmp_path):
    upper = {**CAT, 'id': 1, 'name': 'Cat', 'sigmas': [0.5] * 3}
    return [
        write_set(tmp_path / 'one', [CAT], [70, 80]),
        write_set(tmp_path / 'two', [CAR, upper], [70], x=4),
    ]


def read(folder, split='train'):
    return json.loads((folder / 'annotations' / f'{split}.json').read_text())


def test_ids_categories_and_sources(sources, tmp_path):
    out = tmp_path / 'out'
    counts = merge_coco(sources, out, 'train')
    assert counts == {'images': 3, 'annotations': 4, 'categories': 2}
    content = read(out)
    assert content['images'][2] == {
        'id': 3,
        'file_name': 'images/two_train/sub/70.png',
        'width': 9,
        'height': 8,
        'source': 'two',
        'source_id': 70,
    }
    cat, car = content['categories']
    assert (cat['id'], cat['name'], car['id'], car['name']) == (
        (1, 'cat', 2, 'car')
    )
    # What else the first source says of a category holds.
    assert cat['sigmas'] == [0.01, 0.02, 0.03]
    assert cat['skeleton'] == [[1, 2], [1, 3]]
    assert cat['swap_pairs'] == [['left ear', 'right ear']]
    keys = ('id', 'image_id', 'category_id')
    assert [tuple(a[k] for k in keys) for a in content['annotations']] == [
        (1, 1, 1),
        (2, 2, 1),
        (3, 3, 2),
        (4, 3, 1),
    ]
    assert content['annotations'][2]['keypoints'] == [4, 3, 2]
    assert not list(out.rglob('*.tmp'))


def test_the_data_set_reads_it_through_the_links(sources, tmp_path):
    out = tmp_path / 'out'
    for _ in range(2):  # again is no error
        merge_coco(sources, out, 'train')
    data = PromptCocoDataset(
        'annotations/train.json',
        str(out),
        {'img': ''},
        pipeline=[{'type': 'mmpose.LoadImage'}],
    )
    item = data[2]
    assert item['img'].shape == (8, 9, 3)
    assert [c.name for c in item['categories']] == ['cat', 'car']
    assert item['gt_labels'].tolist() == [1, 0]
    assert item['gt_keypoints'][1].tolist() == [[4, 3, 2]] * 3
    assert item['gt_keypoints'][0].tolist() == [[4, 3, 2], [0] * 3, [0] * 3]


def test_pictures_below_out_stay(sources, tmp_path):
    merge_coco(sources, tmp_path, 'val')
    names = [image['file_name'] for image in read(tmp_path, 'val')['images']]
    assert names == [
        'one/img/sub/70.png',
        'one/img/sub/80.png',
        'two/img/sub/70.png',
    ]
    assert not (tmp_path / 'images').exists()


def test_splits_have_links_of_their_own(tmp_path):
    out = tmp_path / 'out'
    for split, number in (('train', 1), ('val', 2)):
        source = write_set(tmp_path / split / 'cat', [CAT], [number])
        merge_coco([source], out, split)
    for split in ('train', 'val'):
        assert (out / read(out, split)['images'][0]['file_name']).is_file()


def test_other_keypoints_of_the_same_name(sources, tmp_path):
    other = {**CAT, 'keypoints': ['nose', 'right_ear', 'left_ear']}
    third = write_set(tmp_path / 'three', [other], [1])
    with pytest.raises(ValueError, match='The keypoints of "cat" differ'):
        merge_coco([*sources, third], tmp_path / 'out', 'train')
    assert not (tmp_path / 'out/annotations').exists()


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (lambda s: s.ann_file.unlink(), 'does not exist'),
        (lambda s: (s.image_root / 'sub/80.png').unlink(), 'no picture'),
        (
            lambda s: s.ann_file.write_text(
                s.ann_file.read_text().replace('[2, 3, 2, ', '[')
            ),
            'has 2 keypoints',
        ),
    ],
)
def test_faulty_source(sources, tmp_path, load_tool, capsys, damage, message):
    damage(sources[0])
    main = load_tool('dataset_converters/merge_coco.py').main
    text = f'one={sources[0].ann_file}:{sources[0].image_root}'
    assert main([text, '--out', str(tmp_path / 'out')]) == 1
    assert message in capsys.readouterr().err


def test_sources_are_told_apart(sources, tmp_path):
    for wrong in ([], [sources[0], sources[0]]):
        with pytest.raises(ValueError, match='at least one, and each another'):
            merge_coco(wrong, tmp_path / 'out', 'train')


def test_command(sources, tmp_path, load_tool, capsys):
    main = load_tool('dataset_converters/merge_coco.py').main
    texts = [f'{s.name}={s.ann_file}:{s.image_root}' for s in sources]
    out = tmp_path / 'out'
    assert main([*texts, '--out', str(out), '--split', 'val']) == 0
    assert capsys.readouterr().out == (
        f'{out}: 3 images, 4 annotations, 2 categories\n'
    )
    assert len(read(out, 'val')['images']) == 3
    for wrong in ('a.json:img', 'a=b.json', 'a/b=c:d'):
        assert main([wrong, '--out', str(out)]) == 1
        assert 'NAME=ANN_FILE:IMAGE_ROOT' in capsys.readouterr().err
