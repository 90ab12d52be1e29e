# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The one place where categories and keypoints of a batch are padded."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from projects.common.models.prompt_encoders.base_prompt_encoder import (
    CategoryRows,
    EncodedPrompts,
)


def pad_rows(
    rows: CategoryRows, num_categories: Sequence[int]
) -> EncodedPrompts:
    """Stack the rows of B prompts; see :func:`pad_prompts`.

    Args:
        rows: The categories of the first prompt first.
        num_categories: The B numbers of categories.
    """
    counts, start = [], 0
    for number in num_categories:
        counts.append(rows.counts[start : start + number])
        start += number
    totals = [sum(prompt_counts) for prompt_counts in counts]
    return pad_prompts(
        rows.objects.split(list(num_categories)),
        rows.keypoints.split(totals),
        counts,
        rows.shown,
    )


def pad_prompts(
    object_embeddings: Sequence[Tensor],
    keypoint_embeddings: Sequence[Tensor],
    num_keypoints: Sequence[Sequence[int]],
    shown: Tensor | None = None,
) -> EncodedPrompts:
    """Stack prompts of different length, with zeros and masks.

    C and K become the largest of the batch. Gradients flow through.

    Args:
        object_embeddings: B tensors (C_b, D).
        keypoint_embeddings: B tensors (sum of the prompt's keypoint counts,
            D), the keypoints of the first category first.
        num_keypoints: B sequences of the C_b keypoint counts.
        shown: Bool on the CPU, one for each keypoint of all prompts; False =
            masked out as padding is. By default all are shown.

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
    keypoint_rows = _scatter(
        torch.cat(list(keypoint_embeddings)), keypoint_mask
    )
    if shown is not None:
        keypoint_mask = keypoint_mask.masked_scatter(keypoint_mask, shown)
    return EncodedPrompts(
        object_embeddings=_scatter(objects, category_mask),
        keypoint_embeddings=keypoint_rows,
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
