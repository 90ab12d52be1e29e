# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""PPM behind ``AnyKeypointInferencer``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.registry import INFERENCERS
from mmpose.structures import PoseDataSample
from torch import nn

from projects.common.apis import InferenceBackend, PreparedPrompt
from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.ppm.apis.inference import Located, build_model, locate
from projects.ppm.models.estimators.episodes import Episode
from projects.ppm.models.prompts import PromptMaps
from projects.ppm.models.prompts.fitted_prompt_file import (
    PromptFile,
    build_maps,
    load_prompts,
    save_prompts,
)


@dataclass(frozen=True)
class _Fitted:
    file: PromptFile
    maps: PromptMaps  # as when they were fitted


@dataclass(frozen=True)
class _Picture:
    image: np.ndarray  # (h, w, 3) uint8 BGR
    bboxes: Sequence[np.ndarray | None]  # xyxy; None = the whole picture


@INFERENCERS.register_module()
class PPMBackend(InferenceBackend):
    """Asks PPM for one category, which examples show.

    Prompts are fitted when they are set. One object is located in each box,
    or in the whole picture where there are none; a fitted keypoint is there
    always, with a low score where its map has no peak.
    """

    gives_maps = True

    def build(self, weights: str | None) -> nn.Module:
        """See the parent."""
        return build_model(self.cfg, weights, str(self.device))

    @property
    def shot_size(self) -> int:
        """See the parent."""
        return self.model.maps.size

    def category(self, name: str, like: str | None) -> KeypointCategory:
        """See the parent."""
        raise ValueError(
            f'{name!r} cannot be asked for in words: PPM learns keypoints '
            'from examples. Give a picture with its keypoints, or take a '
            'model such as xpose_tiny.'
        )

    def encode(self, prompt: KeypointPrompt) -> _Fitted:
        """Fit the prompts of the only category."""
        episode, maps = Episode.from_prompt(prompt), self.model.maps
        fitted = self.model.fit(episode)
        return _Fitted(PromptFile.of(fitted, episode.category, maps), maps)

    def load(self, path: str | os.PathLike) -> PreparedPrompt:
        """See the parent."""
        file = load_prompts(path)
        maps = build_maps(file, self.model.diffusion)
        learned = file.fitted.learned.tolist()
        names = file.category.keypoints
        unshown = [name for name, seen in zip(names, learned) if not seen]
        return PreparedPrompt(
            (file.category,),
            _Fitted(file, maps),
            {file.category.name: unshown} if unshown else {},
        )

    def save(self, path: str | os.PathLike, prompt: PreparedPrompt) -> None:
        """See the parent."""
        save_prompts(path, prompt.state.file)

    def pack(
        self,
        picture: np.ndarray,
        prompt: PreparedPrompt,
        bboxes: np.ndarray | None,
    ) -> _Picture:
        """See the parent."""
        if bboxes is None:
            return _Picture(picture, [None])
        height, width = picture.shape[:2]
        outside = (bboxes[:, :2] >= (width, height)).any(1) | (
            bboxes[:, 2:] <= 0
        ).any(1)
        if outside.any():
            raise ValueError(
                f'The box {bboxes[outside][0].tolist()} lies outside the '
                f'picture of {width} x {height} pixels (w x h).'
            )
        return _Picture(picture, list(bboxes))

    def predict(
        self, packed: Sequence[_Picture], prompt: PreparedPrompt
    ) -> list[PoseDataSample]:
        """See the parent."""
        return [self._predict(one, prompt) for one in packed]

    def _predict(
        self, picture: _Picture, prompt: PreparedPrompt
    ) -> PoseDataSample:
        file, maps = prompt.state.file, prompt.state.maps
        with self.autocast():
            found = [
                locate(file, maps, self.model.decoder, picture.image, bbox)
                for bbox in picture.bboxes
            ]
        sample = PoseDataSample(
            metainfo={'ori_shape': picture.image.shape[:2]}
        )
        sample.prompts = KeypointPrompt.from_categories(prompt.categories)
        sample.pred_instances = _instances(
            found, file.fitted.learned.cpu(), maps.size
        )
        return sample


def _instances(
    found: Sequence[Located], learned: torch.Tensor, size: int
) -> InstanceData:
    """Objects (M); the score is the mean of the fitted keypoints' scores."""
    count, shape = len(found), (len(found), len(learned))
    scores = np.reshape([one.scores for one in found], shape)
    fitted = learned.numpy()
    return InstanceData(
        bboxes=torch.tensor(
            np.reshape([one.bbox for one in found], (count, 4)),
            dtype=torch.float32,
        ),
        labels=torch.zeros(count, dtype=torch.long),
        scores=torch.tensor(scores[:, fitted].mean(1), dtype=torch.float32),
        keypoints=torch.tensor(
            np.reshape([one.keypoints for one in found], (*shape, 2)),
            dtype=torch.float32,
        ),
        keypoint_scores=torch.tensor(scores, dtype=torch.float32),
        keypoint_mask=learned.expand(shape),
        maps=torch.tensor(
            np.reshape([one.maps for one in found], (*shape, size, size))
        ),
        map_boxes=torch.tensor(
            np.reshape([one.map_box for one in found], (count, 4))
        ),
    )
