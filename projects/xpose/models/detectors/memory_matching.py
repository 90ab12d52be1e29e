# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Nearest neighbours in the image features of a trained X-Pose."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from projects.common.models.baselines import FeatureMatching
from projects.common.models.prompt_encoders import EncodedPrompts


@MODELS.register_module()
class EnhancerMemory(nn.Module):
    """The image tokens that X-Pose's decoder reads, as feature maps.

    The enhancer mixes prompts into them. The prompt is a neutral one here, a
    category with a zero embedding, so that a feature depends on its picture
    alone.

    Args:
        detector: Config of an :class:`XPose`.
    """

    def __init__(self, detector: ConfigDict) -> None:
        super().__init__()
        self.detector = MODELS.build(detector)

    def init_weights(self) -> None:
        """Nothing: all weights are in the detector's checkpoint."""

    def forward(self, images: Tensor) -> list[Tensor]:
        """Pictures (B, 3, H, W), normalised, to L maps (B, D, h, w)."""
        shape = tuple(images.shape[-2:])
        metainfo = {'img_shape': shape, 'batch_input_shape': shape}
        samples = [PoseDataSample(metainfo=metainfo) for _ in images]
        inputs, _ = self.detector.pre_transformer(
            self.detector.extract_feat(images), samples
        )
        encoded = self.detector.forward_encoder(
            **inputs, prompts=self._neutral_prompts(images)
        )
        shapes = encoded['spatial_shapes'].tolist()
        tokens = encoded['memory'].split([h * w for h, w in shapes], 1)
        return [
            level.transpose(1, 2).unflatten(2, (h, w))
            for level, (h, w) in zip(tokens, shapes)
        ]

    def _neutral_prompts(self, images: Tensor) -> EncodedPrompts:
        count, width = len(images), self.detector.prompt_encoder.embed_dims
        mask = torch.ones(count, 1, dtype=torch.bool, device=images.device)
        return EncodedPrompts(
            images.new_zeros(count, 1, width),
            images.new_zeros(count, 1, 1, width),
            mask,
            mask[..., None],
        )


@MODELS.register_module()
class MemoryMatching(FeatureMatching):
    """:class:`FeatureMatching` of :class:`EnhancerMemory`.

    Its checkpoint is the detector's.

    Args:
        detector: Config of an :class:`XPose`, whose data preprocessor is
            used.
        stride: See :class:`FeatureMatching`.
    """

    def __init__(self, detector: ConfigDict, stride: int = 4) -> None:
        super().__init__(
            {'type': 'mmpose.EnhancerMemory', 'detector': detector},
            stride,
            detector['data_preprocessor'],
        )

    def load_state_dict(
        self, state_dict: Mapping[str, Tensor], *args: Any, **kwargs: Any
    ) -> Any:
        """Load the weights of a detector."""
        detector = self.backbone.detector
        return detector.load_state_dict(state_dict, *args, **kwargs)
