# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a search found, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from projects.common.apis import AttentionMaps, KeypointResult

#: Longer side of drawn pictures, pixels.
DRAWN_SIDE = 1600
#: Side of the attention maps that are kept, pixels.
MAP_SIDE = 128


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

    @property
    def map_names(self) -> tuple[str, ...]:
        """Names of the keypoints that there are attention maps of."""
        names = (name for result in self.results for name in result.map_names)
        return tuple(dict.fromkeys(names))

    @property
    def has_examples(self) -> bool:
        """Whether there are pictures with examples to draw beside them."""
        return any(
            file is not None and _has_examples(result)
            for result, file in zip(self.results, self.files)
        )

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
        panel: Whether examples are drawn beside pictures that have some.
        attention: Name of the keypoint whose attention map is drawn, where
            there is one; None draws all keypoints.
    """

    score: float = 0.3
    keypoint: float = 0.3
    names: bool = False
    panel: bool = False
    attention: str | None = None


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


def _has_examples(result: KeypointResult) -> bool:
    prompt = result.description
    return prompt is not None and prompt.has_examples


def with_small_maps(result: KeypointResult) -> KeypointResult:
    """The same with attention maps that take little memory."""
    return replace(
        result,
        instances=tuple(
            one if one.maps is None else replace(one, maps=_small(one.maps))
            for one in result.instances
        ),
    )


def _small(maps: AttentionMaps) -> AttentionMaps:
    if max(maps.values.shape[1:]) <= MAP_SIDE:
        return maps
    values = [
        cv2.resize(m, (MAP_SIDE, MAP_SIDE), interpolation=cv2.INTER_AREA)
        for m in maps.values
    ]
    return maps._replace(values=np.array(values, np.float16))


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
    name = thresholds.attention
    panel = thresholds.panel and _has_examples(shown)
    canvas = shown.draw(
        image,
        thresholds.keypoint,
        show_names=thresholds.names,
        panel=panel,
        attention=name if name in shown.map_names else None,
        # Pages show pictures smaller than they are.
        unit=(3.0 if panel else 1.5) * max(1, max(image.shape[:2]) / 768),
    )
    scale = DRAWN_SIDE / max(canvas.shape[:2])
    if scale >= 1:
        return canvas
    size = [max(1, round(side * scale)) for side in canvas.shape[1::-1]]
    return cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)
