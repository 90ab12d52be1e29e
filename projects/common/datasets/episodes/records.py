# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a method is given of an episode, and what an evaluation knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from projects.common.datasets.episodes.frozen import Episode
from projects.common.structures import KeypointCategory, SupportShot


@dataclass(frozen=True, eq=False)
class EpisodeTask:
    """What a method is asked, for all queries of an episode.

    Attributes:
        episode: What was drawn.
        category: Of K keypoints.
        shots: S supports.
        boxes: (S, 4) xyxy, the supports' boxes in pixels of their crops.
        labelled: (K,) bool: labelled in every support; others do not count.
    """

    episode: Episode
    category: KeypointCategory
    shots: tuple[SupportShot, ...]
    boxes: np.ndarray
    labelled: np.ndarray


@dataclass(frozen=True, eq=False)
class EpisodeQuery:
    """What an evaluation has to know of a query; ``data_sample.episode``.

    Attributes:
        episode: Number of the episode.
        query: Number of the query in its episode.
        annotation_id: The query's annotation.
        support_annotation_ids: S annotations of the shots.
        support_visible: (K,) bool: labelled in every support.
        support_bboxes: (S, 4) xyxy, the supports' boxes in pixels of their
            crops, in the order of the prompt's shots.
        bbox: x, y, width, height of the query in picture pixels, as
            annotated; its clipped longer side is the unit of the score.
        given_bbox: The box that the method is given; the same one, unless
            the episodes are perturbed.
        keypoints: (K, 3) [x, y, v] of the query in picture pixels.
        picture_shape: (h, w).
        frame: 'crop' or 'picture': what the model was given.
        to_picture: (2, 3), takes pixels of that frame to picture pixels.
            Predictions are in pixels of the frame, that is, resizing by the
            pipeline (``scale_factor``) is undone already.
    """

    episode: int
    query: int
    annotation_id: int
    support_annotation_ids: tuple[int, ...]
    support_visible: np.ndarray
    support_bboxes: np.ndarray
    bbox: tuple[float, float, float, float]
    given_bbox: tuple[float, float, float, float]
    keypoints: np.ndarray
    picture_shape: tuple[int, int]
    frame: str
    to_picture: np.ndarray
