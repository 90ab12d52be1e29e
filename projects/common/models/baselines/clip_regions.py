# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Plain CLIP on cuts around annotated objects and keypoints.

Dims: B pictures, N objects, K keypoints, D channels, S side of a cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import resized_crop


@MODELS.register_module()
class CLIPRegions(BaseModel):
    """CLIP's embeddings of annotated regions and of their names.

    What :class:`PromptAlignment` compares X-Pose with. An object's region is
    the square around the middle of its box whose side is the box's longer
    side; a keypoint's is a square around the keypoint with a share of that
    side. What lies outside the picture is grey (CLIP's mean colour).

    Args:
        text: Config of a :class:`TextPromptEncoder`.
        image: Config of an :class:`OpenCLIPImageTower` of the same CLIP.
        keypoint_share: Side of a keypoint's square over the object's.
        batch_size: Number of cuts in one pass.
        data_preprocessor: One that normalises as the image tower does.
    """

    def __init__(
        self,
        text: dict[str, Any],
        image: dict[str, Any],
        keypoint_share: float = 0.25,
        batch_size: int = 256,
        data_preprocessor: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor)
        self.text = MODELS.build(text)
        self.image = MODELS.build(image)
        # Nothing is trained, so nobody else would.
        self.image.init_weights()
        self.keypoint_share = keypoint_share
        self.batch_size = batch_size

    @torch.no_grad()
    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[PoseDataSample],
        mode: str = 'predict',
    ) -> list[PoseDataSample]:
        """Set ``pred_instances`` as :class:`PromptAlignment` takes them.

        Args:
            inputs: (B, 3, H, W) normalised, padded.
            data_samples: With ``prompts`` (text) and ``gt_instances``.
            mode: 'predict'.

        Raises:
            ValueError: In another mode; there is nothing to train.
        """
        if mode != 'predict':
            raise ValueError(
                f'CLIPRegions has nothing to train and knows no mode '
                f'{mode!r}; run it with tools/test.py.'
            )
        prompts = self.text([sample.prompts for sample in data_samples])
        for index, sample in enumerate(data_samples):
            truth = sample.gt_instances
            keypoints = self._keypoint_embeddings(inputs[index], sample)
            count = keypoints.shape[1]
            own = prompts.keypoint_embeddings[index][truth.labels, :count]
            sample.pred_instances = InstanceData(
                labels=truth.labels,
                found=torch.ones_like(truth.labels, dtype=torch.bool),
                embeddings=self._embed(
                    inputs[index], sample, object_squares(truth.bboxes)
                ),
                prompts=prompts.object_embeddings[index][truth.labels],
                keypoint_embeddings=keypoints,
                keypoint_prompts=own,
            )
        return list(data_samples)

    def _keypoint_embeddings(
        self, image: Tensor, sample: PoseDataSample
    ) -> Tensor:
        """(N, K, D), zeros where not labelled; K as the picture's prompt."""
        truth = sample.gt_instances
        count = max(c.num_keypoints for c in sample.prompts.categories)
        shown = truth.keypoints_visible[:, :count] > 0
        squares = keypoint_squares(
            truth.bboxes, truth.keypoints[:, :count], self.keypoint_share
        )
        result = image.new_zeros(*shown.shape, self.image.embed_dims)
        result[shown] = self._embed(image, sample, squares[shown])
        return result

    def _embed(
        self, image: Tensor, sample: PoseDataSample, squares: Tensor
    ) -> Tensor:
        """Embeddings (n, D) of squares (n, 4) xyxy of a picture."""
        size = self.image.image_size
        height, width = sample.img_shape
        parts = [image.new_zeros(0, self.image.embed_dims)]
        for some in squares.split(self.batch_size):
            if len(some):
                # Padding is cut away first: outside is outside.
                cuts = cut_squares(image[:, :height, :width], some, size)
                points = cuts.new_zeros(len(cuts), 0, 2)
                seen = torch.zeros(len(cuts), 0, dtype=torch.bool)
                parts.append(self.image(cuts, points, seen.to(cuts.device))[0])
        return torch.cat(parts)


def object_squares(boxes: Tensor) -> Tensor:
    """Squares (N, 4) around boxes (N, 4) xyxy, of their longer side."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).amax(-1, keepdim=True) / 2
    return torch.cat([middle - half, middle + half], -1)


def keypoint_squares(boxes: Tensor, keypoints: Tensor, share: float) -> Tensor:
    """Squares (N, K, 4) around keypoints (N, K, 2) of objects (N, 4)."""
    sides = (boxes[:, 2:] - boxes[:, :2]).amax(-1)
    half = (share * sides / 2)[:, None, None]
    # A keypoint is the middle of a pixel, edges of boxes are between them.
    middle = keypoints + 0.5
    return torch.cat([middle - half, middle + half], -1)


def cut_squares(image: Tensor, squares: Tensor, size: int) -> Tensor:
    """Cut squares (n, 4) xyxy out of a picture (3, H, W): (n, 3, S, S).

    They are rounded to whole pixels, at least one, and resized as CLIP's own
    pictures are; outside of the picture is zero.
    """
    cuts = []
    for x, y, right, below in squares.round().long().tolist():
        width, height = max(right - x, 1), max(below - y, 1)
        cuts.append(
            resized_crop(
                image,
                *(y, x, height, width),
                [size, size],
                InterpolationMode.BICUBIC,
                antialias=True,
            )
        )
    return torch.stack(cuts)
