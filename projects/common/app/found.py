# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a search found, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from projects.common.apis import KeypointResult

#: Longer side of drawn pictures, pixels.
DRAWN_SIDE = 1600


@dataclass(frozen=True)
class Found:
    """Results of one search.

    Attributes:
        results: Of pictures and frames; all objects from ``MIN_SCORE`` on,
            without the pictures.
        files: Paths of the pictures, as long as ``results``; of frames None.
        clips: Paths of drawn videos.
        notes: What the person should know.
    """

    results: tuple[KeypointResult, ...] = ()
    files: tuple[Path | None, ...] = ()
    clips: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    def above(self, score_thr: float) -> list[KeypointResult]:
        """The results with the objects that score as much."""
        return [
            replace(
                result,
                instances=tuple(
                    one for one in result.instances if one.score >= score_thr
                ),
            )
            for result in self.results
        ]


@dataclass(frozen=True)
class Thresholds:
    """What is shown of the results.

    Attributes:
        score: Objects with a lower score are left out.
        keypoint: Keypoints with a lower score are crosses, and not labelled
            in COCO files.
        names: Whether names are drawn.
    """

    score: float = 0.3
    keypoint: float = 0.3
    names: bool = False


def rows(found: Found, thresholds: Thresholds) -> list[list[Any]]:
    """A table: picture, object, its score, keypoint, x, y, its score."""
    return [
        [
            result.picture
            if result.frame is None
            else f'{result.picture} {result.frame}',
            f'{number} {one.category}',
            round(one.score, 2),
            keypoint.name,
            round(keypoint.xy[0], 1),
            round(keypoint.xy[1], 1),
            round(keypoint.score, 2),
        ]
        for result in found.above(thresholds.score)
        for number, one in enumerate(result.instances, 1)
        for keypoint in one.keypoints
    ]


def told(found: Found, thresholds: Thresholds) -> str:
    """What was found, in words."""
    results = found.above(thresholds.score)
    count = sum(len(result.instances) for result in results)
    best = [o.score for r in found.results for o in r.instances]
    what = f'{count} object{"" if count == 1 else "s"}'
    lines = [f'Found **{what}** from score {thresholds.score:.2f} on.']
    if not count and best:
        lines[0] += f' The best has {max(best):.2f}; lower the slider.'
    return '\n\n'.join([*lines, *found.notes])


def drawn(
    result: KeypointResult, image: np.ndarray, thresholds: Thresholds
) -> np.ndarray:
    """Draw a result.

    Args:
        result: What was found.
        image: (h, w, 3) uint8 BGR, its picture.
        thresholds: What is shown of it.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB, at most ``DRAWN_SIDE`` wide and high.
    """
    [shown] = Found((result,)).above(thresholds.score)
    canvas = shown.draw(
        image, thresholds.keypoint, show_names=thresholds.names
    )
    scale = DRAWN_SIDE / max(canvas.shape[:2])
    if scale >= 1:
        return canvas
    size = [max(1, round(side * scale)) for side in canvas.shape[1::-1]]
    return cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)
