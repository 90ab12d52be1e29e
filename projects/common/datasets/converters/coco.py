# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Write COCO-style keypoint sets from other labelling tools' projects."""

import argparse
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from projects.common.structures import (
    DEFAULT_SIGMA,
    KeypointCategory,
    object_area,
)
from projects.common.utils.files import write_bytes, write_text

# The box is the extent of the keypoints and this share of its longer side
# around it, at least so many pixels: keypoints lie inside the animal.
BOX_MARGIN = 0.2
MIN_BOX_MARGIN = 10.0
HOLD_OUT_EVERY = 5

_WORD_ENDS = re.compile(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])')
_GLUED_SIDE = re.compile(r'^(left|right)(?=[a-z]{2})')
_SIDES = {'l': 'left', 'r': 'right'}


class UnreadablePictureError(ValueError):
    """A picture is missing or cannot be decoded."""


@dataclass
class LabelledFrame:
    """One picture and its labelled instances.

    Args:
        name: File name below ``images/`` of the data set; frames are sorted
            by it.
        picture: Path of the picture, or its pixels, (H, W) or (H, W, 3)
            uint8 BGR.
        instances: (K, 2) arrays of x, y in image pixels, NaN where a
            keypoint is not labelled.
    """

    name: str
    picture: Path | np.ndarray
    instances: list[np.ndarray] = field(default_factory=list)

    def encoded(self) -> tuple[bytes, int, int]:
        """The picture file's bytes, its width and height in pixels.

        Raises:
            UnreadablePictureError: If it is missing or broken.
        """
        if isinstance(self.picture, np.ndarray):
            height, width = self.picture.shape[:2]
            return (
                cv2.imencode('.png', self.picture)[1].tobytes(),
                width,
                (height),
            )
        if not self.picture.is_file():
            raise UnreadablePictureError(
                f'The labelled picture {self.picture} does not exist. Put it '
                'back, or leave such pictures out with --skip-unreadable.'
            )
        data = self.picture.read_bytes()
        decoded = None
        if data:
            decoded = cv2.imdecode(
                np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR
            )
        if decoded is None:
            raise UnreadablePictureError(
                f'The picture {self.picture} cannot be decoded. Replace it, '
                'or leave such pictures out with --skip-unreadable.'
            )
        return data, decoded.shape[1], decoded.shape[0]


def readable_name(name: str) -> str:
    """A keypoint's name in words, because names are text prompts.

    ``eyeL`` becomes ``left eye``, ``forelegR1`` ``right foreleg 1``,
    ``leftear`` ``left ear``, ``tail_base`` ``tail base``.
    """
    words = _WORD_ENDS.sub(' ', re.sub(r'[_\-\s]+', ' ', name)).lower()
    words = _GLUED_SIDE.sub(r'\1 ', words.strip()).split()
    sides = [i for i, word in enumerate(words) if word in _SIDES]
    if len(sides) == 1 and len(words) > 1:
        side = _SIDES[words.pop(sides[0])]
        words.insert(0, side)
    return ' '.join(words)


