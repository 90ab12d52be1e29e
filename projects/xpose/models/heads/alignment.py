# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Query-to-prompt alignment: the open-vocabulary classifier (paper 3.3).

Dims: B batch, N queries, C categories, D channels.
"""

import torch
from mmengine.model import BaseModule, bias_init_with_prob
from torch import Tensor, nn


class PromptAlignment(BaseModule):
    """Dot product of queries and prompts, as logits.

    Args:
        embed_dims (int): D.
        calibrated (bool): Divide by sqrt(D) and add a learned bias that
            starts at a foreground probability of 1 %. False is the
            released model: the plain dot product.
        class_agnostic (bool): Compare with one learned vector, "an object",
            instead of the prompts (paper, table 9, without alignment): all
            categories get the same logit.
    """

    def __init__(
        self,
        embed_dims: int,
        calibrated: bool = True,
        class_agnostic: bool = False,
    ) -> None:
        super().__init__()
        self.scale = embed_dims**-0.5 if calibrated else 1.0
        bias = torch.tensor(bias_init_with_prob(0.01))
        self.bias = nn.Parameter(bias) if calibrated else None
        self.objectness = None
        if class_agnostic:
            self.objectness = nn.Parameter(torch.randn(embed_dims))

    def forward(
        self, queries: Tensor, prompts: Tensor, category_mask: Tensor
    ) -> Tensor:
        """Compare every query with every prompt of its picture.

        Args:
            queries (Tensor): (B, N, D).
            prompts (Tensor): (B, C, D).
            category_mask (Tensor): (B, C) True = real.

        Returns:
            Tensor: (B, N, C) logits, -inf at padded categories.
        """
        if self.objectness is not None:
            prompts = self.objectness.expand_as(prompts)
        logits = queries @ prompts.transpose(1, 2) * self.scale
        if self.bias is not None:
            logits = logits + self.bias
        return logits.masked_fill(~category_mask[:, None], float('-inf'))
