# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""How sure each keypoint is: a score and a visibility.

Dims: B batch, G groups, K keypoints, M matched pairs, D channels.
"""

from mmdet.models.layers import MLP
from mmdet.models.losses import CrossEntropyLoss
from mmengine.model import BaseModule
from torch import Tensor

from ..task_modules.oks import keypoint_similarity
from .losses import MatchedPairs


class KeypointScore(BaseModule):
    """Two logits per keypoint query, learned with soft targets.

    *score*: "this keypoint is here and placed well". Its target is the
    keypoint's own similarity exp(-d^2 / (2 s^2 k^2)) at the predicted
    position, and 0 where the keypoint is not labelled (v = 0: outside the
    picture; data sets that leave out keypoints for other reasons teach the
    model to doubt these). The loss is the plain cross entropy, a proper
    scoring rule: its optimum is the expected similarity itself, so scores
    are calibrated. A focal weight would move it.

    *visibility*: "this keypoint is present and not hidden", target 1 for
    v = 2 and 0 for v = 1 and v = 0. A data set that never says v = 1
    teaches presence.

    Both hold given that the object is there: they know nothing of the
    object's own score. Objects without any labelled keypoint (boxes only)
    and keypoints that the prompt does not show teach nothing. The paper and
    the released model have neither.

    Args:
        embed_dims (int): D.
        score_weight (float): Weight of the score's loss.
        visibility_weight (float): Weight of the visibility's loss.
    """

    def __init__(
        self,
        embed_dims: int,
        score_weight: float = 1.0,
        visibility_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.branch = MLP(embed_dims, embed_dims, 2, 2)
        self.loss_score = CrossEntropyLoss(
            use_sigmoid=True, loss_weight=score_weight
        )
        self.loss_visibility = CrossEntropyLoss(
            use_sigmoid=True, loss_weight=visibility_weight
        )

    def forward(self, queries: Tensor) -> Tensor:
        """(B, G, K, D) keypoint queries -> (B, G, K, 2) logits."""
        return self.branch(queries).float()

    def loss(
        self,
        queries: Tensor,
        keypoints: Tensor,
        pairs: MatchedPairs,
        avg_factor: float,
    ) -> dict[str, Tensor]:
        """Losses of one layer: means over slots, averaged over objects.

        Args:
            queries (Tensor): (B, G, K, D) after the layer's norm.
            keypoints (Tensor): (B, G, K, 2) its predictions, in 0..1.
            pairs (MatchedPairs): The M matched groups.
            avg_factor (float): Number of objects to average over.

        Returns:
            dict[str, Tensor]: ``loss_score`` and ``loss_visibility``.
        """
        logits, gt = self(queries)[pairs.where], pairs.gt  # (M, K, 2)
        slots = gt.keypoint_slots
        weights = slots / slots.sum(-1, keepdim=True).clamp(min=1)
        weights = weights * gt.keypoint_weights.any(-1, keepdim=True)
        score, visibility = logits.unbind(-1)
        target = score_targets(keypoints[pairs.where], pairs)
        return {
            'loss_score': self.loss_score(
                score, target, weights, avg_factor=avg_factor
            ),
            'loss_visibility': self.loss_visibility(
                visibility, gt.keypoint_seen, weights, avg_factor=avg_factor
            ),
        }


def score_targets(keypoints: Tensor, pairs: MatchedPairs) -> Tensor:
    """What the scores should be, without gradient.

    Args:
        keypoints (Tensor): (M, K, 2) of the matched groups, in 0..1.
        pairs (MatchedPairs): Their objects.

    Returns:
        Tensor: (M, K) in 0..1, 0 where the keypoint is not labelled.
    """
    gt = pairs.gt
    similarity = keypoint_similarity(
        keypoints.detach().float() * pairs.size,
        gt.keypoints * pairs.size,
        gt.sigmas,
        gt.areas,
    )
    return similarity * gt.keypoint_weights
