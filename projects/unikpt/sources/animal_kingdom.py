# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Animal Kingdom: 850 kinds of animals in frames of videos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from projects.unikpt.coco_reader import (
    CocoContent,
    CocoSource,
    parse_coco,
)
from projects.unikpt.reading import read_json
from projects.unikpt.records import SourcePicture
from projects.unikpt.source import Fault, Report, register_source

_FOLDERS = ('annotations', 'annotation', 'pose_estimation/annotation', '.')


def _patterns(split: str) -> tuple[str, ...]:
    return tuple(f'{folder}/ak_P1/{split}.json' for folder in _FOLDERS)


@register_source
class AnimalKingdom(CocoSource):
    """Animal Kingdom, protocol 1 (all animals).

    Its annotation is a list of records in the manner of MPII, or COCO-style
    as mmpose wants it; both are read. A category is a kind of animal (the
    record's ``animal``), not one of the five classes that the COCO-style
    files list, of which they may lack some. 1 means visible here. The square
    of MPII's ``center`` and ``scale`` is as large as the longer side of the
    labelled points and says nothing of the shorter, so records in that
    manner have no box. Frames of one video are in a folder of their own,
    which ``--resplit`` keeps together.
    """

    name = 'animal_kingdom'
    title = 'Animal Kingdom'
    licence = 'For non-commercial research, on request by a form of the page.'
    page = 'https://sutdcv.github.io/Animal-Kingdom'
    bibtex = """\
@inproceedings{ng2022animal,
  title={Animal Kingdom: A Large and Diverse Dataset for Animal Behavior
    Understanding},
  author={Ng, Xun Long and Ong, Kian Eng and Zheng, Qichen and Ni, Yun and
    Yeo, Si Yong and Liu, Jun},
  booktitle={Proceedings of the IEEE/CVF Conference on Computer Vision and
    Pattern Recognition},
  year={2022}
}"""
    tree = """\
Fill in the form of the page, take the part "pose estimation" and unpack:
Animal_Kingdom/pose_estimation
|-- annotation  (or annotations)
|   `-- ak_P1
|       |-- train.json
|       `-- test.json
`-- dataset  (or images)
    `-- AAACXZTV/AAACXZTV_f000059.jpg ..."""
    paper = dict(
        keypoints=23,
        categories=850,
        images=33099,
        instances=33099,
        unified_images=33099,
        unified_instances=33099,
    )
    annotations = {
        'train': _patterns('train'),
        'test': (*_patterns('test'), 'test_animalkingdom.json'),
    }
    folders = (
        'images',
        'dataset',
        'pose_estimation/dataset',
        'pose_estimation/images',
        '',
    )
    visible = 1
    kept = ('animal_parent_class', 'animal_class', 'animal_subclass')

    def group(self, picture: SourcePicture) -> str:
        """Its video; see :meth:`Source.group`."""
        return picture.file.rpartition('/')[0]

    def load(self, path: Path, report: Report) -> CocoContent:
        """See :meth:`CocoSource.load`."""
        content = read_json(path, report)
        if isinstance(content, list):
            content = _from_mpii(content, path.name, report)
        if isinstance(content, Mapping):
            content = _by_kind(content)
        return parse_coco(content, path.name, report)


def _from_mpii(
    records: list, name: str, report: Report
) -> dict[str, list[dict]]:
    """COCO-style content of a list of records in the manner of MPII."""
    annotations = list(_mpii_annotations(records, name, report))
    images = dict.fromkeys(a['image_id'] for a in annotations)
    return {
        'images': [{'id': file, 'file_name': file} for file in images],
        'annotations': annotations,
        'categories': [],
    }


def _mpii_annotations(
    records: list, name: str, report: Report
) -> Iterator[dict[str, Any]]:
    for number, record in enumerate(records):
        where = f'{name}: record {number}'
        try:
            triplets = [
                (*point, flag)
                for point, flag in zip(
                    record['joints'], record['joints_vis'], strict=True
                )
            ]
            yield {
                **record,
                'id': number,
                'image_id': record['image'],
                'keypoints': [value for t in triplets for value in t],
            }
        except KeyError as error:
            report(Fault('missing key', where, str(error.args[0])))
        except (TypeError, ValueError) as error:
            report(Fault('unreadable record', where, str(error)))


def _by_kind(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with the kinds of animals as categories."""
    names = next(
        (
            category.get('keypoints')
            for category in content.get('categories') or ()
            if isinstance(category, Mapping)
        ),
        None,
    )
    annotations = [
        {**a, 'category_id': a.get('animal')} if isinstance(a, dict) else a
        for a in content.get('annotations') or ()
    ]
    kinds = dict.fromkeys(
        a['category_id']
        for a in annotations
        if isinstance(a, dict) and isinstance(a['category_id'], str)
    )
    return {
        **content,
        'annotations': annotations,
        'categories': [
            {'id': kind, 'name': kind, 'keypoints': names} for kind in kinds
        ],
    }
