# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""CLIP's image tower as a backbone."""

from __future__ import annotations

from typing import Any

from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor

from projects.common.models.prompt_encoders import OpenCLIPImageTower


@MODELS.register_module()
class OpenCLIPBackbone(BaseModule):
    """The patches of CLIP's image tower behind its last block and norm.

    Args:
        model_name: See :class:`OpenCLIPImageTower`.
        pretrained: Likewise; read by ``init_weights``.
        allow_download: Likewise.
    """

    def __init__(
        self,
        model_name: str | dict[str, Any],
        pretrained: str | None = None,
        allow_download: bool = False,
    ) -> None:
        super().__init__()
        self.tower = OpenCLIPImageTower(model_name, pretrained, allow_download)

    def init_weights(self) -> None:
        """Load the pretrained weights, if any are asked for."""
        self.tower.init_weights()

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Normalised pictures (B, 3, S, S) to one map (B, W, h, w).

        Raises:
            ValueError: If they have not the size that CLIP was trained with.
        """
        size = self.tower.image_size
        if tuple(images.shape[-2:]) != (size, size):
            height, width = images.shape[-2:]
            raise ValueError(
                f'OpenCLIPBackbone: the pictures are {width} x {height} '
                f'(w x h), but the places of the {self.tower.source} are '
                f'those of {size} x {size}; set input_size and support_size '
                f'of the episodes to {size}.'
            )
        found = self.tower.visual.forward_intermediates(
            images,
            indices=1,
            normalize_intermediates=True,
            intermediates_only=True,
        )
        return tuple(found['image_intermediates'])
