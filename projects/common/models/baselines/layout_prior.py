# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Where keypoints lie in their box, and how likely other places are.

Dims: S shots, K keypoints. A place is a position in units of a box: (0, 0)
is its upper left corner, (1, 1) its lower right one.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: The width for one shot, which has no spread.
DEFAULT_WIDTH = 0.15


def places_in_box(keypoints: Tensor, bboxes: Tensor) -> Tensor:
    """Places (..., K, 2) of keypoints (..., K, 2) in boxes (..., 4) xyxy."""
    corner = bboxes[..., None, :2]
    return (keypoints - corner) / (bboxes[..., None, 2:] - corner)


def mean_places(places: Tensor, shown: Tensor) -> Tensor:
    """The mean layout (K, 2) of the shots that show a keypoint.

    Args:
        places: (S, K, 2) in units of the supports' boxes.
        shown: (S, K), 1 where a shot shows a keypoint, else 0.

    Returns:
        Tensor: (K, 2); the middle, 0.5, of keypoints that no shot shows.
    """
    count = shown.sum(0)[:, None]
    mean = (places * shown[..., None]).sum(0) / count.clamp(min=1)
    return torch.where(count > 0, mean, torch.full_like(mean, 0.5))


class LayoutPrior:
    """A Gaussian around each keypoint's place in the supports.

    Args:
        width: Its standard deviation in units of the box, along both axes;
            or 'spread': the supports say how much a keypoint moves. Few
            shots say that badly, so :data:`DEFAULT_WIDTH` counts as one
            more: the variance is (width^2 + sum of squares) / S, where the
            sum is over the shots' distances from their mean, per axis. One
            shot has the default width.

    Raises:
        ValueError: If the width is neither positive nor 'spread'.
    """

    def __init__(self, width: float | str) -> None:
        number = type(width) in (int, float) and width > 0
        if width != 'spread' and not number:
            raise ValueError(
                f'The width of the layout prior is {width!r}; give a positive '
                "number, in units of the box, 'spread' for that of the "
                'supports, or None for no prior.'
            )
        self.width = width

    def __call__(
        self, places: Tensor, shown: Tensor, points: Tensor
    ) -> Tensor:
        """The prior's logarithm, 0 at its peak.

        Args:
            places: (S, K, 2) of the keypoints in the supports.
            shown: (S, K), 1 where a shot shows a keypoint, else 0.
            points: (..., 2) places in the query.

        Returns:
            Tensor: (K, ...).
        """
        mean = mean_places(places, shown)
        flat = points.reshape(1, -1, 2) - mean[:, None]
        square = flat.square().sum(-1)  # (K, n)
        variance = self._variance(places - mean, shown)
        return (-square / (2 * variance[:, None])).unflatten(
            1, points.shape[:-1]
        )

    def _variance(self, moved: Tensor, shown: Tensor) -> Tensor:
        """(K,) of how far the shots (S, K, 2) are from their mean."""
        if self.width != 'spread':
            return moved.new_full(shown.shape[1:], self.width**2)
        squares = (moved.square().mean(-1) * shown).sum(0)
        return (DEFAULT_WIDTH**2 + squares) / shown.sum(0).clamp(min=1)
