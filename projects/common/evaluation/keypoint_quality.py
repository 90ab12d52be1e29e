# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Are keypoint scores calibrated, and do visibilities tell hidden ones apart?

Both look at the keypoints of detections that are matched to a ground-truth
instance, so they do not depend on the objects' own scores.

Dims: N ground-truth instances, K keypoints, S keypoints in all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from projects.common.evaluation.instances import MatchedPicture


@dataclass
class KeypointSamples:
    """Predicted and true keypoints, side by side.

    Attributes:
        scores (np.ndarray): (S,) predicted, 0..1.
        similarities (np.ndarray): (S,) the keypoint's own OKS, 0 where it is
            not labelled.
        visible (np.ndarray, optional): (S,) predicted, 0..1.
        seen (np.ndarray): (S,) bool, True = labelled and not hidden (v = 2).
    """

    scores: np.ndarray
    similarities: np.ndarray
    visible: np.ndarray | None
    seen: np.ndarray


def keypoint_samples(
    picture: MatchedPicture, sigmas: Sequence[float]
) -> KeypointSamples | None:
    """Keypoints of the matched instances of one category and picture.

    Every keypoint of the category counts, also those that are not labelled
    (v = 0, outside the picture), except where the detection says that the
    prompt does not show it. Instances without any labelled keypoint are left
    out: nobody looked.

    Args:
        picture (MatchedPicture): Detections may have ``keypoints_visible``
            (K) and ``keypoint_mask`` (K).
        sigmas: K OKS sigmas.

    Returns:
        KeypointSamples, optional: None if no such instance is matched.
    """
    labelled = picture.keypoints[..., 2] > 0
    rows = np.flatnonzero((picture.matched >= 0) & labelled.any(1))
    if not len(rows):
        return None
    truth, labelled = picture.keypoints[rows], labelled[rows]
    chosen = picture.matched[rows]
    found = picture.found_keypoints[chosen]
    records = [picture.found[index] for index in chosen]
    squared = np.square(found[..., :2] - truth[..., :2]).sum(-1)
    spread = np.square(2 * np.asarray(sigmas)) * picture.areas[rows, None]
    # As in COCO's evaluation code, an area of 0 is allowed.
    similar = np.exp(-squared / (2 * (spread + np.spacing(1)))) * labelled
    real = np.array(
        [
            record.get('keypoint_mask', [True] * len(sigmas))
            for record in records
        ],
        dtype=bool,
    )
    visible = None
    if all('keypoints_visible' in record for record in records):
        visible = np.array([r['keypoints_visible'] for r in records])[real]
    return KeypointSamples(
        found[..., 2][real], similar[real], visible, (truth[..., 2] == 2)[real]
    )


def keypoint_quality(parts: Sequence[KeypointSamples]) -> dict[str, float]:
    """Calibration of the scores and separation by the visibilities.

    Args:
        parts: The samples of all pictures and categories.

    Returns:
        dict: ``score_ECE`` (against the similarities) and, if every part has
        visibilities and there are visible and other keypoints,
        ``visibility_AUC``; empty without any keypoint.
    """
    if not sum(len(part.scores) for part in parts):
        return {}
    values = {
        'score_ECE': expected_calibration_error(
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.similarities for part in parts]),
        )
    }
    if all(part.visible is not None for part in parts):
        auc = area_under_roc(
            np.concatenate([part.visible for part in parts]),
            np.concatenate([part.seen for part in parts]),
        )
        if auc is not None:
            values['visibility_AUC'] = auc
    return values


def expected_calibration_error(
    scores: np.ndarray, targets: np.ndarray, num_bins: int = 15
) -> float:
    """Expected calibration error (Guo et al., ICML 2017, eq. 3).

    Scores are put into bins of equal width; the absolute difference of mean
    score and mean target is averaged over the bins, weighted by their number
    of scores. Targets may be soft: the "accuracy" of a bin is then the
    expectation that the score claims to be.

    Args:
        scores (np.ndarray): (S,) in 0..1, S > 0.
        targets (np.ndarray): (S,) in 0..1.
        num_bins (int): Number of bins.

    Returns:
        float: In 0..1, 0 is calibrated.
    """
    bins = np.minimum((scores * num_bins).astype(int), num_bins - 1)
    gap = np.bincount(bins, weights=scores - targets, minlength=num_bins)
    return float(np.abs(gap).sum() / len(scores))


def area_under_roc(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """Probability that a positive scores higher than a negative.

    Ties count one half (Mann and Whitney's U).

    Args:
        scores (np.ndarray): (S,).
        positive (np.ndarray): (S,) bool.

    Returns:
        float, optional: In 0..1; None if there are not both kinds.
    """
    num_positive = int(positive.sum())
    num_negative = len(positive) - num_positive
    if not num_positive or not num_negative:
        return None
    ranks = rankdata(scores)[positive].sum()
    wins = ranks - num_positive * (num_positive + 1) / 2
    return float(wins / (num_positive * num_negative))
