# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Shots: cut-out pictures of an example object with its keypoints.

picture (h, w, 3) BGR, box xyxy, keypoints (K, 2), visible (K,)
             |  crop_support: square around the box, resized
             v
SupportShot.image (3, S, S), keypoints (K, 2) in pixels of that crop
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

# So many pixels outside its picture a keypoint may lie: annotations are
# rounded, and so are boxes whose corners are keypoints.
_TOLERANCE = 1.0
_ROUNDING = 1e-6
# Keypoints that span less than this many pixels do not outline an object.
MIN_EXTENT = 4.0
# Bounds the memory of a cut; an even larger reduction skips some pixels.
MAX_OVERSAMPLING = 16


@dataclass(frozen=True, eq=False)
class SupportShot:
    """One example of a category: a square crop and where its keypoints are.

    Immutable: copies of a prompt share it.

    Args:
        image: (3, S, S) uint8, BGR.
        keypoints: (K, 2) float xy in pixels of ``image``; those that are not
            shown may be anything finite and become 0.
        visible: (K,) 0 = not shown, 1 = hidden but known, 2 = visible.
        annotation_id: Which annotation it was cut from, if any.
        image_id: Which picture it was cut from, if any.

    Raises:
        ValueError: If the picture is empty or not square, a coordinate is
            not finite, K differs, no keypoint is shown, or a shown one lies
            more than a pixel outside the picture.
    """

    image: Tensor
    keypoints: Tensor
    visible: Tensor
    annotation_id: int | None = None
    image_id: int | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.image.shape)
        if len(shape) != 3 or shape[0] != 3 or not 0 < shape[1] == shape[2]:
            raise ValueError(
                f'{self._who} has a picture of shape {shape}; it must be a '
                'square crop (3, S, S), see crop_support.'
            )
        if self.image.dtype != torch.uint8:
            raise ValueError(
                f'{self._who} has a picture of type {self.image.dtype}; give '
                'uint8, 0 to 255.'
            )
        _check_keypoints(
            self.keypoints.numpy(), self.visible.numpy(), shape[1:], self._who
        )
        hidden = (self.visible == 0)[:, None]
        object.__setattr__(
            self, 'keypoints', self.keypoints.masked_fill(hidden, 0)
        )

    def __getstate__(self) -> dict[str, Any]:
        # Every tensor that a worker sends takes an open file; arrays do not.
        return {
            name: value.numpy() if isinstance(value, Tensor) else value
            for name, value in vars(self).items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(
            (name, torch.from_numpy(v) if isinstance(v, np.ndarray) else v)
            for name, v in state.items()
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> SupportShot:
        return self

    @property
    def _who(self) -> str:
        if self.annotation_id is None:
            return 'A support shot'
        return f'The support shot of annotation {self.annotation_id}'

    @property
    def num_keypoints(self) -> int:
        """K."""
        return len(self.keypoints)

    @cached_property
    def key(self) -> str:
        """Digest of the content: equal shots have equal keys."""
        digest = hashlib.sha256()
        for array in (self.image, self.keypoints, self.visible):
            digest.update(array.contiguous().numpy().tobytes())
        return digest.hexdigest()


def crop_support(
    image: np.ndarray,
    keypoints: np.ndarray,
    visible: np.ndarray,
    bbox: Sequence[float] | None = None,
    size: int = 224,
    context: float = 1.25,
    **source: int | None,
) -> SupportShot:
    """Cut an example object out of its picture.

    Args:
        image: (h, w, 3) uint8 BGR.
        keypoints: (K, 2) xy image pixels.
        visible: (K,) 0 = not shown, 1 = hidden but known, 2 = visible.
        bbox: Box xyxy image pixels; by default the one around the shown
            keypoints. The crop is the square of its longer side times
            ``context`` around its centre; what lies outside the picture is
            black.
        size: S, side of the crop in pixels.
        context: How much larger than the box the crop is.
        source: ``annotation_id`` and ``image_id`` of :class:`SupportShot`.

    Raises:
        ValueError: As :class:`SupportShot`, or if the box is empty. A shown
            keypoint that the crop cuts off is not shown by the crop.
    """
    keypoints = np.asarray(keypoints, np.float32)
    visible = np.asarray(visible, np.float32)
    if image.ndim != 3 or 0 in image.shape or image.dtype != np.uint8:
        raise ValueError(
            f'The support picture has the shape {image.shape} and the type '
            f'{image.dtype}; give a colour picture (h, w, 3) of uint8.'
        )
    if size < 1 or context <= 0:
        raise ValueError(
            f'The support is cut with size {size} and context {context}; '
            'both must be positive.'
        )
    _check_keypoints(keypoints, visible, image.shape[:2], 'The support')
    if bbox is None:
        bbox = _box_around(keypoints[visible > 0])
    crop, matrix = crop_square(image, bbox, size, context)
    placed = keypoints @ matrix[:, :2].T + matrix[:, 2]
    # The whole square counts, up to rounding; what lies beyond the centres of
    # the last pixels is put onto them.
    inside = ((placed > -_ROUNDING) & (placed < size + _ROUNDING)).all(-1)
    placed[inside] = placed[inside].clip(0, size - 1)
    return SupportShot(
        torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1))),
        torch.from_numpy(placed.astype(np.float32)),
        torch.from_numpy(visible * inside),
        **source,
    )


