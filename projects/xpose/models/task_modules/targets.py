# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Ground truth of a batch in the units of the losses.

Dims: B batch, N objects of a picture, R denoising queries, K keypoints,
C categories.
"""

import torch
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.nn.functional import pad


def build_targets(
    samples: list[PoseDataSample],
    prompt_mask: Tensor,
    num_keypoints: int = 0,
) -> list[InstanceData]:
    """Collect what matching and losses need.

    A keypoint that the prompt does not show asks for nothing: the picture's
    label of it is ignored.

    Args:
        samples (list[PoseDataSample]): With ``gt_instances`` and
            ``prompts``, ``img_shape`` (h, w).
        prompt_mask (Tensor): (B, C, K') True = a keypoint that the prompt
            shows.
        num_keypoints (int): K of the predictions, which reaches to the last
            shown keypoint of every category present; 0 leaves the keypoints
            empty.

    Returns:
        list[InstanceData]: Per picture ``labels`` (N,), ``bboxes`` (N, 4)
        xyxy input px, ``boxes`` (N, 4) cx, cy, w, h in 0..1,
        ``keypoints`` (N, K, 2) in 0..1, ``keypoint_weights`` (N, K) 1 =
        labelled, ``keypoint_slots`` (N, K) 1 = the category has the keypoint
        and the prompt shows it, ``keypoint_seen`` (N, K) 1 = labelled and
        not hidden, ``sigmas`` (N, K), ``areas`` (N,) input px^2.
    """
    return [
        _targets_of(sample, shown, num_keypoints)
        for sample, shown in zip(samples, prompt_mask, strict=True)
    ]


def _targets_of(
    sample: PoseDataSample, shown: Tensor, num_keypoints: int
) -> InstanceData:
    gt = sample.gt_instances
    height, width = sample.img_shape
    size = gt.bboxes.new_tensor([width, height])
    slots = fit_slots(gt.keypoint_mask.float(), num_keypoints)
    slots = slots * fit_slots(shown.float(), num_keypoints)[gt.labels]
    visible = fit_slots(gt.keypoints_visible, num_keypoints)
    return InstanceData(
        labels=gt.labels,
        bboxes=gt.bboxes,
        boxes=bbox_xyxy_to_cxcywh(gt.bboxes) / size.repeat(2),
        keypoints=fit_slots(gt.keypoints / size, num_keypoints),
        keypoint_weights=slots * (visible > 0),
        keypoint_slots=slots,
        keypoint_seen=slots * (visible == 2),
        sigmas=_sigmas(sample, num_keypoints)[gt.labels],
        areas=gt.areas,
    )


def fit_slots(values: Tensor, num_keypoints: int) -> Tensor:
    """Cut or zero-pad dim 1 of (N, K', ...) to (N, K, ...)."""
    missing = num_keypoints - values.shape[1]
    if missing <= 0:
        return values[:, :num_keypoints]
    return pad(values, (0, 0) * (values.dim() - 2) + (0, missing))


def _sigmas(sample: PoseDataSample, num_keypoints: int) -> Tensor:
    """(C, K) sigmas of the picture's categories, 1 where padded."""
    categories = sample.prompts.categories
    table = torch.ones(len(categories), num_keypoints)
    for row, category in zip(table, categories, strict=True):
        count = min(num_keypoints, category.num_keypoints)
        row[:count] = torch.tensor(category.sigmas[:count])
    return table.to(sample.gt_instances.bboxes)


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
