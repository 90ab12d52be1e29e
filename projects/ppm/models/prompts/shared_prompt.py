# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What keypoints of all categories have in common: CPT of the PPM paper."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from projects.common.structures import KeypointCategory


@MODELS.register_module()
class CategorySharedPrompt(nn.Module):
    """Shared prompt, specific prompts of the base keypoints, and the MLP.

    Eq. 5: the context of keypoint k is MLP([shared, P^k]). After training,
    the P^k are of no use: a module without base keypoints loads a checkpoint
    and leaves them out.

    Args:
        embed_dims: c of the diffusion model.
        base_keypoints: For training: names of the base categories and their
            numbers of keypoints, or a COCO-style json that lists them.
        base_categories: Only these categories of the json.
        hidden_dims: Width of the MLP's hidden layer, c by default; the paper
            does not say.
        init_std: Standard deviation of the prompts at the start.

    Raises:
        FileNotFoundError: If there is no such json.
        ValueError: If it names no category.
    """

    def __init__(
        self,
        embed_dims: int,
        base_keypoints: Mapping[str, int] | str | None = None,
        base_categories: Sequence[str] | None = None,
        hidden_dims: int | None = None,
        init_std: float = 0.02,
    ) -> None:
        super().__init__()
        hidden_dims = hidden_dims or embed_dims
        self.embed_dims = embed_dims
        self.shared = nn.Parameter(torch.randn(embed_dims) * init_std)
        self.mlp = nn.Sequential(
            nn.Linear(2 * embed_dims, hidden_dims),
            nn.ReLU(),
            nn.Linear(hidden_dims, embed_dims),
        )
        if isinstance(base_keypoints, str):
            base_keypoints = _read_keypoints(base_keypoints, base_categories)
        self.base_keypoints = dict(base_keypoints or {})
        self._offsets = {}
        total = 0
        for name, count in self.base_keypoints.items():
            self._offsets[name] = total
            total += count
        self.base: nn.Parameter | None = None
        if total:
            self.base = nn.Parameter(torch.randn(total, embed_dims) * init_std)

    def forward(self, prompts: Tensor) -> Tensor:
        """Contexts (N, c) of specific prompts (N, c), Eq. 5."""
        shared = self.shared.expand(len(prompts), -1)
        return self.mlp(torch.cat([shared, prompts], -1))

    def base_prompts(self, category: KeypointCategory) -> Tensor:
        """Specific prompts P^k (K, c) of a base category.

        Raises:
            ValueError: If it is none, or has another number of keypoints.
        """
        name, count = category.name, category.num_keypoints
        if self.base_keypoints.get(name) != count:
            known = self.base_keypoints.get(name)
            problem = (
                f'has {known} keypoints among the base categories'
                if known
                else 'is no base category'
            )
            close = difflib.get_close_matches(name, self.base_keypoints, n=1)
            hint = f'; did you mean {close[0]!r}?' if close else '.'
            raise ValueError(
                f'Category {name!r} with {count} keypoints {problem}; '
                'base_keypoints must list the categories that CPT is trained '
                f'on{hint if not known else "."}'
            )
        start = self._offsets[name]
        return self.base[start : start + count]

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any
    ) -> None:
        if self.base is None:
            state_dict.pop(f'{prefix}base', None)
        super()._load_from_state_dict(state_dict, prefix, *args)


def _read_keypoints(path: str, names: Sequence[str] | None) -> dict[str, int]:
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'The base categories of CPT are read from "{path}", which does '
            'not exist; give the annotation file of the base categories.'
        )
    with open(path, encoding='utf-8') as file:
        records = json.load(file).get('categories', [])
    found = {
        record['name']: KeypointCategory.from_coco(record).num_keypoints
        for record in records
        if record.get('keypoints')
    }
    unknown = [name for name in names or () if name not in found]
    if unknown or not found:
        raise ValueError(
            f'"{path}" has no category {", ".join(map(repr, unknown))} with '
            f'keypoints; it has {", ".join(found) or "none at all"}.'
        )
    return {name: found[name] for name in names or found}
