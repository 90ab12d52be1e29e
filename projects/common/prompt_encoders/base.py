# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What every prompt encoder returns, whatever it is prompted with."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from dataclasses import dataclass

from mmengine.model import BaseModule
from torch import Tensor

from projects.common.structures import KeypointPrompt


@dataclass
class EncodedPrompts:
    """Embeddings of a batch of prompts, padded to its largest C and K.

    Attributes:
        object_embeddings: (B, C, D), zeros where padded.
        keypoint_embeddings: (B, C, K, D), zeros where padded.
        category_mask: (B, C) bool, True = real.
        keypoint_mask: (B, C, K) bool, True = real.
    """

    object_embeddings: Tensor
    keypoint_embeddings: Tensor
    category_mask: Tensor
    keypoint_mask: Tensor


class BasePromptEncoder(BaseModule, metaclass=ABCMeta):
    """Encodes prompts; the model never learns which kind of prompt it was.

    Args:
        embed_dims: D, the length of the embeddings.
        init_cfg: See ``mmengine.model.BaseModule``.
    """

    def __init__(
        self,
        embed_dims: int,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.embed_dims = embed_dims

    @abstractmethod
    def forward(self, prompts: list[KeypointPrompt]) -> EncodedPrompts:
        """Encode B prompts; see :class:`EncodedPrompts`."""
