# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Matching of features behind ``AnyKeypointInferencer``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.registry import INFERENCERS, MODELS
from mmpose.structures import PoseDataSample
from torch import nn

from projects.common.apis.base_backend import InferenceBackend, PreparedPrompt
from projects.common.apis.inferencer import AnyKeypointInferencer
from projects.common.prompt_files import PromptDescription
from projects.common.prompt_files.example import CONTEXT, Example
from projects.common.structures import (
    KeypointCategory,
    KeypointPrompt,
    SupportShot,
    crop_square,
)
from projects.common.utils.checkpoints import check_compatible

# As in EpisodeDataset, by which the methods are measured.
_SHOT_SIZE = 224
_QUERY_SIZE = 256


@dataclass(frozen=True)
class _Shown:
    shots: Sequence[SupportShot]
    bboxes: np.ndarray  # (S, 4) xyxy, pixels of the shots


@dataclass(frozen=True)
class _Crop:
    image: np.ndarray  # (size, size, 3) uint8 BGR
    to_crop: np.ndarray  # (2, 3), takes pixels of the picture to the crop's
    bbox: np.ndarray | None  # (4,) xyxy, pixels of the crop; None: unknown


@dataclass(frozen=True)
class _Picture:
    shape: tuple[int, int]  # height, width
    crops: Sequence[_Crop]
    bboxes: np.ndarray  # (N, 4) xyxy, pixels of the picture
    scores: np.ndarray | None  # (N,); None: the mean of the keypoints'


