# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Merge COCO-style keypoint sets into one: one file, one vocabulary."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from projects.common.datasets.coco import with_lists
from projects.common.datasets.coco_file import CocoKeypointFile
from projects.common.structures import KeypointCategory
from projects.common.utils.files import replacing, write_text

_IMAGE_FIELDS = ('width', 'height', 'style')


@dataclass(frozen=True)
class CocoSource:
    """One of the sets to merge.

    Args:
        name: Short name, a valid file name; every merged picture carries it.
        ann_file: The COCO-style json.
        image_root: Folder that its ``file_name`` start from.
    """

    name: str
    ann_file: Path
    image_root: Path

    @classmethod
    def parse(cls, text: str) -> 'CocoSource':
        """Read ``NAME=ANN_FILE:IMAGE_ROOT``.

        Raises:
            ValueError: If the text does not have this form.
        """
        name, _, paths = text.partition('=')
        ann_file, _, root = paths.rpartition(':')
        if not (name and ann_file and root) or '/' in name:
            raise ValueError(
                f'The source "{text}" must be written '
                'NAME=ANN_FILE:IMAGE_ROOT, for example '
                'mouse=data/mouse/annotations/train.json:data/mouse/images.'
            )
        return cls(name, Path(ann_file), Path(root))


def merge_coco(
    sources: Sequence[CocoSource], out: Path, split: str
) -> dict[str, int]:
    """Write ``annotations/<split>.json`` with all sources in their order.

    Categories of one name are one category; skeleton, parts, swap pairs and
    sigmas are those of the first source that has it. Ids count from 1.
    ``images[i]['source']`` and ``['source_id']`` say where a picture comes
    from. Pictures below ``out`` stay where they are; others are reached
    through a symbolic link to their folder, ``images/<name>_<split>``.

    Args:
        sources: The sets, with different names.
        out: Folder of the merged set; ``file_name`` start from it.
        split: Name of the file.

    Returns:
        dict: Numbers of ``images``, ``annotations`` and ``categories``.

    Raises:
        FileNotFoundError: If a file or a picture does not exist.
        ValueError: If there is no source, names occur twice, a file is
            faulty or two sources disagree on the keypoints of a category.
    """
    twice = [n for n, c in Counter(s.name for s in sources).items() if c > 1]
    if twice or not sources:
        raise ValueError(
            f'The sources to merge are {[s.name for s in sources]}; give at '
            'least one, and each another name.'
        )
    out, merged = Path(out).absolute(), _Merged()
    for source in sources:
        merged.add(source, _reachable_root(source, out, split))
    content = {
        'images': merged.images,
        'annotations': merged.annotations,
        'categories': [
            coco_category(category, number)
            for number, category in enumerate(merged.categories.values(), 1)
        ],
    }
    write_text(out / 'annotations' / f'{split}.json', json.dumps(content))
    return {key: len(value) for key, value in content.items()}


class _Merged:
    """Collects the records of all sources."""

    def __init__(self) -> None:
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        # Lower-case name -> category; its position gives the id.
        self.categories: dict[str, KeypointCategory] = {}
        self._origin: dict[str, Path] = {}

    def add(self, source: CocoSource, folder: Path) -> None:
        """Append a source whose pictures lie in ``folder`` below out."""
        path = source.ann_file
        file = CocoKeypointFile(str(path))
        for category in file.categories:
            self._unite(category, path)
        numbers = {key: i for i, key in enumerate(self.categories, 1)}
        category_ids = {
            record['id']: numbers[category.name.lower()]
            for record, category in zip(file.records, file.categories)
        }
        image_ids = {}
        for image in file.images:
            self._check_picture(source, image)
            image_ids[image['id']] = len(self.images) + 1
            self.images.append(
                {
                    'id': len(self.images) + 1,
                    'file_name': (folder / image['file_name']).as_posix(),
                    **{k: image[k] for k in _IMAGE_FIELDS if k in image},
                    'source': source.name,
                    'source_id': image['id'],
                }
            )
        for annotation in file.annotations:
            self.annotations.append(
                {
                    **with_lists(annotation),
                    'id': len(self.annotations) + 1,
                    'image_id': image_ids[annotation['image_id']],
                    'category_id': category_ids[annotation['category_id']],
                }
            )

    def _unite(self, category: KeypointCategory, path: Path) -> None:
        key = category.name.lower()
        known = self.categories.setdefault(key, category)
        first = self._origin.setdefault(key, path)
        if known.keypoints != category.keypoints:
            raise ValueError(
                f'The keypoints of "{category.name}" differ: {path} has '
                f'{", ".join(category.keypoints)}; {first} has '
                f'{", ".join(known.keypoints)}. Rename the category in one '
                'of the files, or bring its keypoints into the same order '
                'with the same names.'
            )

    @staticmethod
    def _check_picture(source: CocoSource, image: dict[str, Any]) -> None:
        picture = source.image_root / image['file_name']
        if not picture.is_file():
            raise FileNotFoundError(
                f'There is no picture "{picture}", which {source.ann_file} '
                f'names; check IMAGE_ROOT of the source "{source.name}".'
            )


def _reachable_root(source: CocoSource, out: Path, split: str) -> Path:
    """The folder of a source's pictures, relative to ``out``."""
    root = source.image_root.absolute()
    if root.is_relative_to(out):
        return root.relative_to(out)
    link = out / 'images' / f'{source.name}_{split}'
    with replacing(link) as temporary:
        temporary.symlink_to(root, target_is_directory=True)
    return link.relative_to(out)


def coco_category(category: KeypointCategory, number: int) -> dict[str, Any]:
    """An entry for ``categories`` of a COCO-style file, with this id."""
    names = category.keypoints
    return {
        'id': number,
        'name': category.name,
        'supercategory': category.supercategory,
        'keypoints': list(names),
        'parts': list(category.parts),
        'skeleton': [[a + 1, b + 1] for a, b in category.skeleton],
        'swap_pairs': [[names[a], names[b]] for a, b in category.swap_pairs],
        'sigmas': list(category.sigmas),
        **({} if category.mirror_safe else {'mirror_safe': False}),
    }
