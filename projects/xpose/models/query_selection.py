# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Prompt-guided query selection: where object queries start (paper 3.2).

Dims: B batch, T image tokens, N selected queries, R denoising queries,
C categories, D channels.
"""

from dataclasses import dataclass

import torch
from mmpose.structures import PoseDataSample
from torch import Tensor

from .groups import take
from .layers.denoising import PromptDenoising
from .references import ReferenceRefiner


@dataclass
class Proposals:
    """The image tokens that resemble a prompt most.

    Attributes:
        logits (Tensor): (B, N, C) by which they were chosen.
        boxes (Tensor): (B, N, 4) cx, cy, w, h in 0..1.
        tokens (Tensor): (B, N, D).
    """

    logits: Tensor
    boxes: Tensor
    tokens: Tensor


def select_proposals(
    tokens: Tensor,
    anchors: Tensor,
    logits: Tensor,
    refiner: ReferenceRefiner,
    num_queries: int,
) -> Proposals:
    """Choose the tokens whose best logit is highest.

    Args:
        tokens (Tensor): (B, T, D).
        anchors (Tensor): (B, T, 4) before the sigmoid.
        logits (Tensor): (B, T, C) of tokens and prompts.
        refiner (ReferenceRefiner): Predicts the boxes of the chosen ones.
        num_queries (int): N, cut to T.

    Returns:
        Proposals: By descending logit.
    """
    count = min(num_queries, logits.shape[1])
    best = logits.max(-1).values.topk(count, dim=1).indices
    selected = take(tokens, best)
    boxes = refiner.proposal_branch(selected) + take(anchors, best)
    return Proposals(take(logits, best), boxes.sigmoid(), selected)


def start_queries(
    proposals: Proposals, embedding: Tensor, selected_content: bool
) -> dict[str, Tensor | None]:
    """Make object queries of proposals, which learn from their own loss.

    Args:
        proposals (Proposals): N per picture.
        embedding (Tensor): (N or more, D) learned content.
        selected_content (bool): Add the image token to it.

    Returns:
        dict: ``query`` (B, N, D), ``reference`` (B, N, 4) and ``dn_mask``
        None, see ``XPose.forward_decoder``.
    """
    batch, count = proposals.tokens.shape[:2]
    query = embedding[:count].expand(batch, -1, -1)
    if selected_content:
        query = query + proposals.tokens.detach()
    reference = proposals.boxes.detach()
    return {'query': query, 'reference': reference, 'dn_mask': None}


def add_denoising(
    queries: dict[str, Tensor | None],
    generator: PromptDenoising,
    samples: list[PoseDataSample],
    object_prompts: Tensor,
    category_mask: Tensor,
) -> tuple[dict[str, Tensor | None], dict]:
    """Put the denoising queries of training in front.

    Args:
        queries (dict): Of :func:`start_queries`.
        generator (PromptDenoising): Makes R queries of the ground truth.
        samples (list[PoseDataSample]): The ground truth.
        object_prompts (Tensor): (B, C, D).
        category_mask (Tensor): (B, C) True = real.

    Returns:
        tuple[dict, dict]: The queries, now R + N with the mask (R + N,
        R + N) True = blocked, and their layout.
    """
    content, boxes, mask, meta = generator(
        samples, object_prompts, category_mask
    )
    query = torch.cat([content, queries['query']], 1)
    reference = torch.cat([boxes.sigmoid(), queries['reference']], 1)
    # Small pictures have fewer proposals than num_queries.
    mask = mask[: query.shape[1], : query.shape[1]]
    return {'query': query, 'reference': reference, 'dn_mask': mask}, meta
