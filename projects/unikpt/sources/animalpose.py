# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Animal-Pose: cats, cows, dogs, horses and sheep; the unseen set."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from projects.unikpt.coco_reader import (
    CocoContent,
    CocoSource,
    parse_coco,
)
from projects.unikpt.entries import plain
from projects.unikpt.reading import read_json
from projects.unikpt.source import Report, register_source

_SPECIES = ('cat', 'cow', 'dog', 'horse', 'sheep')
_NUMBERED = re.compile(r'(ca|co|do|ho|sh)\d+$')
_WORDS = {'l': 'left', 'r': 'right', 'f': 'front', 'b': 'back'}
_NAMES = {'tail': 'root of tail', 'tailbase': 'root of tail'}


@register_source
class AnimalPose(CocoSource):
    """Animal-Pose, from its own json or from mmpose's.

    The set is not part of UniKPT; models are tested on it. mmpose's json
    files all five animals under one category; the names of the pictures
    tell which it is for those that are not from PASCAL VOC, the others are
    a 'whole animal'.
    """

    name = 'animalpose'
    title = 'Animal-Pose'
    licence = (
        'None stated; most pictures are from PASCAL VOC 2012 (terms of '
        'Flickr).'
    )
    page = 'https://sites.google.com/view/animal-pose/'
    bibtex = """\
@inproceedings{cao2019cross,
  title={Cross-Domain Adaptation for Animal Pose Estimation},
  author={Cao, Jinkun and Tang, Hongyang and Fang, Hao-Shu and Shen, Xiaoyong
    and Lu, Cewu and Tai, Yu-Wing},
  booktitle={Proceedings of the IEEE/CVF International Conference on Computer
    Vision},
  year={2019}
}"""
    tree = """\
Download Part I from https://github.com/noahcao/animal-pose-dataset:
animalpose
|-- keypoints.json
`-- images/2007_000063.jpg ...
mmpose's annotations/animalpose_{train,val,test}.json are read instead where
they are, with their folders VOC2012/JPEGImages and animalpose_image_part2."""
    annotations = {
        'train': ('annotations/animalpose_train.json',),
        'val': ('annotations/animalpose_val.json',),
        'test': (
            'annotations/animalpose_test.json',
            'keypoints.json',
            'test_animalpose.json',
        ),
    }
    optional = frozenset({'train', 'val'})
    folders = ('', 'images')
    visible = 1

    def load(self, path: Path, report: Report) -> CocoContent:
        """See :meth:`CocoSource.load`; its own json is made like COCO's."""
        content = read_json(path, report)
        if isinstance(content, Mapping):
            content = _as_coco(content)
        return parse_coco(content, path.name, report)

    def category_name(self, text: str, image: Mapping[str, Any]) -> str | None:
        """See :meth:`CocoSource.category_name`."""
        path = PurePosixPath(image['file_name'])
        numbered = _NUMBERED.match(path.stem)
        for species in _SPECIES:
            if species in path.parts or (
                numbered and species.startswith(numbered[1])
            ):
                return f'whole {species}'
        return super().category_name(text, image)


def _as_coco(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the set's own json COCO's form; others stay as they are.

    There, ``images`` is a dict from id to name, boxes are corners and
    annotations have no id.
    """
    images = content.get('images')
    records = content.get('annotations')
    if not isinstance(images, Mapping) or not isinstance(records, list):
        return content
    return {
        'images': [
            {'id': key, 'file_name': name} for key, name in images.items()
        ],
        'annotations': [
            _annotation(i, record) if isinstance(record, dict) else record
            for i, record in enumerate(records)
        ],
        'categories': [
            {**c, 'keypoints': [*map(_keypoint, c.get('keypoints') or ())]}
            for c in content.get('categories') or ()
        ],
    }


def _annotation(index: int, record: dict[str, Any]) -> dict[str, Any]:
    box = record.get('bbox')
    if isinstance(box, list) and len(box) == 4:
        left, top, right, bottom = box
        box = [left, top, right - left, bottom - top]
    # The ids of pictures are keys of the json, so text.
    key = str(record.get('image_id'))
    return {**record, 'id': index, 'image_id': key, 'bbox': box}


def _keypoint(name: str) -> str:
    words = ' '.join(_WORDS.get(word, word) for word in plain(name).split())
    return _NAMES.get(words, words)
