# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Where a map is highest, and how sure that is."""

import torch
from mmpose.registry import MODELS
from torch import Tensor

_SCORES = ('peak', 'sharpness')


@MODELS.register_module()
class PeakDecoder:
    """Reads one keypoint off every map.

    Args:
        window: None takes the pixel with the highest value, as the paper
            does. Else the centre of mass of the map above its minimum within
            this many pixels of that pixel, which is finer than a pixel.
        score: 'peak', the highest value; or 'sharpness', the share of what
            lies above the map's mean that lies within ``radius`` of the
            peak. Both are in 0..1, and higher for clearer maps.
        radius: Of the sharpness, in pixels; by default 1 / 16 of the side.

    Raises:
        ValueError: If a setting is out of range.
    """

    def __init__(
        self,
        window: int | None = None,
        score: str = 'peak',
        radius: float | None = None,
    ) -> None:
        if score not in _SCORES:
            raise ValueError(
                f'The score of a keypoint is {score!r}; choose one of '
                f'{", ".join(map(repr, _SCORES))}.'
            )
        if (window is not None and window < 1) or (
            radius is not None and radius <= 0
        ):
            raise ValueError(
                f'The decoder has window={window} and radius={radius}; give '
                'at least one pixel, or None.'
            )
        self.window = window
        self.score = score
        self.radius = radius

    def __call__(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Locate the peaks.

        Args:
            maps: (..., size, size).

        Returns:
            tuple: keypoints (..., 2) xy in pixels of the map, and scores
            (...).
        """
        size = maps.shape[-1]
        flat = maps.flatten(0, -3).float()  # (M, size, size)
        peak, index = flat.flatten(1).max(1)
        x, y = index % size, index // size
        places = torch.arange(size, device=maps.device)
        # (M, size) distances along each axis
        dx, dy = places - x.unsqueeze(-1), places - y.unsqueeze(-1)
        points = torch.stack([x, y], -1).float()
        if self.window is not None:
            points = points + self._offsets(flat, dx, dy)
        scores = peak
        if self.score == 'sharpness':
            scores = self._sharpness(flat, dx, dy)
        shape = maps.shape[:-2]
        return points.reshape(*shape, 2), scores.reshape(shape)

    def _offsets(self, maps: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
        inside = (dy.abs() <= self.window).unsqueeze(-1) & (
            dx.abs() <= self.window
        ).unsqueeze(-2)
        floor = maps.masked_fill(~inside, torch.inf).amin((-2, -1))
        mass = (maps - floor[:, None, None]) * inside
        total = mass.sum((-2, -1)).clamp(min=1e-12)  # 0 for a flat map
        return torch.stack(
            [
                (mass.sum(-2) * dx).sum(-1) / total,
                (mass.sum(-1) * dy).sum(-1) / total,
            ],
            -1,
        )

    def _sharpness(self, maps: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
        radius = self.radius or maps.shape[-1] / 16
        near = dy.unsqueeze(-1) ** 2 + dx.unsqueeze(-2) ** 2 <= radius**2
        mean = maps.mean((-2, -1), keepdim=True)
        above = (maps - mean).clamp(min=0)
        total = above.sum((-2, -1)).clamp(min=1e-12)
        return (above * near).sum((-2, -1)) / total
