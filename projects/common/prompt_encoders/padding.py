# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The one place where categories and keypoints of a batch are padded."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from projects.common.prompt_encoders.base import EncodedPrompts


def pad_prompts(
    object_embeddings: Sequence[Tensor],
    keypoint_embeddings: Sequence[Tensor],
    num_keypoints: Sequence[Sequence[int]],
) -> EncodedPrompts:
    """Stack prompts of different length, with zeros and masks.

    C and K become the largest of the batch. Gradients flow through.

    Args:
        object_embeddings: B tensors (C_b, D).
        keypoint_embeddings: B tensors (sum of the prompt's keypoint counts,
            D), the keypoints of the first category first.
        num_keypoints: B sequences of the C_b keypoint counts.

    Raises:
        ValueError: If there is no prompt, one has no category, or the counts
            do not fit the embeddings.
    """
    _check(object_embeddings, keypoint_embeddings, num_keypoints)
    batch = len(num_keypoints)
    categories = max(len(counts) for counts in num_keypoints)
    keypoints = max(max(counts) for counts in num_keypoints)
    # Masks and indices are made on the CPU: the counts are there, and a
    # boolean index on an accelerator would wait for it.
    padded_counts = torch.zeros(batch, categories, dtype=torch.long)
    category_mask = torch.zeros(batch, categories, dtype=torch.bool)
    for row, counts in enumerate(num_keypoints):
        padded_counts[row, : len(counts)] = torch.tensor(list(counts))
        category_mask[row, : len(counts)] = True
    keypoint_mask = torch.arange(keypoints) < padded_counts[..., None]
    objects = torch.cat(list(object_embeddings))
    return EncodedPrompts(
        object_embeddings=_scatter(objects, category_mask),
        keypoint_embeddings=_scatter(
            torch.cat(list(keypoint_embeddings)), keypoint_mask
        ),
        category_mask=category_mask.to(objects.device),
        keypoint_mask=keypoint_mask.to(objects.device),
    )


def _scatter(rows: Tensor, mask: Tensor) -> Tensor:
    """Put rows (M, D), in order, where mask (...) has its M True."""
    index = mask.flatten().nonzero().squeeze(1).to(rows.device)
    padded = rows.new_zeros(mask.numel(), rows.shape[-1])
    return padded.index_copy(0, index, rows).reshape(*mask.shape, -1)


def _check(
    object_embeddings: Sequence[Tensor],
    keypoint_embeddings: Sequence[Tensor],
    num_keypoints: Sequence[Sequence[int]],
) -> None:
    if not num_keypoints or not all(num_keypoints):
        raise ValueError(
            'A batch of prompts has no prompt or a prompt without category; '
            'give every picture at least one category.'
        )
    given = [
        (len(objects), len(keypoints))
        for objects, keypoints in zip(object_embeddings, keypoint_embeddings)
    ]
    needed = [(len(counts), sum(counts)) for counts in num_keypoints]
    if given != needed:
        raise ValueError(
            'The embeddings of the prompts do not fit their counts: '
            f'(categories, keypoints) per prompt are {given} in the '
            f'embeddings and {needed} in num_keypoints; encode each name '
            'exactly once.'
        )
