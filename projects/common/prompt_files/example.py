# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""An example object in its picture, before any model cuts it out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from projects.common.structures import SupportShot, crop_support

#: Side of the square that models cut out, over the box's longer side.
CONTEXT = 1.25
#: Side of shots that are only made to see that they can be, pixels.
CHECK_SIZE = 64
# Pixels around that square that its resampling may look at.
_MARGIN = 2


@dataclass(frozen=True, eq=False)
class Example:
    """One object with its keypoints, in a picture of any size.

    Args:
        picture: (h, w, 3) uint8 BGR.
        keypoints: (K, 2) xy, pixels of the picture.
        visible: (K,) 0 = not shown, 1 = hidden but known, 2 = visible; None
            says that all are visible.
        bbox: Box of the object, xyxy in pixels of the picture; None takes
            the one around the keypoints shown, which is tight.
        annotation_id: Which annotation it is, if any.
        image_id: Which picture of an annotation file it is in, if any.

    Raises:
        ValueError: As :func:`crop_support`, when it is used.
    """

    picture: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray | None = None
    bbox: Sequence[float] | None = None
    annotation_id: int | None = None
    image_id: int | None = None

    def __post_init__(self) -> None:
        keypoints = np.asarray(self.keypoints, np.float32)
        visible = self.visible
        if visible is None:
            visible = np.full(len(keypoints), 2.0)
        object.__setattr__(self, 'keypoints', keypoints)
        object.__setattr__(self, 'visible', np.asarray(visible, np.float32))

    @property
    def num_keypoints(self) -> int:
        """K."""
        return len(self.keypoints)

    def shot(self, size: int) -> SupportShot:
        """Cut the object out for a model.

        Args:
            size: Side of the result in pixels, that of the model's tower.

        Raises:
            ValueError: See :func:`crop_support`.
        """
        return crop_support(
            self.picture,
            self.keypoints,
            self.visible,
            self.bbox,
            size=size,
            context=CONTEXT,
            annotation_id=self.annotation_id,
            image_id=self.image_id,
        )

    @cached_property
    def cropped(self) -> Example:
        """The same example in as little of its picture as shots need.

        Pixels are copied, not resampled: the shots of the two are equal.

        Raises:
            ValueError: See :func:`crop_support`.
        """
        self.shot(CHECK_SIZE)
        x1, y1, x2, y2 = self._box()
        reach = max(x2 - x1, y2 - y1) * CONTEXT / 2 + _MARGIN
        height, width = self.picture.shape[:2]
        left, top = (
            max(0, math.floor(middle - reach))
            for middle in ((x1 + x2) / 2, (y1 + y2) / 2)
        )
        right = min(width, math.ceil((x1 + x2) / 2 + reach) + 1)
        bottom = min(height, math.ceil((y1 + y2) / 2 + reach) + 1)
        corner = np.array([left, top], np.float32)
        shown = (self.visible > 0)[:, None]
        return replace(
            self,
            picture=self.picture[top:bottom, left:right].copy(),
            keypoints=(self.keypoints - corner) * shown,
            bbox=[x1 - left, y1 - top, x2 - left, y2 - top],
        )

    def _box(self) -> list[float]:
        if self.bbox is not None:
            return [float(value) for value in self.bbox]
        shown = self.keypoints[self.visible > 0]
        # As crop_support does: a row of keypoints has a box, too.
        low, high = shown.min(0) - 0.5, shown.max(0) + 0.5
        return [*map(float, low), *map(float, high)]

    def limited(self, side: int) -> Example:
        """The same example in a picture of at most ``side`` pixels."""
        height, width = self.picture.shape[:2]
        scale = side / max(height, width)
        if scale >= 1:
            return self
        size = [max(1, round(value * scale)) for value in (width, height)]
        factor = np.array(size) / (width, height)
        # Pixel centres stay pixel centres.
        keypoints = (self.keypoints + 0.5) * factor - 0.5
        return replace(
            self,
            picture=cv2.resize(
                self.picture, size, interpolation=cv2.INTER_AREA
            ),
            keypoints=keypoints * (self.visible > 0)[:, None],
            bbox=None
            if self.bbox is None
            else (np.reshape(self.bbox, (2, 2)) * factor).ravel().tolist(),
        )
