# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Keypoints at the place in the box that they have in the supports."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor

from projects.common.models.baselines.base import EpisodeBaseline
from projects.common.models.baselines.layout_prior import (
    mean_places,
    places_in_box,
)


@MODELS.register_module()
class MeanLayout(EpisodeBaseline):
    """The mean layout of the shots, stretched to the query's box.

    A keypoint's place is its position between the edges of the support's
    box; the mean is over the shots that show it. One that no shot shows is
    put into the middle, with score 0; the score is the share of shots that
    show it otherwise.
    """

    def locate(
        self, inputs: Tensor, data_samples: Sequence[PoseDataSample]
    ) -> list[tuple[Tensor, Tensor]]:
        """See the base class; the pictures are not looked at."""
        return [self._place(sample) for sample in data_samples]

    def _shots(self, sample: PoseDataSample) -> slice:
        return slice(None)

    def _place(self, sample: PoseDataSample) -> tuple[Tensor, Tensor]:
        chosen = self._shots(sample)
        shots = sample.prompts.supports[0][chosen]
        boxes = torch.as_tensor(
            sample.episode.support_bboxes[chosen], dtype=torch.float32
        )
        keypoints = torch.stack([shot.keypoints for shot in shots])
        shown = torch.stack([shot.visible > 0 for shot in shots]).float()
        mean = mean_places(places_in_box(keypoints, boxes), shown)
        box = sample.gt_instances.bboxes[0].cpu()
        return box[:2] + mean * (box[2:] - box[:2]), shown.mean(0)


@MODELS.register_module()
class CopyLayout(MeanLayout):
    """The layout of the first shot, stretched to the query's box."""

    def _shots(self, sample: PoseDataSample) -> slice:
        return slice(1)
