# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Asking for the same things in other words."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from projects.common.structures import KeypointPrompt


@TRANSFORMS.register_module()
class RenamePrompt(BaseTransform):
    """Ask for categories and keypoints in other words.

    Measures how far a model understands words that it was not trained with.
    It stands behind ``SamplePromptCategories``, or the ground truth would
    not find its categories.

    Required keys: ``prompts``, a prompt by text.

    Args:
        categories: Names of categories and what to call them instead.
            Names that no prompt holds are ignored.
        keypoints: Words, or several in a row, of names of keypoints and
            what to write instead. They are sought from left to right, the
            longest first.

    Raises:
        ValueError: While transforming, if two categories or two keypoints of
            a category would have one name.
    """

    def __init__(
        self, categories: Mapping[str, str], keypoints: Mapping[str, str]
    ) -> None:
        self.categories = dict(categories)
        self.keypoints = dict(keypoints)
        longest = sorted(self.keypoints, key=len, reverse=True)
        words = '|'.join(map(re.escape, longest))
        self._words = re.compile(rf'\b({words})\b' if words else '(?!)')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace the prompt."""
        prompt = results['prompts']
        results['prompts'] = KeypointPrompt.from_categories(
            [
                dataclasses.replace(
                    category,
                    name=self.categories.get(category.name, category.name),
                    keypoints=tuple(map(self._rename, category.keypoints)),
                )
                for category in prompt.categories
            ],
            prompt.style,
        )
        return results

    def _rename(self, name: str) -> str:
        return self._words.sub(lambda found: self.keypoints[found[1]], name)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(categories={self.categories}, '
            f'keypoints={self.keypoints})'
        )
