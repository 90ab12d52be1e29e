# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The prompt of callers that bring none."""

from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from projects.common.prompt_files import load_prompt
from projects.common.utils.paths import find_shipped


@TRANSFORMS.register_module()
class DefaultPrompt(BaseTransform):
    """Ask for what a prompt file names where nothing else is asked for.

    mmpose's inferencers and ``inference_bottomup`` bring neither prompt nor
    ground truth; pictures that have either are left as they are. Put it in
    front of ``SamplePromptCategories``.

    Args:
        prompt: Prompt file (.json) that asks in words; a relative path is
            taken from the current folder or from the folder of ``configs``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no prompt file, or asks by example.
    """

    def __init__(self, prompt: str) -> None:
        description = load_prompt(find_shipped(prompt))
        if description.has_examples:
            raise ValueError(
                f'DefaultPrompt: "{prompt}" asks by example; give a file '
                'that asks in words, or use AnyKeypointInferencer.'
            )
        self.path = prompt
        self.prompt = description.prompt()

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Set ``prompts`` if there are none."""
        if 'gt_labels' not in results and 'prompts' not in results:
            results['prompts'] = self.prompt.clone()
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prompt={self.path!r})'
