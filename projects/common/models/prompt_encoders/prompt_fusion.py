# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""One embedding from a text and a picture of the same thing."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

_MODES = ('mean', 'gate')


@MODELS.register_module()
class PromptFusion(BaseModule):
    """Weighs text against visual embeddings, channel by channel.

    Both are L2-normalised first: sentence encoders give unit vectors and
    image towers vectors many times as long, so a plain mean would be the
    picture alone. The result gets the text embedding's length, as what
    follows also meets text prompts, and keypoints that stay text, in the
    same prompt.

    Args:
        embed_dims: D.
        mode: 'mean', or 'gate' for weights that are learned from the two
            embeddings and start as the mean.
        init_cfg: See ``mmengine.model.BaseModule``.

    Raises:
        ValueError: If the mode is another.
    """

    def __init__(
        self,
        embed_dims: int,
        mode: str = 'mean',
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if mode not in _MODES:
            raise ValueError(
                f'The fusion of text and visual prompts has the mode '
                f'{mode!r}; choose one of {", ".join(map(repr, _MODES))}.'
            )
        self.gate = None
        if mode == 'gate':
            self.gate = nn.Linear(2 * embed_dims, embed_dims)
            nn.init.zeros_(self.gate.weight)
            nn.init.zeros_(self.gate.bias)

    def forward(self, text: Tensor, visual: Tensor, shown: Tensor) -> Tensor:
        """Fuse M embeddings.

        Args:
            text: (M, D).
            visual: (M, D).
            shown: (M,) bool; where False there is no visual embedding and
                the text's is returned.

        Returns:
            (M, D).
        """
        words, looks = F.normalize(text, dim=-1), F.normalize(visual, dim=-1)
        weight = 0.5
        if self.gate is not None:
            # Channels of a unit vector shrink with D; a gate's should not.
            both = torch.cat([words, looks], -1) * text.shape[-1] ** 0.5
            weight = self.gate(both).sigmoid()
        fused = weight * words + (1 - weight) * looks
        fused = fused * text.norm(dim=-1, keepdim=True)
        return torch.where(shown[:, None], fused, text)
