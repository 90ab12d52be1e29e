# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Keypoint groups: each kept object takes the keypoints of its category.

Dims: B batch, N object queries, G groups (kept objects), C categories,
K keypoints, D channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import Tensor, nn
from torchvision.ops import box_iou

from .references import ReferenceRefiner


@dataclass
class KeypointGroups:
    """The kept objects of a batch.

    Attributes:
        indices (Tensor): (B, G) which object query each group came from.
        labels (Tensor): (B, G) the category whose keypoints it takes, an
            index into the picture's prompt.
        keypoint_mask (Tensor): (B, G, K) True = real, with holes where a
            keypoint is not shown by the prompt; K reaches to the last real
            keypoint of the categories kept in this batch.
        matched (Tensor, optional): (B, G) in training the object of the
            picture whose class and box a group learns, -1 = none, at most
            one group of each object; None leaves it to the matching with
            keypoints.
        objects (Tensor, optional): (B, G) the object whose keypoints a
            group learns, given with ``matched`` and equal to it where that
            is not -1.
    """

    indices: Tensor
    labels: Tensor
    keypoint_mask: Tensor
    matched: Tensor | None = None
    objects: Tensor | None = None

    @property
    def slot_mask(self) -> Tensor:
        """(B, G, 1 + K) True = real; slot 0 is the box."""
        return torch.cat(
            [torch.ones_like(self.keypoint_mask[..., :1]), self.keypoint_mask],
            -1,
        )

    def take(self, values: Tensor) -> Tensor:
        """Pick (B, N, ...) values of the kept queries: (B, G, ...)."""
        return take(values, self.indices)


def take(values: Tensor, indices: Tensor) -> Tensor:
    """Pick rows (B, G) of (B, N, ...) in every picture: (B, G, ...)."""
    rows = torch.arange(len(values), device=values.device)[:, None]
    return values[rows, indices]


def spread_matches(
    matched: Tensor,
    boxes: Tensor,
    gt_boxes: Sequence[Tensor],
    per_object: int,
    min_iou: float = 0.5,
) -> Tensor:
    """Give objects the other queries that overlap them most, too.

    Args:
        matched (Tensor): (B, N) index of an object of the picture or -1, one
            query for each object.
        boxes (Tensor): (B, N, 4) cx, cy, w, h in 0..1 of the queries.
        gt_boxes (Sequence[Tensor]): B tensors (M, 4) of the objects.
        per_object (int): Queries of each object, the matched one included.
        min_iou (float): Overlap that a further query needs.

    Returns:
        Tensor: (B, N) as ``matched``; what was matched stays.
    """
    spread = matched.clone()
    if per_object < 2:
        return spread
    for row, box, gt in zip(spread, boxes.float(), gt_boxes, strict=True):
        free = torch.nonzero(row < 0).flatten()
        if not len(gt) or not len(free):
            continue
        overlaps = box_iou(
            bbox_cxcywh_to_xyxy(box[free]), bbox_cxcywh_to_xyxy(gt)
        )
        best, index = overlaps.max(1)  # of each query, its nearest object
        own = overlaps.masked_fill(
            torch.arange(len(gt), device=index.device) != index[:, None], 0
        )
        count = min(per_object - 1, len(free))
        values, rows = own.topk(count, dim=0)  # (count, M)
        chosen = rows[values >= min_iou]
        row[free[chosen]] = index[chosen]
    return spread


