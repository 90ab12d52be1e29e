# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the baselines share: from episodes to predictions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from mmpose.registry import MODEL_WRAPPERS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn


@MODEL_WRAPPERS.register_module()
class Unwrapped:
    """A ``model_wrapper_cfg`` that leaves the model as it is.

    For tests in several processes: torch refuses to wrap a model that has
    nothing to train.
    """

    def __new__(cls, module: nn.Module, **kwargs: Any) -> nn.Module:
        """Give ``module`` back; what other wrappers need is not used."""
        return module


class EpisodeBaseline(BaseModel):
    """A method without training on queries of an ``EpisodeDataset``.

    The ground-truth box of the query is given in this protocol, so it is
    also the predicted one, with score 1.
    """

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[PoseDataSample],
        mode: str = 'predict',
    ) -> list[PoseDataSample]:
        """Set ``pred_instances``, one instance, in pixels of the frame.

        Args:
            inputs: (B, 3, H, W) preprocessed queries.
            data_samples: B samples of ``EpisodeDataset``.
            mode: 'predict'.

        Raises:
            ValueError: In another mode; there is nothing to train.
        """
        if mode != 'predict':
            raise ValueError(
                f'{type(self).__name__} has nothing to train and knows no '
                f'mode {mode!r}; run it with tools/test.py.'
            )
        found = self.locate(inputs, data_samples)
        for sample, (keypoints, scores) in zip(
            data_samples, found, strict=True
        ):
            scale = keypoints.new_tensor(sample.scale_factor)
            boxes = sample.gt_instances.bboxes.reshape(1, 2, 2)
            sample.pred_instances = InstanceData(
                bboxes=(boxes.to(keypoints) / scale).reshape(1, 4),
                scores=keypoints.new_ones(1),
                labels=torch.zeros(1, dtype=torch.long),
                keypoints=(keypoints / scale)[None],
                keypoint_scores=scores[None],
                keypoint_mask=torch.ones(1, len(keypoints), dtype=torch.bool),
            )
        return list(data_samples)

    @abstractmethod
    def locate(
        self, inputs: Tensor, data_samples: Sequence[PoseDataSample]
    ) -> list[tuple[Tensor, Tensor]]:
        """Keypoints (K, 2) in input pixels and scores (K,) of B queries."""
