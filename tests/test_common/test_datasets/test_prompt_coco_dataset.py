# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import io
import re

import numpy as np
import pytest
import torch
from mmpose.registry import DATASETS
from mmpose.utils import register_all_modules

from projects.common.datasets import PromptCocoDataset
from projects.common.structures import KeypointCategory

LOAD = [{'type': 'LoadImage'}]


@pytest.fixture(autouse=True)
def _scope():
    register_all_modules(init_default_scope=True)


def test_items(write_coco, content):
    cfg = {'type': 'PromptCocoDataset', **write_coco(content)}
    dataset = DATASETS.build(cfg)
    assert len(dataset) == 3
    info = dataset[0]
    assert info['img_id'] == 10
    assert info['img_path'].endswith('images/a.png')
    assert (info['height'], info['width']) == (20, 40)
    assert info['style'] == 'sketch'
    assert [c.name for c in info['categories']] == ['cat', 'chair', 'ball']
    assert info['categories'] is dataset[1]['categories']
    # The crowd is left out, the box is clipped, v = 0 has no coordinates.
    assert info['gt_labels'].tolist() == [1, 0]
    assert info['gt_labels'].dtype == np.int64
    assert info['gt_bboxes'].tolist() == [[2, 3, 12, 11], [30, 0, 40, 10]]
    assert info['gt_keypoints'].tolist() == [
        [[4, 5, 2], [6, 7, 1], [0, 0, 0]],
        [[35, 4, 2], [0, 0, 0], [37, 3, 2]],
    ]
    # Without an area, 0.53 of the (unclipped) box's counts.
    assert info['gt_areas'] == pytest.approx([60, 127.2])
    assert info['gt_ids'].tolist() == [100, 101]
    for key in ('gt_bboxes', 'gt_keypoints', 'gt_areas'):
        assert info[key].dtype == np.float32


def test_items_are_ones_own(write_coco, content):
    dataset = PromptCocoDataset(**write_coco(content))
    before = {k: dataset[0][k].copy() for k in dataset[0] if k[:3] == 'gt_'}
    assert len(before) == 5
    spoilt = dataset[0]
    for key in before:
        spoilt[key][:] = 0  # transforms write into them
    for key, value in before.items():
        assert dataset[0][key].tolist() == value.tolist()


def test_memory_is_that_of_labelled_slots(write_coco, content):
    """One large category does not make all others as large."""

    def held(count):
        names = [f'k {i}' for i in range(count)]
        large = {'id': 99, 'name': 'large', 'keypoints': names}
        changed = {**content, 'categories': [*content['categories'], large]}
        dataset = PromptCocoDataset(**write_coco(changed))
        assert dataset[0]['gt_keypoints'].shape == (2, max(count, 3), 3)
        return dataset.data_bytes.nbytes

    assert held(500) == held(1) < 1500


def test_box_without_keypoints_and_picture_without_objects(
    write_coco, content
):
    dataset = PromptCocoDataset(**write_coco(content))
    assert dataset[1]['gt_labels'].tolist() == [2]
    assert not dataset[1]['gt_keypoints'].any()
    assert dataset[1]['style'] is None
    empty = dataset[2]
    assert empty['gt_bboxes'].shape == (0, 4)
    assert empty['gt_labels'].shape == (0,)
    assert empty['gt_keypoints'].shape == (0, 3, 3)
    assert empty['gt_areas'].shape == (0,)


