# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Faulty data are named before a model is built."""

import json

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from projects.common.engine import data_check

FILE = {
    'images': [{'id': 1, 'file_name': 'a.png', 'width': 40, 'height': 20}],
    'categories': [{'id': 1, 'name': 'cat', 'keypoints': ['nose', 'tail']}],
    'annotations': [
        {
            'id': 1,
            'image_id': 1,
            'category_id': 1,
            'bbox': [2, 2, 20, 10],
            'keypoints': [4, 4, 2, 20, 8, 1],
        }
    ],
}


@pytest.fixture
def dataset(tmp_path):
    """Config of a data set that is fine."""
    (tmp_path / 'ann.json').write_text(json.dumps(FILE))
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((20, 40, 3), np.uint8))
    return {
        'type': 'PromptCocoDataset',
        'data_root': str(tmp_path),
        'ann_file': 'ann.json',
        'pipeline': [{'type': 'NoSuchTransform'}],
    }


def config(dataset):
    """A data loader whose data set is inside of another."""
    outer = {'type': 'RepeatDataset', 'times': 2, 'dataset': dataset}
    return Config({'train_dataloader': {'dataset': outer}, 'val': None})


def check(dataset):
    names = ('train_dataloader', 'val', 'test_dataloader')
    data_check.check_data(config(dataset), names)


def test_fine_data_pass(dataset):
    check(dataset)


def test_faults_are_named(dataset, tmp_path, monkeypatch):
    (tmp_path / 'a.png').unlink()
    with pytest.raises(ValueError, match='image 1 names the picture'):
        check(dataset)
    check({**dataset, 'skip_unreadable': True})
    with pytest.raises(FileNotFoundError, match=r'none.json does not exist'):
        check({**dataset, 'ann_file': 'none.json'})
    (tmp_path / 'ann.json').write_text('{}')
    with pytest.raises(ValueError, match='ann.json lacks images'):
        check(dataset)
    monkeypatch.setattr(data_check, 'MAX_BYTES', 1)
    check(dataset)  # too large to be read twice
