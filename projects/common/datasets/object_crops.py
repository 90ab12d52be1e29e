# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Every object of a data set as a small square picture of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from projects.common.datasets.coco_file import CocoKeypointFile
from projects.common.datasets.episodes import EpisodeObject, EpisodeSource
from projects.common.structures import crop_square
from projects.common.utils.files import write_bytes, write_json
from projects.common.utils.pictures import read_picture

_CHUNK = 64


@dataclass(frozen=True)
class ObjectCutter:
    """Cuts objects out of their pictures.

    Attributes:
        images: Folder that file names start from.
        out: Folder to write to.
        size: Side of a crop in pixels.
        context: Side of a crop in shares of the box's longer side.
    """

    images: Path
    out: Path
    size: int = 96
    context: float = 1.5

    def cut_all(
        self,
        annotations: Path,
        without: Sequence[Path] = (),
        workers: int = 1,
    ) -> dict[str, int]:
        """Write images/ and, at last, annotations.json.

        Args:
            annotations: COCO-style json.
            without: Pictures that these files list as well are left out.
            workers: Processes.

        Returns:
            How many ``objects``, ``categories`` and ``pictures left out``.

        Raises:
            OSError: If a file or picture cannot be read.
            ValueError: If an annotation file is faulty, or nothing is left.
        """
        file = CocoKeypointFile(str(annotations))
        source = EpisodeSource(file)
        left_out = {
            image['file_name']
            for path in without
            for image in CocoKeypointFile(str(path)).images
        }
        chosen = [
            item
            for item in _numbered(source)
            if item[1].image['file_name'] not in left_out
        ]
        if not chosen:
            raise ValueError(
                f'No object of {annotations} is left; --without names all of '
                'its pictures.'
            )
        with multiprocessing.Pool(workers) as pool:
            records = pool.map(self.cut, chosen, chunksize=_CHUNK)
        write_json(
            self.out / 'annotations.json',
            {
                'images': [image for image, _ in records],
                'annotations': [annotation for _, annotation in records],
                'categories': _categories(file, source),
            },
        )
        pictures = {o.image['file_name'] for o in source.objects.values()}
        return {
            'objects': len(chosen),
            'categories': len({category for *_, category in chosen}),
            'pictures left out': len(left_out & pictures),
        }

    def cut(
        self, item: tuple[int, EpisodeObject, int]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Write one crop; its records of picture and annotation."""
        number, found, category = item
        picture = read_picture(self.images / found.image['file_name'])
        crop, matrix = crop_square(picture, found.box, self.size, self.context)
        name = f'images/{number:06d}.jpg'
        quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
        data = cv2.imencode('.jpg', crop, quality)[1].tobytes()
        write_bytes(self.out / name, data)
        image = {
            'id': number,
            'file_name': name,
            'width': self.size,
            'height': self.size,
            'source_annotation': found.annotation_id,
        }
        if found.image.get('style'):
            image['style'] = found.image['style']
        return image, {
            'id': number,
            'image_id': number,
            'category_id': category,
            **self._placed(found, matrix),
        }

    def _placed(
        self, found: EpisodeObject, matrix: np.ndarray
    ) -> dict[str, Any]:
        """Box and keypoints in pixels of the crop."""
        scale = float(matrix[0, 0])
        corners = found.box.reshape(2, 2) * scale + matrix[:, 2]
        points = found.keypoints.astype(float)
        points[:, :2] = points[:, :2] * scale + matrix[:, 2]
        inside = (points[:, :2] >= 0) & (points[:, :2] <= self.size - 1)
        points[~(inside.all(1) & (points[:, 2] > 0))] = 0
        return {
            'bbox': [*corners[0].round(2), *np.ptp(corners, 0).round(2)],
            'area': round(found.area * scale**2, 2),
            'iscrowd': 0,
            'keypoints': points.round(2).ravel().tolist(),
            'num_keypoints': int((points[:, 2] > 0).sum()),
        }


def _numbered(source: EpisodeSource) -> list[tuple[int, EpisodeObject, int]]:
    """Objects with a number and that of their category, both from 1."""
    names = {
        key: number
        for number, category in enumerate(source.categories, 1)
        for key in source.by_category[category.name]
    }
    return [
        (number, found, names[key])
        for number, (key, found) in enumerate(source.objects.items(), 1)
    ]


def _categories(
    file: CocoKeypointFile, source: EpisodeSource
) -> list[dict[str, Any]]:
    """The categories as the source file has them, numbered from 1."""
    records = {record['name']: record for record in file.records}
    return [
        {**records[category.name], 'id': number}
        for number, category in enumerate(source.categories, 1)
    ]