def keep_objects(
    logits: Tensor,
    keypoint_mask: Tensor,
    num_groups: int,
    assigned_labels: Tensor | None = None,
) -> KeypointGroups:
    """Keep the best objects of every picture.

    Args:
        logits (Tensor): (B, N, C), -inf at padded categories.
        keypoint_mask (Tensor): (B, C, K') True = real; there may be holes.
        num_groups (int): G, cut to N.
        assigned_labels (Tensor, optional): (B, N) the true category of
            queries that are matched to an object, else -1 (training):
            these are kept before all others and take that category, so
            that every object trains its keypoints. Other groups have no
            keypoints to learn and are cut where the matched ones end.

    Returns:
        KeypointGroups: By descending score, matched objects first.
    """
    scores, labels = logits.max(-1)
    num_groups = min(num_groups, scores.shape[1])
    if assigned_labels is not None:
        matched = assigned_labels >= 0
        num_groups = max(num_groups, int(matched.sum(1).max()))
        labels = torch.where(matched, assigned_labels, labels)
        scores = scores.masked_fill(matched, float('inf'))
    indices = scores.topk(num_groups, dim=1).indices
    labels = labels.gather(1, indices)
    mask = take(keypoint_mask, labels)  # (B, G, K')
    used = mask
    if assigned_labels is not None:
        used = mask & (assigned_labels.gather(1, indices) >= 0)[..., None]
    return KeypointGroups(indices, labels, _cut(mask, used))


def _cut(mask: Tensor, used: Tensor) -> Tensor:
    """Cut (B, G, K') after the last slot that ``used`` (B, G, K') names."""
    if torch.compiler.is_exporting() or torch.jit.is_tracing():
        return mask  # shapes in a graph cannot depend on values
    ends = torch.arange(1, mask.shape[-1] + 1, device=mask.device)
    return mask[..., : max(1, int((ends * used).max()))]


def keep_pairs(
    logits: Tensor, keypoint_mask: Tensor, num_groups: int
) -> KeypointGroups:
    """Keep the best pairs of object and category of every picture.

    An object whose category is in doubt is kept once for each likely one,
    with that category's keypoints.

    Args:
        logits (Tensor): (B, N, C), -inf at padded categories.
        keypoint_mask (Tensor): (B, C, K') True = real; there may be holes.
        num_groups (int): G, cut to N * C.

    Returns:
        KeypointGroups: By descending score. A picture with fewer pairs than
        another of the batch is filled up with padded categories.
    """
    num_categories = logits.shape[-1]
    pairs = logits.flatten(1)
    best = pairs.topk(min(num_groups, pairs.shape[1]), dim=1).indices
    labels = best % num_categories
    mask = take(keypoint_mask, labels)
    mask = _cut(mask, mask)
    return KeypointGroups(best // num_categories, labels, mask)


def expand_groups(
    groups: KeypointGroups,
    query: Tensor,
    boxes: Tensor,
    content: Tensor,
    refiner: ReferenceRefiner,
) -> tuple[Tensor, Tensor]:
    """Make [box, keypoint 1..K] queries of every kept object.

    Args:
        groups (KeypointGroups): The kept objects.
        query (Tensor): (B, N, D).
        boxes (Tensor): (B, N, 4).
        content (Tensor): (B, G, K, D) keypoint prompts of the groups.
        refiner (ReferenceRefiner): Places the keypoints.

    Returns:
        tuple[Tensor, Tensor]: Queries (B, G, 1 + K, D) and references
        (B, G, 1 + K, 4).
    """
    query, boxes = groups.take(query), groups.take(boxes)
    start = refiner.start_keypoints(content, query, boxes)
    return (
        torch.cat([query[:, :, None], content], 2),
        torch.cat([boxes[:, :, None], start], 2),
    )


def keypoint_content(
    groups: KeypointGroups, embeddings: Tensor, projection: nn.Module
) -> Tensor:
    """Project the keypoint prompts that the groups take.

    Args:
        groups (KeypointGroups): The kept objects.
        embeddings (Tensor): (B, C, K', E) of all categories.
        projection (nn.Module): From E to D channels.

    Returns:
        Tensor: (B, G, K, D).
    """
    num_groups, num_keypoints = groups.keypoint_mask.shape[1:]
    embeddings = embeddings[:, :, :num_keypoints]
    # Whichever is fewer: categories (few are asked for) or groups.
    # An exported program is for any number of them: groups are bounded.
    exporting = torch.compiler.is_exporting()
    if not exporting and embeddings.shape[1] <= num_groups:
        return take(projection(embeddings), groups.labels)
    return projection(take(embeddings, groups.labels))