def test_metainfo_survives_a_checkpoint(write_coco, content):
    dataset = PromptCocoDataset(**write_coco(content))
    assert dataset.metainfo['dataset_name'] == 'ann'
    file = io.BytesIO()
    torch.save(dataset.metainfo, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    restored = [KeypointCategory(**r) for r in loaded['categories']]
    assert tuple(restored) == dataset.categories


def test_category_names_restrict(write_coco, content):
    paths = write_coco(content)
    dataset = PromptCocoDataset(**paths, category_names=['ball', 'chair'])
    assert [c.name for c in dataset.categories] == ['ball', 'chair']
    assert [d['gt_labels'].tolist() for d in dataset] == [[1], [0], []]
    assert dataset[0]['gt_keypoints'].shape == (1, 2, 3)
    with pytest.raises(ValueError, match="ann.json: .*'chairs'; did you mean"):
        PromptCocoDataset(**paths, category_names=['chairs'])


def test_indices_and_unserialized(write_coco, content):
    paths = write_coco(content)
    dataset = PromptCocoDataset(**paths, indices=[2, 0], serialize_data=False)
    assert [d['img_id'] for d in dataset] == [12, 10]


def test_boxes_outside_are_left_out_and_counted(write_coco, content):
    content['annotations'][0]['bbox'] = [50, 3, 10, 8]
    content['annotations'][3]['bbox'] = [5, 5, 10, 0.5]
    dataset = PromptCocoDataset(**write_coco(content))
    assert [len(d['gt_labels']) for d in dataset] == [1, 0, 0]


ANNOTATION_FAULTS = [
    (
        {'keypoints': [4, 5, 2, 6]},
        'annotation 100 has 4 numbers in "keypoints", which is not a '
        'multiple of 3; write x, y and visibility (0, 1 or 2) of each of the '
        "2 keypoints of 'chair'",
    ),
    (
        {'keypoints': [4, 5, 2] * 3},
        "annotation 100 has 3 keypoints, but its category 'chair' names 2",
    ),
    (
        {'category_id': 77},
        'annotation 100 has the unknown category id 77; the file declares '
        '[2, 5, 9]',
    ),
    (
        {'image_id': 77},
        'annotation 100 names the image id 77, which is not in "images"',
    ),
    ({'bbox': [1, 2, 3]}, 'annotation 100 has the bbox [1, 2, 3]; it must'),
    (
        {'bbox': [1, 2, 3, float('nan')]},
        'annotation 100 has the bbox [1, 2, 3, nan]',
    ),
    ({'bbox': [1, 2, 3, 'x']}, "annotation 100 has the bbox [1, 2, 3, 'x']"),
    (
        {'keypoints': [4, None, 2, 6, 7, 1]},
        'annotation 100 has a keypoint that is not finite',
    ),
    (
        {'keypoints': [4, 5, 3, 6, 7, 1]},
        'annotation 100 has a keypoint that is not finite or whose visibility',
    ),
    (
        {'keypoints': [4, float('nan'), 2, 6, 7, 1]},
        'annotation 100 has a keypoint that is not finite',
    ),
]


@pytest.mark.parametrize('change, message', ANNOTATION_FAULTS)
def test_annotation_faults_are_named(write_coco, content, change, message):
    content['annotations'][0].update(change)
    with pytest.raises(ValueError, match='ann.json: ' + re.escape(message)):
        PromptCocoDataset(**write_coco(content))


def test_file_faults_are_named(write_coco, content, tmp_path):
    paths = write_coco(content, data='{"images": [], "annotations": []}')
    with pytest.raises(ValueError, match='ann.json lacks categories; a COCO'):
        PromptCocoDataset(**paths)
    paths = write_coco(content, data='{')
    with pytest.raises(ValueError, match='ann.json is not a json file'):
        PromptCocoDataset(**paths)
    for category in content['categories']:
        category.pop('keypoints')
    with pytest.raises(ValueError, match='"categories" holds none with key'):
        PromptCocoDataset(**write_coco(content))


def test_image_record_faults_are_named(write_coco, content):
    paths = write_coco(content)
    del content['images'][1]['width'], content['images'][1]['height']
    path = f'{paths["data_root"]}/ann.json'
    with open(path, 'w') as file:
        file.write(str(content).replace("'", '"'))
    with pytest.raises(ValueError, match='image 11 lacks height, width; ever'):
        PromptCocoDataset(**paths)


def test_missing_folders_say_how_to_make_the_data(write_coco, content):
    paths = write_coco(content)
    remedy = 'synthkpt.py --out data/synthkpt --size small'
    with pytest.raises(FileNotFoundError, match=f'none.json does.*{remedy}'):
        PromptCocoDataset(**{**paths, 'ann_file': 'none.json'})
    with pytest.raises(FileNotFoundError, match=f'/pictures of .*{remedy}'):
        PromptCocoDataset(**{**paths, 'data_prefix': {'img': 'pictures'}})


@pytest.mark.parametrize('data', [None, b'', b'no picture'])
def test_unreadable_picture_is_an_error(write_coco, content, tmp_path, data):
    dataset = PromptCocoDataset(**write_coco(content), pipeline=LOAD)
    path = tmp_path / 'images' / 'b.png'
    path.unlink() if data is None else path.write_bytes(data)
    message = r'images/b.png \(image id 11 of .*ann.json\) cannot be read. Rep'
    with pytest.raises(OSError, match=message):
        dataset[1]
    assert dataset[0]['img'].shape == (20, 40, 3)


def test_unreadable_picture_is_skipped_on_request(
    write_coco, content, tmp_path, monkeypatch
):
    logged = []
    monkeypatch.setattr(
        'projects.common.datasets.prompt_coco_dataset.print_log',
        lambda message, **kwargs: logged.append(message),
    )
    dataset = PromptCocoDataset(
        **write_coco(content), pipeline=LOAD, skip_unreadable=True
    )
    (tmp_path / 'images' / 'c.png').write_bytes(b'')
    assert [dataset[2]['img_id'] for _ in range(2)] == [10, 10]
    assert len(logged) == 1
    assert 'c.png (image id 12' in logged[0]
    for name in 'ab':
        (tmp_path / 'images' / f'{name}.png').unlink()
    with pytest.raises(OSError, match='None of the 3 pictures of .*ann.json'):
        dataset[0]


def test_other_errors_of_the_pipeline_are_not_hidden(write_coco, content):
    def broken(results):
        raise KeyError('a bug')

    dataset = PromptCocoDataset(
        **write_coco(content), pipeline=[broken], skip_unreadable=True
    )
    with pytest.raises(KeyError, match='a bug'):
        dataset[0]


def test_skipping_does_not_go_with_testing(write_coco, content):
    with pytest.raises(ValueError, match='would score another picture twice'):
        PromptCocoDataset(
            **write_coco(content), test_mode=True, skip_unreadable=True
        )


def test_unknown_option_is_named(write_coco, content):
    with pytest.raises(TypeError, match="unexpected keyword .*'filter_cfg'"):
        PromptCocoDataset(**write_coco(content), filter_cfg={})
