# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Matching and losses of one set of predictions (paper 3.3, eq. 1).

Dims: B batch, N queries (or groups), M matched pairs, C categories,
K keypoints.
"""

import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from mmdet.utils import reduce_mean
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from mmpose.registry import MODELS, TASK_UTILS
from torch import Tensor
from torch.nn.functional import one_hot

from ..task_modules.oks import keypoint_similarity


class PromptPoseLoss(BaseModule):
    """Hungarian matching, alignment, box and keypoint losses.

    Args:
        object_assigner (dict): Matches proposals and object queries.
        keypoint_assigner (dict): Matches groups, with keypoint costs.
        loss_cls (dict): Focal loss of query-prompt logits.
        loss_bbox (dict): L1 loss on cx, cy, w, h in 0..1.
        loss_iou (dict): GIoU loss.
        keypoint_weight (float): Weight of the keypoint L1 loss, the mean
            over an object's labelled keypoints of |dx| + |dy| in 0..1.
        oks_weight (float): Weight of 1 - OKS.
        keypoint_average (str): ``'object'`` takes the mean over an object's
            keypoints, then over objects, so that one of 32 keypoints weighs
            a sixteenth of one of two; ``'keypoint'`` takes the mean over all
            labelled keypoints of the batch.
        class_agnostic (bool): Logits are the same for all categories: learn
            objects against background only.
    """

    def __init__(
        self,
        object_assigner: dict,
        keypoint_assigner: dict,
        loss_cls: dict,
        loss_bbox: dict,
        loss_iou: dict,
        keypoint_weight: float,
        oks_weight: float,
        keypoint_average: str = 'object',
        class_agnostic: bool = False,
    ) -> None:
        super().__init__()
        if keypoint_average not in ('object', 'keypoint'):
            raise ValueError(
                'keypoint_average must be "object" or "keypoint", got '
                f'"{keypoint_average}".'
            )
        self.object_assigner = TASK_UTILS.build(object_assigner)
        self.keypoint_assigner = TASK_UTILS.build(keypoint_assigner)
        self.loss_cls = MODELS.build(loss_cls)
        self.loss_bbox = MODELS.build(loss_bbox)
        self.loss_iou = MODELS.build(loss_iou)
        self.keypoint_weight = keypoint_weight
        self.oks_weight = oks_weight
        self.keypoint_average = keypoint_average
        self.class_agnostic = class_agnostic

    @torch.no_grad()
    def match(
        self,
        logits: Tensor,
        boxes: Tensor,
        targets: list[InstanceData],
        metas: list[dict],
        keypoints: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> Tensor:
        """Match predictions to the objects of their picture, one to one.

        Args:
            logits (Tensor): (B, N, C).
            boxes (Tensor): (B, N, 4) cx, cy, w, h in 0..1.
            targets (list[InstanceData]): See ``build_targets``.
            metas (list[dict]): ``img_shape`` of each picture.
            keypoints (Tensor, optional): (B, N, K, 2) in 0..1; given, the
                keypoint assigner is used.
            labels (Tensor, optional): (B, N) category of each group.

        Returns:
            Tensor: (B, N) index of the matched object, -1 = none.
        """
        # In half precision costs would tie or become infinite.
        logits, boxes = logits.float(), boxes.float()
        rows = []
        for i, (target, meta) in enumerate(zip(targets, metas, strict=True)):
            height, width = meta['img_shape']
            size = boxes.new_tensor([width, height, width, height])
            predictions = InstanceData(
                scores=logits[i], bboxes=bbox_cxcywh_to_xyxy(boxes[i]) * size
            )
            assigner = self.object_assigner
            if keypoints is not None:
                predictions.keypoints = keypoints[i].float()
                predictions.labels = labels[i]
                assigner = self.keypoint_assigner
            result = assigner.assign(predictions, target, img_meta=meta)
            row = result.gt_inds - 1
            if keypoints is not None:
                # More objects than queries can leave no other group.
                row = torch.where(result.labels == labels[i], row, -1)
            rows.append(row)
        return torch.stack(rows)

    def forward(
        self,
        logits: Tensor,
        boxes: Tensor,
        matched: Tensor,
        targets: list[InstanceData],
        metas: list[dict],
        avg_factor: float,
        query_mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Compute the losses of one layer.

        Args:
            logits (Tensor): (B, N, C), -inf at padded categories.
            boxes (Tensor): (B, N, 4).
            matched (Tensor): (B, N) see :meth:`match`.
            targets (list[InstanceData]): See ``build_targets``.
            metas (list[dict]): ``img_shape`` of each picture.
            avg_factor (float): Number of objects to average over.
            query_mask (Tensor, optional): (B, N) True = counts.

        Returns:
            dict[str, Tensor]: ``loss_cls``, ``loss_bbox``, ``loss_iou``.
        """
        pairs = MatchedPairs(matched, targets, metas)
        losses = {
            'loss_cls': self._alignment(logits, pairs, avg_factor, query_mask)
        }
        box, gt_box = boxes[pairs.where], pairs.gt.boxes
        losses['loss_bbox'] = self.loss_bbox(
            box, gt_box, avg_factor=avg_factor
        )
        losses['loss_iou'] = self.loss_iou(
            bbox_cxcywh_to_xyxy(box),
            bbox_cxcywh_to_xyxy(gt_box),
            avg_factor=avg_factor,
        )
        return losses

    def _alignment(
        self,
        logits: Tensor,
        pairs: 'MatchedPairs',
        avg_factor: float,
        query_mask: Tensor | None,
    ) -> Tensor:
        """Focal loss of every real query-prompt pair."""
        labels = pairs.gt.labels
        if self.class_agnostic:
            # Every prompt has a first category, and all logits are its.
            logits, labels = logits[..., :1], torch.zeros_like(labels)
        real = ~torch.isneginf(logits)  # NaN must show in the loss
        if query_mask is not None:
            real = real & query_mask[..., None]
        target = logits.new_zeros(logits.shape, dtype=torch.long)
        target[pairs.where] = one_hot(labels, logits.shape[-1])
        return self.loss_cls(
            logits.masked_fill(~real, 0).flatten(0, 1),
            target.flatten(0, 1),
            real.flatten(0, 1).float(),
            avg_factor=avg_factor,
        )

    def keypoint_losses(
        self, keypoints: Tensor, pairs: 'MatchedPairs', avg_factor: float
    ) -> dict[str, Tensor]:
        """Compare keypoints.

        Args:
            keypoints (Tensor): (B, N, K, 2) in 0..1.
            pairs (MatchedPairs): The M of N that learn, and their objects.
            avg_factor (float): Number of objects to average over.

        Returns:
            dict[str, Tensor]: ``loss_keypoint`` and ``loss_oks``.
        """
        keypoints, gt = keypoints[pairs.where], pairs.gt  # (M, K, 2)
        shares = self.keypoint_shares(gt.keypoint_weights, avg_factor)
        distance = (keypoints - gt.keypoints).abs().sum(-1)
        similarity = keypoint_similarity(
            keypoints * pairs.size,
            gt.keypoints * pairs.size,
            gt.sigmas,
            gt.areas,
        )
        return {
            'loss_keypoint': self.keypoint_weight * (distance * shares).sum(),
            'loss_oks': self.oks_weight * ((1 - similarity) * shares).sum(),
        }

    def keypoint_shares(self, weights: Tensor, avg_factor: float) -> Tensor:
        """What each of (M, K) keypoints counts in a mean; see the class."""
        if self.keypoint_average == 'object':
            count = weights.sum(-1, keepdim=True).clamp(min=1)
            return weights / count / avg_factor
        return weights / reduce_mean(weights.sum()).clamp(min=1)


class MatchedPairs:
    """Matched predictions of a batch and their objects, side by side.

    Args:
        matched (Tensor): (B, N) index of an object of the picture or -1.
        targets (list[InstanceData]): Objects of each picture.
        metas (list[dict]): ``img_shape`` of each picture.

    Attributes:
        where (tuple[Tensor, Tensor]): Batch and query index of the M pairs.
        gt (InstanceData): The M objects.
        size (Tensor): (M, 1, 2) width and height of their pictures.
    """

    def __init__(
        self,
        matched: Tensor,
        targets: list[InstanceData],
        metas: list[dict],
    ) -> None:
        self.where = torch.nonzero(matched >= 0, as_tuple=True)
        counts = torch.tensor([0, *map(len, targets)], device=matched.device)
        first = counts.cumsum(0)[self.where[0]]
        self.gt = InstanceData.cat(targets)[first + matched[self.where]]
        sizes = torch.tensor(
            [meta['img_shape'][::-1] for meta in metas],
            dtype=torch.float32,
            device=matched.device,
        )
        self.size = sizes[self.where[0]][:, None]