def prompt_names(
    names: Sequence[str], renamed: Iterable[str] = ()
) -> list[str]:
    """Keypoint names in words.

    Args:
        names: K names of the labelling tool.
        renamed: ``OLD=NEW`` for names to replace; the others go through
            :func:`readable_name`.

    Raises:
        ValueError: If an entry is no ``OLD=NEW`` or its name is unknown.
    """
    new = {name: readable_name(name) for name in names}
    for entry in renamed:
        old, equals, word = entry.partition('=')
        if not equals or old not in new:
            raise ValueError(
                f'--rename {entry}: write OLD=NEW, where OLD is one of '
                f'{", ".join(names)}.'
            )
        new[old] = word
    return [new[name] for name in names]


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that the converters have in common."""
    parser.add_argument(
        '--category',
        required=True,
        help='what is labelled, in words, because it is a text prompt',
    )
    parser.add_argument(
        '--rename',
        nargs='+',
        default=[],
        metavar='OLD=NEW',
        help='other names for keypoints, e.g. tailbase="tail base"; the rest '
        'is put into words by itself (eyeL becomes left eye)',
    )
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument(
        '--hold-out-every',
        type=int,
        default=HOLD_OUT_EVERY,
        metavar='N',
        help='of the frames sorted by name, every N-th is for validation',
    )
    parser.add_argument(
        '--margin',
        type=float,
        default=BOX_MARGIN,
        help='of the box around the keypoints, as a share of its longer side',
    )


def keypoint_box(
    keypoints: np.ndarray, width: int, height: int, margin: float = BOX_MARGIN
) -> list[float]:
    """A box around labelled keypoints.

    Args:
        keypoints (np.ndarray): (n, 2) x, y in image pixels, n >= 1.
        width: Width of the picture in pixels.
        height: Height of the picture in pixels.
        margin: Share of the longer side of the keypoints' extent that is
            added on each side, at least ``MIN_BOX_MARGIN`` pixels.

    Returns:
        list: x, y, w, h in image pixels, clipped to the picture.
    """
    low, high = keypoints.min(axis=0), keypoints.max(axis=0)
    pad = max(margin * float((high - low).max()), MIN_BOX_MARGIN)
    x1, y1 = np.maximum(low - pad, 0)
    x2, y2 = np.minimum(high + pad, (width, height))
    return [round(float(v), 3) for v in (x1, y1, x2 - x1, y2 - y1)]


def category_record(
    name: str,
    keypoints: Sequence[str],
    skeleton: Iterable[tuple[int, int]] = (),
    swap_pairs: Iterable[tuple[int, int]] = (),
    supercategory: str = '',
) -> dict[str, Any]:
    """A checked entry for ``categories`` of a COCO-style file.

    Args:
        name: Name of the category.
        keypoints: K names.
        skeleton: 0-based pairs of connected keypoints.
        swap_pairs: 0-based pairs that a mirrored picture exchanges; if
            there are none they follow from "left" and "right" in the names.
        supercategory: Name of its group.

    Raises:
        ValueError: If names are empty or double, or indices out of range.
    """
    record = {
        'id': 1,
        'name': name,
        'supercategory': supercategory,
        'keypoints': list(keypoints),
        'skeleton': [[a + 1, b + 1] for a, b in skeleton],
        'sigmas': [DEFAULT_SIGMA] * len(keypoints),
    }
    pairs = [[keypoints[a], keypoints[b]] for a, b in swap_pairs]
    if pairs:
        record['swap_pairs'] = pairs
    category = KeypointCategory.from_coco(record)
    record['parts'] = list(category.parts)
    record['swap_pairs'] = [
        [keypoints[a], keypoints[b]] for a, b in category.swap_pairs
    ]
    return record


def write_coco(
    out: Path,
    category: dict[str, Any],
    frames: Iterable[LabelledFrame],
    hold_out_every: int = HOLD_OUT_EVERY,
    margin: float = BOX_MARGIN,
    skip_unreadable: bool = False,
) -> dict[str, int]:
    """Write pictures and ``annotations/{train,val}.json``.

    Frames are sorted by name; every ``hold_out_every``-th goes to ``val``.
    Keypoints outside the picture count as not labelled. ``area`` is 0.53 of
    the box's, see :func:`object_area`.

    Args:
        out: Folder of the data set.
        category: What :func:`category_record` returned.
        frames: The frames.
        hold_out_every: At least 2.
        margin: See :func:`keypoint_box`.
        skip_unreadable: Report broken pictures and go on.

    Returns:
        dict: Numbers of ``train`` and ``val`` pictures, ``instances``,
        ``keypoints``, ``outside`` (keypoints) and ``skipped`` (pictures).

    Raises:
        UnreadablePictureError: If a picture cannot be read.
        ValueError: If there is no frame or names occur twice.
    """
    if hold_out_every < 2:
        raise ValueError(
            f'--hold-out-every is {hold_out_every}; it must be 2 or more, so '
            'that pictures are left to train on.'
        )
    writer = _Writer(Path(out), len(category['keypoints']), margin)
    for frame in sorted(frames, key=lambda f: f.name):
        try:
            writer.add(frame)
        except UnreadablePictureError as error:
            if not skip_unreadable:
                raise
            writer.counts['skipped'] += 1
            print(f'skipped: {error}')
    if not writer.records:
        raise ValueError('There is no labelled picture to convert.')
    splits = {'train': [], 'val': []}
    for index, item in enumerate(writer.records):
        held_out = index % hold_out_every == hold_out_every - 1
        splits['val' if held_out else 'train'].append(item)
    for split, items in splits.items():
        _write_split(
            Path(out) / 'annotations' / f'{split}.json', category, items
        )
        writer.counts[split] = len(items)
    return writer.counts


class _Writer:
    """Writes pictures and collects (image, annotations) records."""

    def __init__(self, out: Path, num_keypoints: int, margin: float) -> None:
        self.folder = out / 'images'
        self.num_keypoints = num_keypoints
        self.margin = margin
        self.names: set[str] = set()
        self.records: list[tuple[dict, list[dict]]] = []
        self.counts = dict.fromkeys(
            ('train', 'val', 'instances', 'keypoints', 'outside', 'skipped'), 0
        )

    def add(self, frame: LabelledFrame) -> None:
        if frame.name in self.names:
            raise ValueError(
                f'Two labelled pictures are called {frame.name}; rename one.'
            )
        self.names.add(frame.name)
        data, width, height = frame.encoded()
        write_bytes(self.folder / frame.name, data)
        annotations = [
            annotation
            for points in frame.instances
            if (annotation := self._annotation(points, width, height))
        ]
        image = {'file_name': frame.name, 'width': width, 'height': height}
        self.records.append((image, annotations))
        self.counts['instances'] += len(annotations)

    def _annotation(
        self, points: np.ndarray, width: int, height: int
    ) -> dict[str, Any] | None:
        """COCO fields of one instance, None if nothing is labelled."""
        points = np.asarray(points, dtype=np.float64)
        if points.shape != (self.num_keypoints, 2):
            raise ValueError(
                f'An instance has keypoints of shape {points.shape}, but the '
                f'category has {self.num_keypoints} keypoint names, so '
                f'({self.num_keypoints}, 2) is needed.'
            )
        labelled = np.isfinite(points).all(axis=1)
        inside = (
            labelled
            & (points >= 0).all(axis=1)
            & (points < (width, height)).all(axis=1)
        )
        self.counts['outside'] += int((labelled & ~inside).sum())
        count = int(inside.sum())
        if not count:
            return None
        self.counts['keypoints'] += count
        box = keypoint_box(points[inside], width, height, self.margin)
        rows = np.zeros((self.num_keypoints, 3))
        rows[inside, :2], rows[inside, 2] = points[inside].round(3), 2
        return {
            'category_id': 1,
            'bbox': box,
            'area': round(object_area({'bbox': box}), 3),
            'iscrowd': 0,
            'num_keypoints': count,
            'keypoints': rows.ravel().tolist(),
        }


def _write_split(
    path: Path,
    category: dict[str, Any],
    items: Sequence[tuple[dict, list[dict]]],
) -> None:
    images, annotations = [], []
    for image, instances in items:
        images.append({'id': len(images) + 1, **image})
        for instance in instances:
            annotations.append(
                {
                    'id': len(annotations) + 1,
                    'image_id': len(images),
                    **instance,
                }
            )
    content = {
        'images': images,
        'annotations': annotations,
        'categories': [category],
    }
    write_text(path, json.dumps(content))
