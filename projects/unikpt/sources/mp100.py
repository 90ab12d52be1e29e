# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""MP-100: 100 categories out of thirteen sets."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

from projects.unikpt.coco_reader import (
    CocoContent,
    CocoSource,
    parse_coco,
)
from projects.unikpt.entries import plain
from projects.unikpt.reading import read_json
from projects.unikpt.records import SourcePicture
from projects.unikpt.source import Report, register_source
from projects.unikpt.vocabulary import load_vocabulary

#: DeepFashion2's categories in the order of their ids, which is that of
#: their keypoints in its lists of 294.
CLOTHES = (
    'short sleeved shirt',
    'long sleeved shirt',
    'short sleeved outwear',
    'long sleeved outwear',
    'vest',
    'sling',
    'shorts',
    'trousers',
    'skirt',
    'short sleeved dress',
    'long sleeved dress',
    'vest dress',
    'sling dress',
)


@register_source
class MP100(CocoSource):
    """MP-100, its first split, which holds all categories.

    Of its 100 categories 75 are those of other sets under other names
    ('antelope_body' is AP-10K's antelope); 'amur_tiger_body' holds human
    faces with the 19 points of AFLW. Keypoints are in the order of the set
    that a category comes from, whatever names the file gives them. mmpose's
    json of DeepFashion2 (294 keypoints an object, of which a category has
    some) and of CarFusion are read as parts of it.

    Its train, val and test parts have different categories. UniKPT is
    trained on all hundred, as in the paper, so its pictures are divided
    instead: a tenth of them, drawn by the seed, validates. A picture that
    two categories have is in one part. Its keypoints have 254 names here and
    293 in the paper: a point has one name in all animals, faces and clothes.
    """

    name = 'mp100'
    title = 'MP-100'
    licence = 'Pictures under the terms of each of the thirteen sets.'
    page = 'https://github.com/luminxu/Pose-for-Everything'
    bibtex = """\
@inproceedings{xu2022pose,
  title={Pose for Everything: Towards Category-Agnostic Pose Estimation},
  author={Xu, Lumin and Jin, Sheng and Zeng, Wang and Liu, Wentao and Qian,
    Chen and Ouyang, Wanli and Luo, Ping and Wang, Xiaogang},
  booktitle={European Conference on Computer Vision},
  year={2022}
}"""
    tree = """\
Fetch the annotation from the page (with skeletons:
github.com/orhir/PoseAnything) and have the pictures put together from their
thirteen sets:
  python tools/dataset_converters/mp100.py doctor --help
mp100
|-- annotations
|   |-- mp100_split1_train.json
|   |-- mp100_split1_val.json
|   `-- mp100_split1_test.json
`-- images
    `-- antelope_body/000000000001.jpg ..."""
    paper = dict(
        keypoints=293,
        categories=100,
        images=16943,
        instances=18000,
        unified_images=16943,
        unified_instances=18000,
    )
    annotations = {
        'train': ('annotations/mp100_split1_train.json',),
        'val': ('annotations/mp100_split1_val.json',),
        'test': (
            'annotations/mp100_split1_test.json',
            'annotations/mp100_split1_test-dev-2017.json',
            'deepfasion2.json',
            'carfusion_coco.json',
        ),
    }
    folders = ('images', '')
    divides_categories = True
    renames = {
        'human body': 'person',
        'human hand': 'hand',
        'amur tiger body': 'person face',
    }

    def group(self, picture: SourcePicture) -> str:
        """Its name, equal in all categories; see :meth:`Source.group`."""
        return picture.file.rpartition('/')[2]

    def load(self, path: Path, report: Report) -> CocoContent:
        """See :meth:`CocoSource.load`."""
        content = read_json(path, report)
        if isinstance(content, dict):
            for category in _dicts(content, 'categories'):
                category['keypoints'] = []
            _split_clothes(content)
        return parse_coco(content, path.name, report)

    def category_name(self, text: str, image: Mapping[str, Any]) -> str | None:
        """See :meth:`CocoSource.category_name`."""
        name = self.renames.get(plain(text), plain(text))
        find = load_vocabulary().find
        thing = name.removesuffix(' body').removesuffix(' face')
        return find(name, self.name) or find(thing, self.name)


def _dicts(content: Mapping[str, Any], section: str) -> list[dict]:
    records = content.get(section)
    if not isinstance(records, list):
        return []
    return [record for record in records if isinstance(record, dict)]


@functools.cache
def _clothes_slices() -> dict[str, slice]:
    """Where the keypoints of each kind of clothes are among all of them."""
    entry = load_vocabulary().entry
    counts = [len(entry(name).keypoints) for name in CLOTHES]
    ends = list(accumulate(counts))
    return {
        name: slice(3 * (end - count), 3 * end)
        for name, count, end in zip(CLOTHES, counts, ends)
    }


def _split_clothes(content: Mapping[str, Any]) -> None:
    """Leave of DeepFashion2's 294 keypoints those of the category."""
    slices = _clothes_slices()
    total = max(part.stop for part in slices.values())
    names = {
        category.get('id'): plain(str(category.get('name')))
        for category in _dicts(content, 'categories')
    }
    for annotation in _dicts(content, 'annotations'):
        part = slices.get(names.get(annotation.get('category_id')))
        flat = annotation.get('keypoints')
        if part is not None and isinstance(flat, list) and len(flat) == total:
            annotation['keypoints'] = flat[part]
