# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The two terms of Eq. 4 and 6 of the PPM paper."""

import torch
from mmpose.registry import MODELS
from torch import Tensor

_REDUCTIONS = ('mean', 'sum')


def gaussian_targets(points: Tensor, size: int, sigma: float) -> Tensor:
    """Heatmaps with peak 1 exactly at the points, as mmpose's unbiased ones.

    Args:
        points: (R, 2) xy, pixels; whole numbers are pixel centres.
        size: Side of the square heatmaps.
        sigma: Pixels.

    Returns:
        Tensor: (R, size, size) float32.
    """
    places = torch.arange(size, device=points.device, dtype=torch.float32)
    distances = places - points.float().unsqueeze(-1)  # (R, 2, size)
    x, y = torch.exp(-(distances**2) / (2 * sigma**2)).unbind(1)
    return y.unsqueeze(-1) * x.unsqueeze(-2)


@MODELS.register_module()
class PromptLoss:
    """Squared error of map and heatmap, plus the diffusion model's own loss.

    Args:
        sigma: Of the target heatmaps, pixels of the picture that the
            diffusion model sees (``PromptMaps.size``). The paper follows
            POMNet, whose 2 on maps of 64 is size / 32.
        dm_weight: Weight of the second term; the paper adds it unweighted.
        reduction: 'mean' over the pixels of a map and the elements of a
            latent, or 'sum'. The paper does not say; it changes the balance
            of the two terms.

    Raises:
        ValueError: If a number or name is out of range.
    """

    def __init__(
        self,
        sigma: float = 16.0,
        dm_weight: float = 1.0,
        reduction: str = 'mean',
    ) -> None:
        if sigma <= 0 or dm_weight < 0 or reduction not in _REDUCTIONS:
            raise ValueError(
                f'The prompt loss has sigma={sigma}, dm_weight={dm_weight}, '
                f'reduction={reduction!r}; sigma must be positive, dm_weight '
                'not negative, and reduction one of '
                f'{", ".join(map(repr, _REDUCTIONS))}.'
            )
        self.sigma = sigma
        self.dm_weight = dm_weight
        self.reduction = reduction

    def map_term(self, maps: Tensor, points: Tensor) -> Tensor:
        """Squared error to the heatmaps of points.

        Args:
            maps: (R, size, size).
            points: (R, 2) pixels of the maps.

        Returns:
            Tensor: (R,).
        """
        targets = gaussian_targets(points, maps.shape[-1], self.sigma)
        return self._reduce(maps - targets)

    def noise_term(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Weighted squared error of the prediction, Eq. 1; (R,)."""
        return self.dm_weight * self._reduce(prediction - target)

    def _reduce(self, differences: Tensor) -> Tensor:
        squares = differences.float().square().flatten(1)
        return squares.mean(1) if self.reduction == 'mean' else squares.sum(1)
