# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""X-Pose's embeddings of annotated objects and keypoints.

Dims: B pictures, N objects, G groups, K keypoints, D channels.
"""

import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor
from torchvision.ops import box_iou

from .xpose import XPose

#: Least box IoU at which a group is taken for an annotated object.
MATCH_IOU = 0.5


@MODELS.register_module()
class XPoseRegions(XPose):
    """X-Pose that gives embeddings instead of detections.

    What :class:`PromptAlignment` evaluates. Of the kept objects (groups) of
    its category, an annotated object takes the one that it overlaps most, at
    box IoU >= 0.5; scores play no part.
    """

    def predict(
        self,
        batch_inputs: Tensor,
        batch_data_samples: list[PoseDataSample],
        rescale: bool = True,
    ) -> list[PoseDataSample]:
        """Set ``pred_instances`` as :class:`PromptAlignment` takes them.

        Args:
            batch_inputs (Tensor): (B, 3, H, W) normalised, padded.
            batch_data_samples (list[PoseDataSample]): With ``prompts`` and
                ``gt_instances``.
            rescale (bool): Not used; there are no coordinates.

        Returns:
            list[PoseDataSample]: The samples with ``pred_instances``, one
            for each of the N annotated objects: ``labels`` (N,), ``found``
            (N,) bool, ``embeddings`` and ``prompts`` (N, D),
            ``keypoint_embeddings`` and ``keypoint_prompts`` (N, K, D).
        """
        outputs = self._outputs(batch_inputs, batch_data_samples)
        states, groups = outputs['keypoint_states'], outputs['groups']
        prompts = outputs['object_prompts']
        boxes = self.bbox_head.forward_groups(
            states, prompts, outputs['category_mask']
        )[-1][1]
        for i, sample in enumerate(batch_data_samples):
            labels = sample.gt_instances.labels
            found, chosen = match_groups(
                scaled(boxes[i], sample.img_shape),
                groups.labels[i],
                sample.gt_instances.bboxes,
                labels,
            )
            hidden = states.hidden[-1][i, chosen]  # (N, 1 + K, D)
            sample.pred_instances = InstanceData(
                labels=labels,
                found=found,
                embeddings=hidden[:, 0],
                prompts=prompts[i, labels],
                keypoint_embeddings=hidden[:, 1:],
                keypoint_prompts=outputs['keypoint_content'][i, chosen],
            )
        return batch_data_samples


def scaled(boxes: Tensor, img_shape: tuple[int, int]) -> Tensor:
    """Boxes (G, 4) cxcywh in 0..1 as xyxy in input pixels."""
    height, width = img_shape
    size = boxes.new_tensor([width, height, width, height])
    return bbox_cxcywh_to_xyxy(boxes) * size


def match_groups(
    boxes: Tensor, labels: Tensor, truth_boxes: Tensor, truth_labels: Tensor
) -> tuple[Tensor, Tensor]:
    """The group that each annotated object overlaps most.

    Args:
        boxes (Tensor): (G, 4) xyxy of the groups.
        labels (Tensor): (G,) their categories.
        truth_boxes (Tensor): (N, 4) xyxy, in the same frame.
        truth_labels (Tensor): (N,).

    Returns:
        tuple[Tensor, Tensor]: (N,) whether one is of the same category and
        near enough, and (N,) its index.
    """
    iou = box_iou(truth_boxes, boxes)
    iou = iou.masked_fill(labels[None] != truth_labels[:, None], 0)
    best, chosen = torch.max(iou, dim=1)
    return best >= MATCH_IOU, chosen
