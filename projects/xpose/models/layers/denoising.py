# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Contrastive denoising queries from prompts instead of a label table.

Dims: B batch, N noisy queries, C categories, D channels.
"""

import torch
from mmdet.models.layers import CdnQueryGenerator
from mmengine.config import ConfigDict
from mmpose.structures import PoseDataSample
from torch import Tensor


class PromptDenoising(CdnQueryGenerator):
    """mmdet's noisy boxes with prompt embeddings as noisy labels.

    The content of a denoising query is the object prompt of its (possibly
    exchanged) category, so that there is no closed list of labels.

    Args:
        embed_dims (int): D.
        num_matching_queries (int): Number of ordinary object queries.
        label_noise_scale (float): Half of it is the share of exchanged
            labels.
        box_noise_scale (float): Noise of the boxes.
        group_cfg (dict, optional): See mmdet's CdnQueryGenerator.
    """

    def __init__(
        self,
        embed_dims: int,
        num_matching_queries: int,
        label_noise_scale: float = 0.5,
        box_noise_scale: float = 1.0,
        group_cfg: ConfigDict | None = None,
    ) -> None:
        super().__init__(
            num_classes=1,
            embed_dims=embed_dims,
            num_matching_queries=num_matching_queries,
            label_noise_scale=label_noise_scale,
            box_noise_scale=box_noise_scale,
            group_cfg=group_cfg,
        )
        del self.label_embedding  # prompts take its place

    def __call__(
        self,
        batch_data_samples: list[PoseDataSample],
        object_prompts: Tensor,
        category_mask: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, dict]:
        """Make the denoising queries of a batch.

        Args:
            batch_data_samples (list[PoseDataSample]): With
                ``gt_instances.bboxes`` (xyxy input px) and ``labels``.
            object_prompts (Tensor): (B, C, D).
            category_mask (Tensor): (B, C) True = real.

        Returns:
            tuple: content (B, N, D), boxes (B, N, 4) before the sigmoid,
            attention mask (N + matching, N + matching) True = blocked, and
            dict(num_denoising_queries, num_denoising_groups). N is 0 when
            no picture of the batch has an object.
        """
        object_prompts = object_prompts.float()  # mmdet's buffers are fp32
        boxes, labels, owner = self._collect(batch_data_samples)
        counts = torch.bincount(owner, minlength=len(batch_data_samples))
        largest = int(counts.max())
        num_groups = self.get_num_groups(largest) if largest else 0
        meta = {
            'num_denoising_queries': 2 * largest * num_groups,
            'num_denoising_groups': num_groups,
        }
        mask = self.generate_dn_mask(
            largest, num_groups, object_prompts.device
        )
        if not largest:
            shape = (len(batch_data_samples), 0)
            empty = object_prompts.new_zeros(*shape, self.embed_dims)
            return empty, object_prompts.new_zeros(*shape, 4), mask, meta
        owners = owner.repeat(2 * num_groups)
        noisy = self._exchange_labels(
            labels.repeat(2 * num_groups), category_mask.sum(1)[owners]
        )
        content, box = self.collate_dn_queries(
            object_prompts[owners, noisy],
            self.generate_dn_bbox_query(boxes, num_groups),
            owner,
            len(batch_data_samples),
            num_groups,
        )
        return content, box, mask, meta

    @staticmethod
    def _collect(samples: list[PoseDataSample]) -> tuple[Tensor, ...]:
        """Concatenate normalised xyxy boxes, labels and batch indices."""
        boxes, labels, owner = [], [], []
        for index, sample in enumerate(samples):
            height, width = sample.img_shape
            gt = sample.gt_instances
            size = gt.bboxes.new_tensor([width, height, width, height])
            boxes.append(gt.bboxes / size)
            labels.append(gt.labels)
            owner.append(torch.full_like(gt.labels, index))
        return torch.cat(boxes), torch.cat(labels), torch.cat(owner)

    def _exchange_labels(self, labels: Tensor, num_labels: Tensor) -> Tensor:
        """Replace some labels by random ones of the same picture."""
        uniform = torch.rand_like(num_labels, dtype=torch.float32)
        random = (uniform * num_labels).long()
        chosen = torch.rand_like(uniform) < self.label_noise_scale * 0.5
        return torch.where(chosen, random, labels)
