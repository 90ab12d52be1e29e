# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""From the groups of one picture to its detections.

Dims: G groups, M detections, C categories, K keypoints of the groups, K' of
the encoded prompt, Kmax of the picture's largest category.
"""

import torch
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import Tensor

from projects.common.structures import KeypointPrompt

from ..task_modules.targets import fit_slots
from .post_processing import remove_duplicates


def detect(
    groups: InstanceData,
    shown: Tensor,
    sample: PoseDataSample,
    cfg: ConfigDict,
    rescale: bool,
) -> InstanceData:
    """Scale, score and thin out the groups of a picture.

    Args:
        groups (InstanceData): ``logits`` (G, C), ``bboxes`` (G, 4) xyxy in
            0..1, ``labels`` (G,), ``keypoints`` (G, K, 2) in 0..1,
            ``keypoint_mask`` (G, K) and, if the model tells, the sigmoids
            ``keypoint_scores`` (G, K) and ``keypoints_visible`` (G, K).
        shown (Tensor): (C, K') True = a keypoint that the prompt shows.
        sample (PoseDataSample): With ``prompts``, ``img_shape`` and
            ``scale_factor``.
        cfg (dict): ``test_cfg`` of the head.
        rescale (bool): Return image pixels instead of input pixels.

    Returns:
        InstanceData: See ``XPoseHead.predict``.
    """
    prompt = sample.prompts
    height, width = sample.img_shape
    size = groups.bboxes.new_tensor([width, height])
    if rescale:
        size = size / size.new_tensor(sample.scale_factor)
    scores, labels = _classify(groups, prompt, shown, cfg['multi_label'])
    if cfg.get('rescore', False):
        scores = scores * mean_score(
            groups.keypoint_scores, groups.keypoint_mask
        )
    largest = max(category.num_keypoints for category in prompt.categories)
    detections = InstanceData(
        bboxes=groups.bboxes * size.repeat(2),
        scores=scores,
        labels=labels,
        **_keypoint_fields(groups, scores, size, largest),
    )
    detections = remove_duplicates(
        detections[scores > cfg['score_thr']],
        prompt.categories,
        cfg['nms_iou_thr'],
        cfg['class_agnostic_nms'],
        cfg['oks_nms_thr'],
    )
    return detections[: cfg['max_per_img']]


def _classify(
    groups: InstanceData,
    prompt: KeypointPrompt,
    shown: Tensor,
    multi_label: bool,
) -> tuple[Tensor, Tensor]:
    """Scores (G,) and labels (G,) of the groups."""
    logits, labels = groups.logits, groups.labels
    if multi_label:
        return logits.gather(1, labels[:, None])[:, 0].sigmoid(), labels
    # The final layer may prefer another category that has the very same
    # keypoints; any other would contradict the keypoints found.
    same = same_keypoints(prompt, shown).to(labels.device)[labels]
    scores = logits[:, : same.shape[1]].sigmoid()
    return scores.masked_fill(~same, 0).max(-1)


def _keypoint_fields(
    groups: InstanceData, scores: Tensor, size: Tensor, num_keypoints: int
) -> dict[str, Tensor]:
    """What has an entry (G, Kmax, ...) per keypoint, 0 where not real."""
    mask = groups.keypoint_mask
    fields = {
        'keypoints': groups.keypoints * size,
        'keypoint_mask': mask,
        # Who knows nothing of single keypoints gives them the object's score.
        'keypoint_scores': groups.get(
            'keypoint_scores', scores[:, None].expand(mask.shape)
        ),
    }
    if 'keypoints_visible' in groups:
        fields['keypoints_visible'] = groups.keypoints_visible
    return {
        name: fit_slots(
            values * (mask[..., None] if values.dim() == 3 else mask),
            num_keypoints,
        )
        for name, values in fields.items()
    }


def mean_score(keypoint_scores: Tensor, keypoint_mask: Tensor) -> Tensor:
    """What OKS to expect of a group: the mean score of its keypoints.

    The score of the object times this is the expected OKS of a detection,
    the order that average precision rewards. A power of it or of the product
    would give the same order or mix up two probabilities.

    Args:
        keypoint_scores (Tensor): (G, K) in 0..1.
        keypoint_mask (Tensor): (G, K) True = real.

    Returns:
        Tensor: (G,) in 0..1.
    """
    count = keypoint_mask.sum(-1).clamp(min=1)
    return (keypoint_scores * keypoint_mask).sum(-1) / count


def same_keypoints(prompt: KeypointPrompt, shown: Tensor) -> Tensor:
    """Which categories have the same keypoint names and show the same.

    Args:
        prompt (KeypointPrompt): C categories.
        shown (Tensor): (C or more, K') True = a keypoint that is shown.

    Returns:
        Tensor: (C, C) bool.
    """
    lists = [
        (category.keypoints, row)
        for category, row in zip(prompt.categories, shown.tolist())
    ]
    return torch.tensor([[a == b for b in lists] for a in lists])


def unshown_keypoints(
    prompt: KeypointPrompt, shown: Tensor
) -> dict[str, list[str]]:
    """Name the keypoints that no shot of a category shows.

    Args:
        prompt (KeypointPrompt): C categories.
        shown (Tensor): (C or more, K') True = a keypoint that is shown.

    Returns:
        dict[str, list[str]]: Their names by category; categories that show
        all of theirs are left out.
    """
    names = {
        category.name: [
            name for name, seen in zip(category.keypoints, row) if not seen
        ]
        for category, row in zip(prompt.categories, shown.tolist())
    }
    return {name: keypoints for name, keypoints in names.items() if keypoints}
