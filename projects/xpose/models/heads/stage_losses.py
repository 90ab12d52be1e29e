# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which predictions are compared with the truth at each stage (paper 3.3).

Dims: B batch, N object queries, R denoising queries, G groups, C categories,
K keypoints, D channels.
"""

from collections.abc import Callable

from mmdet.utils import reduce_mean
from mmengine.structures import InstanceData
from torch import Tensor

from ..groups import KeypointGroups
from ..layers.decoder import DecoderStates
from ..task_modules.targets import denoising_targets
from .losses import MatchedPairs, PromptPoseLoss

# Queries (B, G, K, D), keypoints (B, G, K, 2), matches and number of objects.
KeypointTerms = Callable[
    [Tensor, Tensor, MatchedPairs, float], dict[str, Tensor]
]


class StageLosses:
    """Losses of all stages against one batch's truth.

    Args:
        criterion (PromptPoseLoss): Matches and compares.
        targets (list[InstanceData]): See ``build_targets``.
        metas (list[dict]): ``img_shape`` of each picture.
        average (float): Number of objects to average over.
    """

    def __init__(
        self,
        criterion: PromptPoseLoss,
        targets: list[InstanceData],
        metas: list[dict],
        average: float,
    ) -> None:
        self.criterion = criterion
        self.targets = targets
        self.metas = metas
        self.average = average

    def objects(self, logits: Tensor, boxes: Tensor) -> dict[str, Tensor]:
        """Match and compare (B, N, C) logits and (B, N, 4) boxes."""
        matched = self.criterion.match(logits, boxes, self.targets, self.metas)
        return self.criterion(
            logits, boxes, matched, self.targets, self.metas, self.average
        )

    def denoising(
        self, logits: Tensor, boxes: Tensor, dn_meta: dict
    ) -> dict[str, Tensor]:
        """Compare (B, R, C) logits and (B, R, 4) boxes by their layout."""
        counts = [len(target) for target in self.targets]
        matched, mask = denoising_targets(counts, dn_meta, logits.device)
        average = self.average * dn_meta['num_denoising_groups']
        return self.criterion(
            logits,
            boxes,
            matched,
            self.targets,
            self.metas,
            average,
            query_mask=mask,
        )

    def groups(
        self,
        layers: list[tuple[Tensor, Tensor, Tensor]],
        states: DecoderStates,
        groups: KeypointGroups,
        terms: KeypointTerms,
    ) -> dict[str, Tensor]:
        """Match and compare all keypoint layers.

        The start positions are compared as the first layer is.

        Args:
            layers (list): Logits (B, G, C), boxes (B, G, 4) and keypoints
                (B, G, K, 2) of each layer.
            states (DecoderStates): What they were made of.
            groups (KeypointGroups): Their categories and, if several queries
                of an object learn its keypoints, their objects. Then class
                and box are learnt as the object layers matched them: a
                match with keypoints would tell two queries of one object
                apart by what their box slots need not see.
            terms (KeypointTerms): More losses of a layer.

        Returns:
            dict[str, Tensor]: ``kpt.start.*``, ``kpt.0.*``, ...
        """
        losses, start = {}, states.references[0][:, :, 1:, :2]
        truth = self.targets, self.metas
        if groups.objects is not None:
            pairs, average = self._learners(groups.objects)
        for i, (logits, boxes, keypoints) in enumerate(layers):
            matched = groups.matched
            if matched is None:
                matched = self.criterion.match(
                    logits, boxes, *truth, keypoints, groups.labels
                )
                pairs = MatchedPairs(matched, *truth)
                average = self.average
            values = self.criterion(
                logits, boxes, matched, *truth, self.average
            )
            if i == 0:
                first = self.criterion.keypoint_losses(start, pairs, average)
                losses |= named('kpt.start', first)
            values |= self.criterion.keypoint_losses(keypoints, pairs, average)
            queries = states.hidden[i][:, :, 1:]
            values |= terms(queries, keypoints, pairs, average)
            losses |= named(f'kpt.{i}', values)
        return losses

    def _learners(self, objects: Tensor) -> tuple[MatchedPairs, float]:
        """Groups that learn keypoints, and the number to average over."""
        count = reduce_mean((objects >= 0).sum().float())
        return (
            MatchedPairs(objects, self.targets, self.metas),
            count.clamp(min=1).item(),
        )


def named(stage: str, losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put the stage in front of the names."""
    return {f'{stage}.{name}': value for name, value in losses.items()}
