# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What keypoints of all categories have in common: CPT of the PPM paper."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from mmpose.registry import DATASETS, MODELS
from torch import Tensor, nn

from projects.common.structures import KeypointCategory


@MODELS.register_module()
class CategorySharedPrompt(nn.Module):
    """Shared prompt, specific prompts of the base keypoints, and the MLP.

    Eq. 5: the context of keypoint k is MLP([shared, P^k]). After training,
    the P^k are of no use: published checkpoints have none, and a module
    without base keypoints leaves them out.

    Args:
        embed_dims: c of the diffusion model.
        base_keypoints: For training: names of the base categories and their
            numbers of keypoints, or the annotation file that lists them.
            Where there is no such file, the module can be tested only.
        base_categories: Only these categories of the file.
        base_dataset: Type of the data set that reads the file in training,
            since that decides what categories and keypoints are called.
        hidden_dims: Width of the MLP's hidden layer, c by default; the paper
            does not say.
        init_std: Standard deviation of the prompts at the start.

    Raises:
        ValueError: If the file is faulty, lacks a category that is asked
            for, or there is no such type of data set.
    """

    def __init__(
        self,
        embed_dims: int,
        base_keypoints: Mapping[str, int] | str | None = None,
        base_categories: Sequence[str] | None = None,
        base_dataset: str = 'PromptCocoDataset',
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
        self._missing_file: str | None = None
        if isinstance(base_keypoints, str):
            path, base_keypoints = base_keypoints, None
            if Path(path).is_file():
                base_keypoints = _read_keypoints(
                    path, base_dataset, base_categories
                )
            else:
                self._missing_file = path
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

    def check_base(self) -> None:
        """Make sure that there are base keypoints to train on.

        Raises:
            FileNotFoundError: If the file that lists them does not exist.
            ValueError: If none were asked for.
        """
        if self._missing_file is not None:
            raise FileNotFoundError(
                f'The base categories of CPT are read from '
                f'"{self._missing_file}", which does not exist; give the '
                'annotation file of the base categories.'
            )
        if self.base is None:
            raise ValueError(
                'There is nothing to train: shared_prompt has no '
                'base_keypoints; name the annotation file of the base '
                'categories, or use tools/test.py.'
            )

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
        key = f'{prefix}base'
        if self.base is None:
            state_dict.pop(key, None)
        elif key not in state_dict:
            print_log(
                'The checkpoint holds no prompts of the base keypoints, like '
                'all that are published: a test needs none, a training '
                'learns them anew.',
                'current',
            )
            state_dict[key] = self.base.detach()
        super()._load_from_state_dict(state_dict, prefix, *args)


def _read_keypoints(
    path: str, dataset: str, names: Sequence[str] | None
) -> dict[str, int]:
    """Names and numbers of keypoints, as the data set gives them."""
    kind = DATASETS.get(dataset)
    if kind is None:
        raise ValueError(
            f'base_dataset is {dataset!r}, which is no data set; give the '
            'type that the training reads, such as "PromptCocoDataset".'
        )
    return {
        category.name: category.num_keypoints
        for category in kind.file_type(path, names).categories
    }
