# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What every prompt encoder returns, whatever it is prompted with."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from mmengine.model import BaseModule
from torch import Tensor

from projects.common.structures import KeypointPrompt


@dataclass
class EncodedPrompts:
    """Embeddings of a batch of prompts, padded to its largest C and K.

    Attributes:
        object_embeddings: (B, C, D), zeros where padded.
        keypoint_embeddings: (B, C, K, D), zeros where ``keypoint_mask`` is
            False.
        category_mask: (B, C) bool, True = real.
        keypoint_mask: (B, C, K) bool, True = real. Besides padding it is
            False at keypoints of a visual prompt that no shot shows, which
            may stand between others.
    """

    object_embeddings: Tensor
    keypoint_embeddings: Tensor
    category_mask: Tensor
    keypoint_mask: Tensor

    def to(self, device: torch.device | str) -> EncodedPrompts:
        """The same on another device."""
        return EncodedPrompts(*(v.to(device) for v in vars(self).values()))

    def expand(self, batch: int) -> EncodedPrompts:
        """A single prompt (B = 1) for each of ``batch`` pictures."""
        return EncodedPrompts(
            *(v.expand(batch, *v.shape[1:]) for v in vars(self).values())
        )


@dataclass
class CategoryRows:
    """Embeddings of R categories one after the other, before padding.

    Attributes:
        objects: (R, D).
        keypoints: (T, D), the keypoints of the first category first.
        counts: The R keypoint counts; T is their sum.
        shown: (T,) bool on the CPU; False = a keypoint that no shot shows,
            its embedding is zero.
    """

    objects: Tensor
    keypoints: Tensor
    counts: list[int]
    shown: Tensor

    def split(self, first: int) -> tuple[CategoryRows, CategoryRows]:
        """The first rows, and the others."""
        cut = sum(self.counts[:first])
        return tuple(
            CategoryRows(
                self.objects[rows],
                self.keypoints[keypoints],
                self.counts[rows],
                self.shown[keypoints],
            )
            for rows, keypoints in (
                (slice(first), slice(cut)),
                (slice(first, None), slice(cut, None)),
            )
        )

    @classmethod
    def gather(
        cls, parts: Sequence[CategoryRows], order: Sequence[int]
    ) -> CategoryRows:
        """Put the rows of several parts into one order.

        Args:
            parts: Rows of the same D, type and device.
            order: For each resulting row its place among those of all
                parts, counted through.
        """
        objects = torch.cat([part.objects for part in parts])
        keypoints = torch.cat([part.keypoints for part in parts])
        shown = torch.cat([part.shown for part in parts])
        counts = [count for part in parts for count in part.counts]
        starts = [0, *accumulate(counts)]
        places = torch.tensor(
            [k for row in order for k in range(starts[row], starts[row + 1])],
            dtype=torch.long,
        )
        rows = torch.tensor(order, dtype=torch.long)
        return cls(
            objects[rows.to(objects.device)],
            keypoints[places.to(objects.device)],
            [counts[row] for row in order],
            shown[places],
        )


class BasePromptEncoder(BaseModule, metaclass=ABCMeta):
    """Encodes prompts; the model never learns which kind of prompt it was.

    Args:
        embed_dims: D, the length of the embeddings.
        init_cfg: See ``mmengine.model.BaseModule``.
    """

    def __init__(
        self,
        embed_dims: int,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.embed_dims = embed_dims

    @abstractmethod
    def forward(self, prompts: list[KeypointPrompt]) -> EncodedPrompts:
        """Encode B prompts; see :class:`EncodedPrompts`."""


def require_modality(prompt: KeypointPrompt, modality: str) -> None:
    """Refuse prompts that an encoder of one modality would misread.

    Raises:
        ValueError: If a category is asked for in another way.
    """
    for name, given in zip(prompt.names, prompt.modalities):
        if given != modality:
            raise ValueError(
                f'Category {name!r} has the modality {given!r}, but this '
                f'model takes {modality!r} prompts only; ask for it that '
                'way, or use a model with a MultiModalPromptEncoder.'
            )