@INFERENCERS.register_module()
class FeatureMatchingBackend(InferenceBackend):
    """Asks :class:`FeatureMatching` for one category, which examples show.

    One object is looked for

    * in each box, with score 1, as whoever gives a box says that there is
      one;
    * without boxes, where the config's ``detector.find`` asks for objects in
      words, in each box that the model ``detector.model`` of the model index
      finds with at least ``detector.score_thr`` (None: as that model's
      training found best), with that score;
    * else in the whole picture, by similarity alone, as the layout prior
      needs a box. The score is the mean of the keypoints'.
    """

    def build(self, weights: str | None) -> nn.Module:
        """See the parent."""
        self._detector = None
        detector = self.cfg.get('detector')
        if detector is not None and detector.find:
            self._detector = AnyKeypointInferencer(
                detector.model, device=str(self.device)
            ).set_prompt(detector.find)
        model = MODELS.build(self.cfg.model)
        if weights is not None:
            check_compatible(model, weights)
        return model.to(self.device).eval()

    @property
    def shot_size(self) -> int:
        """See the parent."""
        return _SHOT_SIZE

    def category(self, name: str, like: str | None) -> KeypointCategory:
        """See the parent."""
        raise ValueError(
            f'{name!r} cannot be asked for in words: matching compares '
            'pictures with examples. Give a picture with its keypoints, or '
            'take a model such as xpose_tiny.'
        )

    def prepare(self, description: PromptDescription) -> PreparedPrompt:
        """See the parent."""
        prepared = super().prepare(description)
        [examples] = description.examples
        boxes = [_support_bbox(example) for example in examples]
        shown = _Shown(prepared.state, np.array(boxes))
        return replace(prepared, state=shown)

    def encode(self, prompt: KeypointPrompt) -> Sequence[SupportShot]:
        """The shots of the only category."""
        if len(prompt.categories) > 1:
            raise ValueError(
                f'The prompt asks for {len(prompt.categories)} categories '
                f'({", ".join(prompt.names)}); matching looks for one at a '
                'time.'
            )
        if prompt.modalities != ('visual',):
            raise ValueError(
                f'The category {prompt.names[0]!r} is asked for with its '
                'name; matching takes examples alone, without names.'
            )
        return prompt.supports[0]

    def load(self, path: str | os.PathLike) -> PreparedPrompt:
        """See the parent."""
        raise ValueError(_NO_SAFETENSORS.format(path))

    def save(self, path: str | os.PathLike, prompt: PreparedPrompt) -> None:
        """See the parent."""
        raise ValueError(_NO_SAFETENSORS.format(path))

    def pack(
        self,
        picture: np.ndarray,
        prompt: PreparedPrompt,
        bboxes: np.ndarray | None,
    ) -> _Picture:
        """See the parent."""
        height, width = picture.shape[:2]
        scores = None
        if bboxes is None and self._detector is not None:
            bboxes, scores = self._detect(picture)
        if bboxes is None:
            whole = np.array([[0, 0, width, height]], np.float32)
            image, matrix = crop_square(picture, whole[0], _QUERY_SIZE, 1.0)
            crops = [_Crop(image, matrix, None)]
            return _Picture((height, width), crops, whole, None)
        inside = bboxes.clip(0, [width, height] * 2).astype(np.float32)
        empty = (inside[:, :2] >= inside[:, 2:]).any(1)
        if empty.any():
            raise ValueError(
                f'The box {bboxes[empty][0].tolist()} lies outside the '
                f'picture of {width} x {height} pixels (w x h).'
            )
        crops = []
        for bbox in inside:
            image, matrix = crop_square(picture, bbox, _QUERY_SIZE, CONTEXT)
            corners = bbox.reshape(2, 2) @ matrix[:, :2].T + matrix[:, 2]
            crops.append(_Crop(image, matrix, corners.reshape(4)))
        if scores is None:
            scores = np.ones(len(inside), np.float32)
        return _Picture((height, width), crops, inside, scores)

    def _detect(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (N, 4) xyxy and scores (N,) of the objects in words."""
        [result] = self._detector(
            picture, score_thr=self.cfg.detector.score_thr
        )
        height, width = picture.shape[:2]
        boxes = np.array([one.bbox for one in result.instances], np.float32)
        boxes = boxes.reshape(-1, 4).clip(0, [width, height] * 2)
        scores = np.array([one.score for one in result.instances], np.float32)
        inside = (boxes[:, :2] < boxes[:, 2:]).all(1)
        return boxes[inside], scores[inside]

    def predict(
        self, packed: Sequence[_Picture], prompt: PreparedPrompt
    ) -> list[PoseDataSample]:
        """See the parent."""
        return [self._predict(one, prompt) for one in packed]

    def _predict(
        self, picture: _Picture, prompt: PreparedPrompt
    ) -> PoseDataSample:
        shown = torch.stack([s.visible > 0 for s in prompt.state.shots]).any(0)
        count = len(picture.crops)
        keypoints = torch.zeros(count, len(shown), 2)
        scores = torch.zeros(count, len(shown))
        with torch.no_grad(), self.autocast():
            for number, crop in enumerate(picture.crops):
                keypoints[number], scores[number] = self._match(
                    crop, prompt.state
                )
        sample = PoseDataSample(metainfo={'ori_shape': picture.shape})
        sample.prompts = KeypointPrompt.from_categories(prompt.categories)
        sample.pred_instances = InstanceData(
            bboxes=torch.from_numpy(picture.bboxes),
            labels=torch.zeros(count, dtype=torch.long),
            scores=scores[:, shown].mean(1)
            if picture.scores is None
            else torch.from_numpy(picture.scores),
            keypoints=keypoints,
            keypoint_scores=scores,
            keypoint_mask=shown.expand(count, -1),
        )
        return sample

    def _match(
        self, crop: _Crop, shown: _Shown
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keypoints (K, 2) in pixels of the picture and scores (K,)."""
        image = torch.from_numpy(crop.image.transpose(2, 0, 1).copy())
        data = {'inputs': [image], 'data_samples': None}
        inputs = self.model.data_preprocessor(data, False)['inputs']
        # Similarities of neighbours differ too little for half precision.
        [features] = self.model.features(inputs).float()
        bbox = None if crop.bbox is None else torch.from_numpy(crop.bbox)
        with torch.autocast(self.device.type, enabled=False):
            found, scores = self.model.match(
                features,
                shown.shots,
                shown.bboxes,
                bbox,
                inputs.shape[-2:],
                inputs.shape[-2:],
            )
        scale, shift = crop.to_crop[0, 0], crop.to_crop[:, 2]
        return (found - torch.from_numpy(shift)) / scale, scores


_NO_SAFETENSORS = (
    '"{}" cannot hold a prompt of matching, which keeps nothing but the '
    'examples; use a .json file.'
)


def _support_bbox(example: Example) -> np.ndarray:
    """The box (4,) xyxy of an example in pixels of its shot.

    The shot is the square of the box's longer side times CONTEXT around the
    box's centre.
    """
    bbox = np.reshape(example.cropped.bbox, (2, 2))
    extent = bbox[1] - bbox[0]
    half = extent / extent.max() * _SHOT_SIZE / CONTEXT / 2
    middle = _SHOT_SIZE / 2
    return np.concatenate([middle - half, middle + half])
