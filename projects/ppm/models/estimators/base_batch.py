# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which keypoints of base pictures an iteration of CPT trains on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from mmpose.structures import PoseDataSample
from torch import Tensor

from projects.common.structures import KeypointCategory
from projects.ppm.models.prompts import FitError


@dataclass(frozen=True)
class BaseBatch:
    """Pairs of a picture and a keypoint it shows, R in all.

    Attributes:
        pictures: (R,) number of the picture.
        points: (R, 2) xy, input pixels.
        prompts: For each picture with keypoints its category and the indices
            of the keypoints; in the order of ``pictures``.
    """

    pictures: Tensor
    points: Tensor
    prompts: list[tuple[KeypointCategory, Tensor]]

    def check_finite(self, losses: Tensor) -> None:
        """Raise FitError that names the keypoint of a bad loss (R,)."""
        bad = (~losses.isfinite()).nonzero().squeeze(1).tolist()
        if not bad:
            return
        pairs = [
            (category, int(index))
            for category, indices in self.prompts
            for index in indices
        ]
        category, index = pairs[bad[0]]
        raise FitError(
            f'The loss of keypoint {category.keypoints[index]!r} of category '
            f'{category.name!r} is not finite; the training was stopped. Use '
            'dtype="float32" for the diffusion model, or a smaller learning '
            'rate.'
        )


def base_batch(
    data_samples: list[PoseDataSample], limit: int, side: int
) -> BaseBatch | None:
    """Draw at most ``limit`` shown keypoints of every picture at random.

    Args:
        data_samples: With ``prompts`` of one category and ``gt_instances``,
            whose first instance counts.
        limit: At least 1.
        side: Of the input; keypoints outside of it are not shown.

    Returns:
        BaseBatch: None if no picture shows a keypoint.

    Raises:
        ValueError: If a prompt has more than one category.
    """
    pictures, points, prompts = [], [], []
    for number, sample in enumerate(data_samples):
        if len(sample.prompts.categories) != 1:
            raise ValueError(
                'A training picture has a prompt of '
                f'{len(sample.prompts.categories)} categories; CPT takes one '
                'object and its category at a time.'
            )
        category = sample.prompts.categories[0]
        count = category.num_keypoints
        instances = sample.gt_instances
        keypoints = torch.as_tensor(instances.keypoints)[:1, :count]
        visible = torch.as_tensor(instances.keypoints_visible)[:1, :count]
        inside = ((keypoints >= 0) & (keypoints <= side - 1)).all(-1)
        shown = ((visible > 0) & inside).any(0).nonzero().squeeze(1)
        if not len(shown):
            continue
        chosen = shown[torch.randperm(len(shown))[:limit].to(shown.device)]
        pictures.append(torch.full((len(chosen),), number))
        points.append(keypoints[0, chosen].float())
        prompts.append((category, chosen))
    if not pictures:
        return None
    return BaseBatch(torch.cat(pictures), torch.cat(points), prompts)
