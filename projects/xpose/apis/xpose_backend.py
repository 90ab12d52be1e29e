# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""X-Pose behind ``AnyKeypointInferencer``."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmpose.registry import INFERENCERS
from mmpose.structures import PoseDataSample
from torch import nn

from projects.common.apis import InferenceBackend, PreparedPrompt
from projects.common.models.prompt_encoders import EncodedPrompts
from projects.common.prompt_files import (
    EncodedPromptFile,
    load_encoded,
    load_prompt,
    model_hash,
    save_encoded,
)
from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.common.utils.paths import find_shipped
from projects.xpose.prompts import predefined_category

from .inference import (
    encode_prompt,
    init_model,
    pack_picture,
    predict_encoded,
    prediction_pipeline,
)
from .supports import shot_size


@INFERENCERS.register_module()
class XPoseBackend(InferenceBackend):
    """Asks X-Pose; prompts are encoded once.

    The categories that the model was trained with, those of the checkpoint or
    else of the config's ``default_prompt`` (a prompt file), are known before
    those of the predefined sets. Where both know a word, a warning says which
    of the two is meant.
    """

    def build(self, weights: str | None) -> nn.Module:
        """See the parent."""
        self._pipeline = prediction_pipeline(self.cfg)
        known, path = self.learnt.categories, self.cfg.get('default_prompt')
        if not known and path:
            known = load_prompt(find_shipped(path)).categories
        self._known = {c.name.lower(): c for c in known}
        return init_model(self.cfg, weights, self.device)

    @property
    def shot_size(self) -> int:
        """See the parent."""
        return shot_size(self.model)

    def category(self, name: str, like: str | None) -> KeypointCategory:
        """See the parent."""
        known = self._known.get((like or name).lower())
        if known is None:
            return predefined_category(name, like)
        _tell_of_another(known, like or name)
        return replace(known, name=name)

    def encode(self, prompt: KeypointPrompt) -> EncodedPrompts:
        """See the parent."""
        return encode_prompt(self.model, prompt)

    def load(self, path: str | os.PathLike) -> PreparedPrompt:
        """See the parent."""
        file = load_encoded(path)
        file.check_model(model_hash(self.model))
        shown = file.encoded.keypoint_mask[0].tolist()
        not_shown = {
            c.name: [k for k, seen in zip(c.keypoints, row) if not seen]
            for c, row in zip(file.categories, shown)
        }
        return PreparedPrompt(
            file.categories,
            file.encoded.to(self.device),
            {name: some for name, some in not_shown.items() if some},
        )

    def save(self, path: str | os.PathLike, prompt: PreparedPrompt) -> None:
        """See the parent."""
        save_encoded(
            path,
            EncodedPromptFile(
                prompt.categories,
                prompt.state,
                model_hash(self.model),
                type(self.model).__name__,
            ),
        )

    def pack(
        self,
        picture: np.ndarray,
        prompt: PreparedPrompt,
        bboxes: np.ndarray | None,
    ) -> dict[str, Any]:
        """See the parent."""
        if bboxes is not None:
            raise ValueError(
                'X-Pose finds the objects itself; leave the boxes out.'
            )
        return pack_picture(
            self._pipeline,
            picture,
            KeypointPrompt.from_categories(prompt.categories),
        )

    def predict(
        self, packed: Sequence[dict[str, Any]], prompt: PreparedPrompt
    ) -> list[PoseDataSample]:
        """See the parent."""
        with self.autocast():
            return predict_encoded(self.model, packed, prompt.state)


def _tell_of_another(known: KeypointCategory, word: str) -> None:
    """Warn that a word also names keypoints of the predefined sets."""
    try:
        other = predefined_category(word)
    except ValueError:
        return
    if other.keypoints != known.keypoints:
        print_log(
            f'"{word}" is taken for the {known.num_keypoints} keypoints that '
            f'this model was trained with ({_listed(known)}), not for the '
            f'{other.num_keypoints} predefined ones ({_listed(other)}); name '
            'keypoints to ask for others.',
            logger='current',
            level=logging.WARNING,
        )


def _listed(category: KeypointCategory) -> str:
    names = category.keypoints
    return ', '.join(names[:3]) + ', ...' * (len(names) > 3)
