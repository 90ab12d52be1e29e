# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a picture of one object shows, in words."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmpose.structures import PoseDataSample

#: More keypoints would not fit into the text encoder.
MAX_NAMES = 4


@dataclass(frozen=True)
class CaptionParts:
    """The words of captions of one picture.

    Attributes:
        style: Such as 'sketch'; pictures without one are photos.
        category: Name, or None if no object is left in the picture.
        keypoints: Names of the keypoints that the picture shows.
    """

    style: str
    category: str | None
    keypoints: tuple[str, ...] = ()

    @classmethod
    def of(cls, sample: PoseDataSample) -> CaptionParts:
        """Parts of a packed picture, whose first object counts."""
        style = sample.get('style') or 'photo'
        instances = sample.gt_instances
        if not len(instances):
            return cls(style, None)
        category = sample.prompts.categories[int(instances.labels[0])]
        visible = instances.keypoints_visible[0] > 0
        shown = tuple(
            name for name, seen in zip(category.keypoints, visible) if seen
        )
        return cls(style, category.name, shown)

    def caption(self, rng: np.random.Generator) -> str:
        """Style and category, and some of the keypoints in random order."""
        if self.category is None:
            return self.style
        text = f'{self.style} of a {self.category}'
        count = int(rng.integers(min(MAX_NAMES, len(self.keypoints)) + 1))
        names = rng.permutation(self.keypoints)[:count]
        return ', '.join([text, *names])


def caption_words(
    ann_file: str | os.PathLike, styles: Sequence[str] = ()
) -> list[str]:
    """All words that captions of a COCO-style file can have, sorted.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if not Path(ann_file).is_file():
        raise FileNotFoundError(
            f'The words of captions are read from "{ann_file}", which does '
            'not exist; tools/dataset_converters/object_crops.py writes it.'
        )
    content = json.loads(Path(ann_file).read_text('utf-8'))
    texts = ['photo of a', *styles]
    texts += [image.get('style') or '' for image in content['images']]
    for category in content['categories']:
        texts += [category['name'], *category.get('keypoints', ())]
    return sorted({word for text in texts for word in text.lower().split()})
