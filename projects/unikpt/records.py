# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The one record type that every source of UniKPT is read into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SPLITS = ('train', 'val', 'test')


@dataclass(frozen=True)
class SourceInstance:
    """One annotated object of a picture.

    Attributes:
        annotation_id: The source's own id.
        category: Name of a category of the vocabulary.
        keypoints: (K, 3) float32 of x, y in image px (pixel centres at
            integers) and visibility 0/1/2, in the order of the category's
            keypoints. x, y, v are 0 where v is 0.
        bbox: x, y, w, h in image px, None where the source has none.
        area: Area in px^2, None where the source has none.
        iscrowd: Whether this stands for a group of objects.
        attributes: What else the source says, such as a track id.
    """

    annotation_id: int | str
    category: str
    keypoints: np.ndarray
    bbox: tuple[float, float, float, float] | None
    area: float | None = None
    iscrowd: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SourcePicture:
    """One picture of a source with all its annotated objects.

    Attributes:
        file: Path relative to the source's root, '/' separated.
        split: One of ``SPLITS``, as the source divides.
        instances: The objects, maybe none.
        width: Width in px as the annotation says, None where it does not.
        height: Height in px, likewise.
        frame: Index inside ``file`` where that is a container of pictures.
        style: Style such as 'oil painting', None where the source says none.
    """

    file: str
    split: str
    instances: tuple[SourceInstance, ...]
    width: int | None = None
    height: int | None = None
    frame: int | None = None
    style: str | None = None