def crop_square(
    image: np.ndarray, bbox: Sequence[float], size: int, context: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cut out the square of a box's longer side times ``context``.

    Args:
        image: (h, w, 3).
        bbox: Box xyxy in image pixels; the square has its centre.
        size: S, side of the result in pixels.
        context: How much larger than the box the square is.

    Returns:
        The crop (S, S, 3), black outside the picture, and the matrix (2, 3)
        that takes image pixels to pixels of the crop.

    Raises:
        ValueError: If the box is empty or not finite.
    """
    bbox = [float(value) for value in bbox]
    if not (
        len(bbox) == 4
        and np.isfinite(bbox).all()
        and bbox[0] < bbox[2]
        and bbox[1] < bbox[3]
    ):
        raise ValueError(
            f'The box {bbox} of the object is no box; give finite x1, y1, '
            'x2, y2 in image pixels with x1 < x2 and y1 < y2.'
        )
    x1, y1, x2, y2 = bbox
    side = max(x2 - x1, y2 - y1) * context
    scale = size / side
    matrix = np.array(
        [
            [scale, 0, size / 2 - scale * (x1 + x2) / 2],
            [0, scale, size / 2 - scale * (y1 + y2) / 2],
        ]
    )
    crop = _warp(image, matrix, size, oversampling=math.ceil(1 / scale))
    return crop, matrix


def _box_around(shown: np.ndarray) -> np.ndarray:
    """Box xyxy of (N, 2) keypoints."""
    box = np.concatenate([shown.min(0), shown.max(0)])
    if (box[2:] - box[:2]).max() < MIN_EXTENT:
        raise ValueError(
            f'The keypoints that the support shows lie within {MIN_EXTENT} '
            'pixels and do not say how large the object is; give its box.'
        )
    # A row of keypoints has a box, too.
    return box + (-0.5, -0.5, 0.5, 0.5)


def _warp(
    image: np.ndarray, matrix: np.ndarray, size: int, oversampling: int
) -> np.ndarray:
    """Resample; a large reduction averages instead of skipping pixels."""
    oversampling = min(oversampling, MAX_OVERSAMPLING)
    larger = matrix * oversampling
    larger[:, 2] += (oversampling - 1) / 2  # pixel centres
    crop = cv2.warpAffine(image, larger, (size * oversampling,) * 2)
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)


def _check_keypoints(
    keypoints: np.ndarray,
    visible: np.ndarray,
    shape: Sequence[int],
    who: str,
) -> None:
    if visible.ndim != 1 or keypoints.shape != (len(visible), 2):
        raise ValueError(
            f'{who} has keypoints of shape {keypoints.shape} and '
            f'visibilities of shape {visible.shape}; give (K, 2) and (K,).'
        )
    if not np.isfinite(keypoints).all() or not np.isfinite(visible).all():
        raise ValueError(
            f'{who} has keypoint coordinates that are not finite; set the '
            'visibility of unknown keypoints to 0 and their coordinates to 0.'
        )
    if not np.isin(visible, (0, 1, 2)).all():
        raise ValueError(
            f'{who} has visibilities {np.unique(visible).tolist()}; they are '
            '0 (not shown), 1 (hidden but known) or 2 (visible).'
        )
    shown = visible > 0
    if not shown.any():
        raise ValueError(
            f'{who} shows no keypoint; label at least one, with visibility '
            '1 or 2.'
        )
    height, width = shape
    beyond = (keypoints < -_TOLERANCE) | (
        keypoints > np.array([width, height]) + _TOLERANCE
    )
    outside = shown & beyond.any(-1)
    if outside.any():
        first = int(outside.argmax())
        raise ValueError(
            f'{who} has keypoint {first} at '
            f'{keypoints[first].round(1).tolist()}, outside its picture of '
            f'{width} x {height} (w x h); correct it or set its visibility '
            'to 0.'
        )
