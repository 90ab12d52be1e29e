# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Query-to-prompt alignment of keypoints (paper 3.3).

Dims: B batch, G groups, C categories, K keypoints of a group, K' of a
prompt, V = C * K' prompts of a picture, D channels.
"""

from dataclasses import dataclass

import torch
from mmdet.models.losses import FocalLoss
from mmengine.model import BaseModule
from torch import Tensor

from .alignment import PromptAlignment
from .losses import MatchedPairs


@dataclass
class KeypointVocabulary:
    """All keypoint prompts of every picture.

    Attributes:
        prompts (Tensor): (B, C, K', D) projected, as the decoder gets them.
        ids (Tensor): (B, C, K') equal where the prompts are the same, -1
            where padded or not shown. Sentences that name their category
            differ between categories; those that do not are one prompt.
    """

    prompts: Tensor
    ids: Tensor

    @classmethod
    def of(
        cls, embeddings: Tensor, keypoint_mask: Tensor, prompts: Tensor
    ) -> 'KeypointVocabulary':
        """Tell prompts apart by their embeddings.

        Args:
            embeddings (Tensor): (B, C, K', E) before the projection: equal
                texts are embedded once, so they are equal to the last bit.
            keypoint_mask (Tensor): (B, C, K') True = real.
            prompts (Tensor): (B, C, K', D).
        """
        # A checksum of their bits: comparing whole rows is slow.
        bits = embeddings.detach().float().flatten(0, 2).view(torch.int32)
        generator = torch.Generator().manual_seed(0)
        weights = torch.randint(2**62, (bits.shape[1],), generator=generator)
        checksums = (bits.long() * weights.to(bits.device)).sum(1)
        _, ids = torch.unique(checksums, return_inverse=True)
        ids = ids.view(keypoint_mask.shape).masked_fill(~keypoint_mask, -1)
        return cls(prompts, ids)


class KeypointAlignment(BaseModule):
    """Focal contrast of keypoint queries with their picture's prompts.

    Only labelled keypoints of matched groups are compared, with the prompts
    of their own picture, so the logits stay small: (labelled keypoints, V).
    Another picture's prompts would be wrong negatives where it asks for the
    same category.

    Args:
        embed_dims (int): D.
        calibrated (bool): See :class:`PromptAlignment`. False adds no
            parameter, as the released model has none.
        weight (float): Weight of the loss.
    """

    def __init__(
        self, embed_dims: int, calibrated: bool = True, weight: float = 1.0
    ) -> None:
        super().__init__()
        self.temperature = embed_dims**0.5
        self.alignment = PromptAlignment(embed_dims, calibrated)
        self.loss_align = FocalLoss(use_sigmoid=True, loss_weight=weight)

    def loss(
        self,
        queries: Tensor,
        pairs: MatchedPairs,
        vocabulary: KeypointVocabulary,
        avg_factor: float,
    ) -> Tensor:
        """Loss of one layer: means over keypoints, averaged over objects.

        Args:
            queries (Tensor): (B, G, K, D) after the layer's norm.
            pairs (MatchedPairs): The matched groups.
            vocabulary (KeypointVocabulary): Prompts of the B pictures.
            avg_factor (float): Number of objects to average over.

        Returns:
            Tensor: Scalar.
        """
        weights = pairs.gt.keypoint_weights  # (M, K)
        share = weights / weights.sum(-1, keepdim=True).clamp(min=1)
        row, slot = weights.nonzero(as_tuple=True)
        picture, group = pairs.where[0][row], pairs.where[1][row]
        queries, share = queries[picture, group, slot], share[row, slot]
        own = vocabulary.ids[picture, pairs.gt.labels[row], slot]
        # Every picture takes part, so that parameters always do.
        return sum(
            self._contrast(
                queries[picture == i],
                own[picture == i],
                share[picture == i],
                prompts.flatten(0, 1),
                ids.flatten(),
                avg_factor,
            )
            for i, (prompts, ids) in enumerate(
                zip(vocabulary.prompts, vocabulary.ids, strict=True)
            )
        )

    def _contrast(
        self,
        queries: Tensor,
        own: Tensor,
        share: Tensor,
        prompts: Tensor,
        ids: Tensor,
        avg_factor: float,
    ) -> Tensor:
        """Compare (n, D) queries with the (V, D) prompts of a picture."""
        real = ids >= 0
        prompts, ids = prompts[real], ids[real]
        mask = real.new_ones(1, len(ids))
        logits = self.alignment(queries[None], prompts[None], mask)[0].float()
        return self.loss_align(
            logits,
            (ids == own[:, None]).float(),
            share[:, None].expand(logits.shape),
            avg_factor=avg_factor,
        )

    def score(
        self, queries: Tensor, prompts: Tensor, keypoint_mask: Tensor
    ) -> Tensor:
        """How much more a query resembles its own prompt than the others.

        Args:
            queries (Tensor): (B, G, K, D).
            prompts (Tensor): (B, G, K, D) each query's own prompt.
            keypoint_mask (Tensor): (B, G, K) True = real.

        Returns:
            Tensor: (B, G, K) share of the own prompt in a softmax over the
            keypoints of the group's category, so 1 if it has one keypoint
            only; not calibrated.
        """
        logits = (queries @ prompts.transpose(-1, -2)).float()
        logits = logits / self.temperature
        # Not -inf: groups without any keypoint would become NaN.
        lowest = torch.finfo(logits.dtype).min
        logits = logits.masked_fill(~keypoint_mask[..., None, :], lowest)
        return logits.softmax(-1).diagonal(dim1=-2, dim2=-1)
