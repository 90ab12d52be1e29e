# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Head of X-Pose: turns decoder states into predictions, losses, results.

Dims: B batch, N object queries, R denoising queries, G groups, C categories,
K keypoints, D channels.
"""

from typing import Any

import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from mmdet.utils import reduce_mean
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor

from projects.common.structures import KeypointPrompt

from ..groups import KeypointGroups
from ..layers.decoder import DecoderStates
from ..references import ReferenceRefiner
from ..task_modules.targets import build_targets
from .alignment import PromptAlignment
from .losses import MatchedPairs, PromptPoseLoss
from .post_processing import remove_duplicates


@MODELS.register_module()
class XPoseHead(BaseModule):
    """Shared prediction branches, losses and post-processing.

    Args:
        embed_dims (int): D.
        criterion (dict): Arguments of :class:`PromptPoseLoss`.
        refiner (dict, optional): Arguments of :class:`ReferenceRefiner`
            besides ``embed_dims``.
        calibrated (bool): See :class:`PromptAlignment` and
            :meth:`ranking_query`.
        train_cfg (dict): ``num_groups`` kept objects per picture.
        test_cfg (dict): ``num_groups``, ``multi_label`` (keep an object
            once for each likely category), ``score_thr``, ``nms_iou_thr``,
            ``class_agnostic_nms``, ``oks_nms_thr`` (or None) and
            ``max_per_img``.
    """

    def __init__(
        self,
        embed_dims: int,
        criterion: ConfigDict,
        refiner: ConfigDict | None = None,
        calibrated: bool = True,
        train_cfg: ConfigDict | None = None,
        test_cfg: ConfigDict | None = None,
    ) -> None:
        super().__init__()
        self.refiner = ReferenceRefiner(embed_dims, **(refiner or {}))
        self.alignment = PromptAlignment(embed_dims, calibrated)
        self.calibrated = calibrated
        self.criterion = PromptPoseLoss(**criterion)
        self.train_cfg = train_cfg
        self.test_cfg = test_cfg

    def ranking_query(self, states: DecoderStates) -> Tensor:
        """Object queries (B, N, D) by which objects are kept.

        The normalised ones, as the losses train them; the released model
        ranks before the norm.
        """
        return states.hidden[-1] if self.calibrated else states.query

    def forward_objects(
        self, states: DecoderStates, prompts: Tensor, category_mask: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        """Logits (B, N, C) and boxes (B, N, 4) of every object layer."""
        return [
            (
                self.alignment(hidden, prompts, category_mask),
                self.refiner.refine_boxes(reference, hidden),
            )
            for hidden, reference in zip(
                states.hidden, states.references, strict=True
            )
        ]

    def forward_groups(
        self, states: DecoderStates, prompts: Tensor, category_mask: Tensor
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Logits (B, G, C), boxes (B, G, 4), keypoints (B, G, K, 2)."""
        predictions = []
        for hidden, reference in zip(
            states.hidden, states.references, strict=True
        ):
            box = hidden[:, :, 0]
            predictions.append(
                (
                    self.alignment(box, prompts, category_mask),
                    self.refiner.refine_boxes(reference[:, :, 0], box),
                    self.refiner.refine_keypoints(
                        reference[:, :, 1:],
                        hidden[:, :, 1:],
                        reference[:, :, :1],
                    ),
                )
            )
        return predictions

    def match_objects(
        self, logits: Tensor, boxes: Tensor, samples: list[PoseDataSample]
    ) -> tuple[Tensor, Tensor]:
        """Match object queries to ground truth.

        Args:
            logits (Tensor): (B, N, C).
            boxes (Tensor): (B, N, 4).
            samples (list[PoseDataSample]): With ground truth.

        Returns:
            tuple[Tensor, Tensor]: (B, N) object index and its category,
            both -1 where a query is not matched.
        """
        targets = build_targets(samples)
        metas = [sample.metainfo for sample in samples]
        matched = self.criterion.match(logits, boxes, targets, metas)
        labels = torch.full_like(matched, -1)
        pairs = MatchedPairs(matched, targets, metas)
        labels[pairs.where] = pairs.gt.labels
        return matched, labels

    def loss(
        self,
        proposals: tuple[Tensor, Tensor],
        object_states: DecoderStates,
        keypoint_states: DecoderStates,
        groups: KeypointGroups,
        object_prompts: Tensor,
        category_mask: Tensor,
        dn_meta: dict,
        batch_data_samples: list[PoseDataSample],
    ) -> dict[str, Tensor]:
        """Losses of proposals, denoising, object and keypoint layers.

        Args:
            proposals (tuple): Logits (B, N, C) and boxes (B, N, 4) of the
                selected encoder positions.
            object_states (DecoderStates): Over R + N queries.
            keypoint_states (DecoderStates): Over (B, G, 1 + K) slots.
            groups (KeypointGroups): The kept objects.
            object_prompts (Tensor): (B, C, D) enhanced prompts.
            category_mask (Tensor): (B, C) True = real.
            dn_meta (dict): See ``PromptDenoising``.
            batch_data_samples (list[PoseDataSample]): Ground truth.

        Returns:
            dict[str, Tensor]: ``enc.*``, ``dn.0.*``, ``obj.0.*``,
            ``kpt.start.*``, ``kpt.0.*``, ... with
            ``loss_{cls,bbox,iou,keypoint,oks}``.
        """
        num_keypoints = groups.keypoint_mask.shape[-1]
        targets = build_targets(batch_data_samples, num_keypoints)
        metas = [sample.metainfo for sample in batch_data_samples]
        count = proposals[0].new_tensor([float(sum(map(len, targets)))])
        average = reduce_mean(count).clamp(min=1).item()
        truth, prompts = (
            (targets, metas, average),
            (object_prompts, category_mask),
        )

        losses = named('enc', self._object_losses(*proposals, *truth))
        num_dn = dn_meta['num_denoising_queries']
        layers = self.forward_objects(object_states, *prompts)
        for i, (logits, boxes) in enumerate(layers):
            if num_dn:
                noisy = (logits[:, :num_dn], boxes[:, :num_dn])
                denoising = self._denoising_losses(*noisy, *truth, dn_meta)
                losses |= named(f'dn.{i}', denoising)
            queries = (logits[:, num_dn:], boxes[:, num_dn:])
            losses |= named(f'obj.{i}', self._object_losses(*queries, *truth))
        predictions = self.forward_groups(keypoint_states, *prompts)
        start = keypoint_states.references[0][:, :, 1:, :2]
        return losses | self._group_losses(
            predictions, start, groups.labels, *truth
        )

    def _object_losses(
        self,
        logits: Tensor,
        boxes: Tensor,
        targets: list[InstanceData],
        metas: list[dict],
        average: float,
    ) -> dict[str, Tensor]:
        """Match and compare (B, N, C) logits and (B, N, 4) boxes."""
        matched = self.criterion.match(logits, boxes, targets, metas)
        return self.criterion(logits, boxes, matched, targets, metas, average)

    def _denoising_losses(
        self,
        logits: Tensor,
        boxes: Tensor,
        targets: list[InstanceData],
        metas: list[dict],
        average: float,
        dn_meta: dict,
    ) -> dict[str, Tensor]:
        """Compare (B, R, C) logits and (B, R, 4) boxes by their layout."""
        counts = [len(target) for target in targets]
        matched, mask = denoising_targets(counts, dn_meta, logits.device)
        average = average * dn_meta['num_denoising_groups']
        return self.criterion(
            logits, boxes, matched, targets, metas, average, query_mask=mask
        )

    def _group_losses(
        self,
        predictions: list[tuple[Tensor, Tensor, Tensor]],
        start: Tensor,
        labels: Tensor,
        targets: list[InstanceData],
        metas: list[dict],
        average: float,
    ) -> dict[str, Tensor]:
        """Match and compare all keypoint layers.

        The start positions (B, G, K, 2) are compared as the first layer is.
        """
        losses = {}
        for i, (logits, boxes, keypoints) in enumerate(predictions):
            matched = self.criterion.match(
                logits, boxes, targets, metas, keypoints, labels
            )
            if i == 0:
                pairs = MatchedPairs(matched, targets, metas)
                values = self.criterion.keypoint_losses(start, pairs, average)
                losses |= named('kpt.start', values)
            values = self.criterion(
                logits, boxes, matched, targets, metas, average, keypoints
            )
            losses |= named(f'kpt.{i}', values)
        return losses

    def predict(
        self,
        keypoint_states: DecoderStates,
        groups: KeypointGroups,
        object_prompts: Tensor,
        category_mask: Tensor,
        batch_data_samples: list[PoseDataSample],
        rescale: bool = True,
        **unused: Any,
    ) -> list[InstanceData]:
        """Detections of every picture.

        Args:
            keypoint_states (DecoderStates): See :meth:`loss`.
            groups (KeypointGroups): The kept objects.
            object_prompts (Tensor): (B, C, D).
            category_mask (Tensor): (B, C).
            batch_data_samples (list[PoseDataSample]): With ``prompts``,
                ``img_shape`` and ``scale_factor``.
            rescale (bool): Return image pixels instead of input pixels.
            unused: Training-only outputs.

        Returns:
            list[InstanceData]: ``bboxes`` (M, 4) xyxy, ``scores`` (M,),
            ``labels`` (M,), ``keypoints`` (M, K, 2), ``keypoint_mask``
            (M, K), ``keypoint_scores`` (M, K): the detection's score at
            real keypoints, 0 elsewhere.
        """
        logits, boxes, keypoints = self.forward_groups(
            keypoint_states, object_prompts, category_mask
        )[-1]
        return [
            self._predict_single(
                logits[i].float(),
                bbox_cxcywh_to_xyxy(boxes[i]),
                keypoints[i],
                groups.labels[i],
                groups.keypoint_mask[i],
                sample,
                rescale,
            )
            for i, sample in enumerate(batch_data_samples)
        ]

    def _predict_single(
        self,
        logits: Tensor,
        boxes: Tensor,
        keypoints: Tensor,
        labels: Tensor,
        keypoint_mask: Tensor,
        sample: PoseDataSample,
        rescale: bool,
    ) -> InstanceData:
        height, width = sample.img_shape
        size = boxes.new_tensor([width, height])
        if rescale:
            size = size / size.new_tensor(sample.scale_factor)
        cfg = self.test_cfg
        if cfg['multi_label']:
            scores = logits.gather(1, labels[:, None])[:, 0].sigmoid()
        else:
            # The final layer may prefer another category that has the very
            # same keypoints; any other would contradict the keypoints found.
            same = same_keypoints(sample.prompts).to(labels.device)[labels]
            scores = logits[:, : same.shape[1]].sigmoid()
            scores, labels = scores.masked_fill(~same, 0).max(-1)
        detections = InstanceData(
            bboxes=boxes * size.repeat(2),
            scores=scores,
            labels=labels,
            keypoints=keypoints * size * keypoint_mask[..., None],
            keypoint_scores=scores[:, None] * keypoint_mask,
            keypoint_mask=keypoint_mask,
        )
        detections = remove_duplicates(
            detections[scores > cfg['score_thr']],
            sample.prompts.categories,
            cfg['nms_iou_thr'],
            cfg['class_agnostic_nms'],
            cfg['oks_nms_thr'],
        )
        detections = detections[: cfg['max_per_img']]
        # Results go on without the prompt, so they carry their names.
        detections.set_metainfo(dict(categories=sample.prompts.categories))
        return detections


