# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Results and prompts as the drawing functions take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from projects.common.prompt_files import PromptDescription
from projects.common.visualization import (
    DrawnExample,
    DrawnInstance,
    PointState,
    mosaic,
    overlay_map,
)

if TYPE_CHECKING:
    from projects.common.apis.results import FoundKeypoint, KeypointResult

_TILE = 384  # longer side of a picture in a mosaic of maps, pixels


def drawn_instances(
    result: KeypointResult, kpt_thr: float, only: str | None = None
) -> list[DrawnInstance]:
    """The objects of a result, the worst first, so that the best is on top.

    Args:
        result: What was found.
        kpt_thr: Keypoints with a lower score are doubtful.
        only: Name of the only keypoint to draw; None draws all.
    """
    categories = {category.name: category for category in result.categories}
    drawn = []
    for one in reversed(result.instances):
        category = categories[one.category]
        count = category.num_keypoints
        points, states = np.zeros((count, 2)), np.zeros(count, int)
        place = {name: i for i, name in enumerate(category.keypoints)}
        for keypoint in one.keypoints:
            if only in (None, keypoint.name):
                points[place[keypoint.name]] = keypoint.xy
                states[place[keypoint.name]] = _state(keypoint, kpt_thr)
        drawn.append(
            DrawnInstance(
                category, np.array(one.bbox), points, states, one.score
            )
        )
    return drawn


def _state(keypoint: FoundKeypoint, kpt_thr: float) -> PointState:
    if keypoint.score < kpt_thr:
        return PointState.DOUBTFUL
    if keypoint.visibility is not None and keypoint.visibility < 0.5:
        return PointState.HIDDEN
    return PointState.VISIBLE


def check_examples(description: PromptDescription | None) -> None:
    """Raise ValueError if a prompt has no examples to draw."""
    if description is None or not description.has_examples:
        raise ValueError(
            'The prompt holds no example to show beside the picture (it is '
            'in words, or was read encoded); ask by example, or draw without '
            'the panel.'
        )


def drawn_examples(
    description: PromptDescription | None,
) -> list[DrawnExample]:
    """The examples of a prompt, each cut out as models see it.

    Raises:
        ValueError: If it has none.
    """
    check_examples(description)
    return [
        (
            np.ascontiguousarray(shown.picture[..., ::-1]),
            DrawnInstance(
                category,
                np.array(shown.bbox),
                shown.keypoints,
                shown.visible.astype(int),
            ),
        )
        for category, examples in zip(
            description.categories, description.examples
        )
        for shown in (example.cropped for example in examples)
    ]


def overlaid(
    result: KeypointResult, image: np.ndarray, name: str
) -> np.ndarray:
    """Lay the maps of a keypoint over a picture (h, w, 3) uint8 RGB.

    Raises:
        ValueError: If there are none of it.
    """
    if name not in result.map_names:
        known = ', '.join(result.map_names)
        raise ValueError(
            f'There is no attention map of {name!r}; {_remedy(known)}.'
        )
    for one in reversed(result.instances):
        if one.maps is not None:
            names = [keypoint.name for keypoint in one.keypoints]
            if name in names:
                values = one.maps.values[names.index(name)]
                image = overlay_map(image, values, one.maps.box)
    return image


def _remedy(known: str) -> str:
    if known:
        return f'there are some of {known}'
    return 'ask a model that has some (PPM) with maps=True'


def map_mosaic(result: KeypointResult, image: np.ndarray) -> np.ndarray:
    """Draw the maps of all keypoints of a picture (h, w, 3) uint8 BGR.

    Raises:
        ValueError: If there are none.
    """
    if not result.map_names:
        raise ValueError(f'There are no attention maps; {_remedy("")}.')
    scale = _TILE / max(image.shape[:2])
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    tiles = [
        cv2.resize(
            result.draw(image, kpt_thr=0, attention=name, min_side=0),
            size,
            interpolation=cv2.INTER_AREA,
        )
        for name in result.map_names
    ]
    return mosaic(tiles, result.map_names)
