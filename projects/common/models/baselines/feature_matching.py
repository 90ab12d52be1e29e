# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Nearest neighbours of frozen features."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from mmengine.config import ConfigDict
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.nn import functional as F

from projects.common.models.baselines.base import EpisodeBaseline
from projects.common.structures import SupportShot

_CACHED_SHOTS = 64


@MODELS.register_module()
class FeatureMatching(EpisodeBaseline):
    """Each keypoint where the query looks most like it in the supports.

    The levels of the backbone are normalised, brought to one size and
    joined. A keypoint's feature is read at its place in each shot that shows
    it and averaged; the prediction is the place of the largest cosine
    similarity in the query's map, the score that similarity, at least 0. A
    keypoint that no shot shows is put into the middle of the query, with
    score 0.

    A shot is encoded once, however many queries ask for it.

    Args:
        backbone: Config of a backbone; it is frozen, and its
            ``init_weights`` is called right away, as nothing else loads
            weights for a test.
        stride: Input pixels per cell of the joined map.
        data_preprocessor: Config; supports go through it as well.

    Raises:
        ModuleNotFoundError: If the backbone's weights are not installed.
    """

    def __init__(
        self,
        backbone: ConfigDict,
        stride: int = 4,
        data_preprocessor: ConfigDict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.backbone = MODELS.build(backbone)
        self.backbone.init_weights()
        self.backbone.requires_grad_(False).eval()
        self.stride = stride
        self._encoded: OrderedDict[str, Tensor] = OrderedDict()

    @torch.no_grad()
    def locate(
        self, inputs: Tensor, data_samples: Sequence[PoseDataSample]
    ) -> list[tuple[Tensor, Tensor]]:
        """See the base class."""
        maps = self._features(inputs)
        self._encode([s.prompts.supports[0] for s in data_samples])
        return [
            self._match(features, sample, inputs.shape[-2:])
            for features, sample in zip(maps, data_samples)
        ]

    def _features(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D, H / stride, W / stride), unit length."""
        size = [-(-side // self.stride) for side in images.shape[-2:]]
        levels = [
            F.interpolate(
                F.normalize(level, dim=1),
                size,
                mode='bilinear',
                align_corners=False,
            )
            for level in self.backbone(images)
        ]
        return F.normalize(torch.cat(levels, 1), dim=1)

    def _encode(self, supports: Sequence[Sequence[SupportShot]]) -> None:
        """Keep the features (K, D) of all shots that are not known yet."""
        new = {
            shot.key: shot
            for shots in supports
            for shot in shots
            if shot.key not in self._encoded
        }
        for key, shot in new.items():
            # One by one: shots may differ in size, results may not depend
            # on what else is in the batch.
            data = {'inputs': [shot.image], 'data_samples': None}
            images = self.data_preprocessor(data, False)['inputs']
            features = self._features(images)
            # Pixel centres are whole numbers, -1 and 1 the picture's edges.
            size = images.new_tensor([images.shape[-1], images.shape[-2]])
            grid = (shot.keypoints.to(images) + 0.5) / size * 2 - 1
            sampled = F.grid_sample(
                features,
                grid[None, None],
                mode='bilinear',
                padding_mode='border',
                align_corners=False,
            )
            self._encoded[key] = sampled[0, :, 0].T
        needed = {shot.key for shots in supports for shot in shots}
        for key in list(self._encoded):
            if len(self._encoded) <= _CACHED_SHOTS:
                break
            if key not in needed:
                del self._encoded[key]

    def _match(
        self,
        features: Tensor,
        sample: PoseDataSample,
        input_shape: Sequence[int],
    ) -> tuple[Tensor, Tensor]:
        shots = sample.prompts.supports[0]
        shown = torch.stack([s.visible > 0 for s in shots]).to(features)
        encoded = torch.stack([self._encoded[s.key] for s in shots])
        mean = F.normalize((encoded * shown[..., None]).sum(0), dim=-1)
        height, width = features.shape[-2:]
        cell = features.new_tensor(
            [input_shape[1] / width, input_shape[0] / height]
        )
        similarity = torch.einsum('kd,dhw->khw', mean, features)
        # Nothing is to be found in the padding of a batch.
        rows, columns = sample.img_shape
        centres = (torch.arange(height) + 0.5) * float(cell[1])
        similarity[:, centres.to(features) > rows] = -2
        centres = (torch.arange(width) + 0.5) * float(cell[0])
        similarity[:, :, centres.to(features) > columns] = -2
        best, index = similarity.flatten(1).max(1)
        place = torch.stack([index % width, index // width], -1)
        keypoints = (place + 0.5) * cell - 0.5
        seen = shown.sum(0) > 0
        middle = features.new_tensor([columns, rows]) / 2
        keypoints = torch.where(seen[:, None], keypoints, middle)
        return keypoints.cpu(), (best.clamp(min=0) * seen).cpu()
