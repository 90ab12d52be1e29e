# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Normalised mean error (NME) of detected instances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from mmpose.evaluation.functional import keypoint_nme

from projects.common.evaluation.instances import MatchedPicture
from projects.common.structures import KeypointCategory

#: Lengths of ground-truth boxes (N, 2) w, h by name.
BOX_LENGTHS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    'box longer side': lambda sizes: sizes.max(-1),
    'box diagonal': lambda sizes: np.linalg.norm(sizes, axis=-1),
    'box root area': lambda sizes: np.sqrt(sizes.prod(-1)),
}


class NormalisedError:
    """Mean distance to the truth over a length of the object.

    The mean is taken over all labelled keypoints (v > 0) of the matched
    instances of all categories. An instance that nothing was matched to has
    no error, so a detector that finds less may have a lower one:
    :meth:`compute` says how many were found beside it.

    Args:
        norm: Name of one of :data:`BOX_LENGTHS`, or two names of keypoints
            whose true distance is the length, as of the outer corners of
            the eyes (inter-ocular distance). Instances that lack one of
            the two are left out.

    Attributes:
        name (str): The normalisation in words.

    Raises:
        ValueError: If the norm is neither.
    """

    def __init__(self, norm: str | Sequence[str]) -> None:
        named = isinstance(norm, str)
        if norm not in BOX_LENGTHS if named else len(norm) != 2:
            raise ValueError(
                f'The normalisation of NME is {norm!r}; give one of '
                f'{", ".join(map(repr, BOX_LENGTHS))}, or two names of '
                'keypoints.'
            )
        self.norm = norm
        self.name = norm if named else ' to '.join(norm)

    def compute(
        self,
        categories: Iterable[
            tuple[KeypointCategory, Iterable[MatchedPicture]]
        ],
    ) -> dict[str, float]:
        """Evaluate matched pictures.

        Args:
            categories: Every category with its matched pictures.

        Returns:
            dict: ``NME/<name>``, 0 is perfect, -1 if nothing was found, and
            ``NME/found``, share of the instances with a labelled keypoint
            that a detection was matched to, -1 without such instances.

        Raises:
            ValueError: If a category with ground truth does not have the
                keypoints that the length is measured between.
        """
        rows, found, wanted = [], 0, 0
        for category, pictures in categories:
            for picture in pictures:
                labelled = picture.keypoints[..., 2].any(-1)
                matched = labelled & (picture.matched >= 0)
                wanted += int(labelled.sum())
                found += int(matched.sum())
                rows.append(self._errors(category, picture, matched))
        errors = np.array([row for row in rows if row[1]]).reshape(-1, 2)
        mean = -1.0
        if len(errors):
            mean = float(np.average(errors[:, 0], weights=errors[:, 1]))
        return {
            f'NME/{self.name}': mean,
            'NME/found': found / wanted if wanted else -1.0,
        }

    def _errors(
        self,
        category: KeypointCategory,
        picture: MatchedPicture,
        matched: np.ndarray,
    ) -> tuple[float, int]:
        """Mean error and how many keypoints it is over."""
        truth = picture.keypoints[matched]
        lengths = self._lengths(category, truth, picture.sizes[matched])
        mask = (truth[..., 2] > 0) & (lengths > 0)[:, None]
        error = keypoint_nme(
            picture.found_keypoints[picture.matched[matched], :, :2],
            truth[..., :2],
            mask,
            np.stack([lengths, lengths], -1),
        )
        return float(error), int(mask.sum())

    def _lengths(
        self, category: KeypointCategory, truth: np.ndarray, sizes: np.ndarray
    ) -> np.ndarray:
        """Length (N,) that errors are divided by, 0 where not known."""
        if isinstance(self.norm, str):
            return BOX_LENGTHS[self.norm](sizes)
        absent = set(self.norm) - set(category.keypoints)
        if absent:
            raise ValueError(
                f'NME is normalised by {self.name}, but category '
                f'{category.name!r} has no keypoint '
                f'{", ".join(map(repr, sorted(absent)))}; choose keypoints '
                'that it has.'
            )
        first, second = map(category.keypoints.index, self.norm)
        known = (truth[:, [first, second], 2] > 0).all(-1)
        offset = truth[:, first, :2] - truth[:, second, :2]
        return np.linalg.norm(offset, axis=-1) * known