def named(stage: str, losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put the stage in front of the names."""
    return {f'{stage}.{name}': value for name, value in losses.items()}


def same_keypoints(prompt: KeypointPrompt) -> Tensor:
    """(C, C) True where two categories have the same keypoint names."""
    lists = [category.keypoints for category in prompt.categories]
    return torch.tensor([[a == b for b in lists] for a in lists])


def denoising_targets(
    counts: list[int], dn_meta: dict, device: torch.device
) -> tuple[Tensor, Tensor]:
    """What each denoising query should find.

    mmdet lays the queries out as groups of [positive, negative] blocks,
    each as long as the largest number of objects in the batch.

    Args:
        counts (list[int]): Objects of each picture.
        dn_meta (dict): See ``PromptDenoising``.
        device (torch.device): Where to put the result.

    Returns:
        tuple[Tensor, Tensor]: (B, R) object index or -1, (B, R) True where
        the query is no padding.
    """
    num_groups = dn_meta['num_denoising_groups']
    slot = torch.arange(max(counts), device=device)
    real = slot < torch.tensor(counts, device=device)[:, None]
    positive = torch.where(real, slot, -1)
    negative = torch.full_like(positive, -1)
    matched = torch.cat([positive, negative], 1).repeat(1, num_groups)
    return matched, real.repeat(1, 2 * num_groups)
