# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Choosing the categories that a picture is asked for."""

# Workers of a data loader are seeded through numpy's global state.
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS

from projects.common.datasets.transforms.geometry import keep_instances
from projects.common.structures import KeypointPrompt

_MODES = ('train', 'all', 'present', 'listed')


@TRANSFORMS.register_module()
class SamplePromptCategories(BaseTransform):
    """Set ``results['prompts']`` and make ``gt_labels`` index it.

    In training, negative categories (asked for, not in the picture) teach
    the model to say no (X-Pose, section 4).

    Required keys: ``categories``, ``gt_labels``; ``style`` if present, and
    ``never_negative``, labels that may be in the picture without being in
    ``gt_labels``: they are no negatives. Where the caller has set
    ``prompts`` already they stay: ground truth of other categories is
    dropped then, and without ground truth nothing is done.

    Args:
        mode: 'train': the categories of the picture and random negatives in
            random order; 'all': the whole vocabulary in its order;
            'present': the categories of the picture in the vocabulary's
            order, or its first category for a picture without objects;
            'listed': these and others, always the same for a picture, until
            ``num_listed`` are listed, in the vocabulary's order.
        num_listed: For 'listed', at least 1. A picture of more categories
            lists all of its own.
        num_negatives: Smallest and largest number of negatives, for 'train'.
            There are fewer where the vocabulary ends, and at least one in a
            picture without objects.
        style_prob: Probability that the prompt names the picture's style.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        mode: str = 'train',
        num_negatives: tuple[int, int] = (0, 0),
        style_prob: float = 0.0,
        num_listed: int = 1,
    ) -> None:
        if mode not in _MODES:
            raise ValueError(
                f'SamplePromptCategories: mode is {mode!r}; choose one of '
                f'{", ".join(map(repr, _MODES))}.'
            )
        low, high = num_negatives
        if not 0 <= low <= high:
            raise ValueError(
                'SamplePromptCategories: num_negatives is '
                f'{tuple(num_negatives)}; give (smallest, largest) with '
                '0 <= smallest <= largest.'
            )
        if not 0 <= style_prob <= 1:
            raise ValueError(
                f'SamplePromptCategories: style_prob is {style_prob}; it '
                'must be between 0 and 1.'
            )
        if num_listed < 1:
            raise ValueError(
                f'SamplePromptCategories: num_listed is {num_listed}; give '
                'at least 1.'
            )
        self.mode = mode
        self.num_listed = num_listed
        self.num_negatives = (low, high)
        self.style_prob = style_prob

    @cache_randomness
    def _random_labels(
        self,
        present: Sequence[int],
        num_categories: int,
        never_negative: Sequence[int],
    ) -> list[int]:
        """Draw the vocabulary indices of a training prompt, shuffled."""
        low, high = self.num_negatives
        absent = np.setdiff1d(
            np.arange(num_categories), [*present, *never_negative]
        )
        count = np.random.randint(low, high + 1)
        if len(present) == 0:
            count = max(count, 1)
        count = min(count, len(absent))
        negatives = np.random.choice(absent, count, replace=False)
        chosen = np.concatenate([present, negatives]).astype(int)
        return np.random.permutation(chosen).tolist()

    @cache_randomness
    def _use_style(self) -> bool:
        return np.random.rand() < self.style_prob

    def _choose(self, results: dict[str, Any]) -> list[int]:
        count = len(results['categories'])
        present = np.unique(results['gt_labels'])
        if self.mode == 'train':
            unsure = results.get('never_negative', ())
            return self._random_labels(present, count, unsure)
        if self.mode == 'present':
            return present.tolist() or [0]
        if self.mode == 'listed':
            rng = np.random.default_rng(int(results['img_id']))
            absent = rng.permutation(np.setdiff1d(np.arange(count), present))
            left = max(self.num_listed - len(present), 0)
            return sorted([*present.tolist(), *absent[:left].tolist()])
        return list(range(count))

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Choose the prompt and re-index the labels."""
        if 'gt_labels' not in results and 'prompts' in results:
            return results
        categories = results['categories']
        if 'prompts' not in results:
            style = results.get('style') if self._use_style() else None
            results['prompts'] = KeypointPrompt.from_categories(
                [categories[i] for i in self._choose(results)], style
            )
        position = {n: i for i, n in enumerate(results['prompts'].names)}
        new_label = np.array([position.get(c.name, -1) for c in categories])
        results['gt_labels'] = new_label[results['gt_labels']]
        keep_instances(results, results['gt_labels'] >= 0)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(mode={self.mode!r}, '
            f'num_negatives={self.num_negatives}, '
            f'style_prob={self.style_prob}, num_listed={self.num_listed})'
        )
