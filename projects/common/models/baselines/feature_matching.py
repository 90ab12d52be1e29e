# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Nearest neighbours of frozen features."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.nn import functional as F

from projects.common.models.baselines.base import EpisodeBaseline
from projects.common.models.baselines.layout_prior import (
    LayoutPrior,
    places_in_box,
)
from projects.common.structures import SupportShot

_CACHED_SHOTS = 64
# Makes similarities log-likelihoods, up to a constant.
_SHARPNESS = 20.0
# How far from the truth a keypoint is found, over the box's longer side.
_NEAR = 0.1


@MODELS.register_module()
class FeatureMatching(EpisodeBaseline):
    """Each keypoint where the query looks most like it in the supports.

    The levels of the backbone are normalised, brought to one size and
    joined. A keypoint's feature is read at its place in each shot that shows
    it and averaged; the prediction is the place of the largest cosine
    similarity in the query's map, the score that similarity, at least 0. A
    keypoint that no shot shows is put into the middle of the query, with
    score 0.

    With a layout prior the largest sum of 20 x similarity and logarithm of
    the prior decides, a Gaussian around the keypoint's place in the supports,
    in units of the query's box. The score is the similarity there, or with
    ``calibration`` the probability that the keypoint is found (PCK@0.1): p is
    the share of the likelihood, whose logarithm that sum is, that lies within
    0.1 of the box's longer side around the place; the score is
    sigmoid(slope x logit(p) + offset).

    A shot is encoded once, however many queries ask for it.

    Args:
        backbone: Config of a backbone; it is frozen, and its
            ``init_weights`` is called right away, as nothing else loads
            weights for a test.
        stride: Input pixels per cell of the joined map.
        data_preprocessor: Config; supports go through it as well.
        layout_prior: Width of the prior, see :class:`LayoutPrior`; None is
            no prior. A wider prior decides less; similarities have no other
            weight.
        calibration: (slope, offset), see above; fitted by
            tools/analysis_tools/calibrate_matching.py.

    Raises:
        ModuleNotFoundError: If the backbone's weights are not installed.
        ValueError: If the width of the prior is none.
    """

    def __init__(
        self,
        backbone: ConfigDict,
        stride: int = 4,
        data_preprocessor: ConfigDict | None = None,
        layout_prior: float | str | None = None,
        calibration: Sequence[float] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.layout_prior = (
            None if layout_prior is None else LayoutPrior(layout_prior)
        )
        self.backbone = MODELS.build(backbone)
        self.backbone.init_weights()
        self.backbone.requires_grad_(False).eval()
        self.stride = stride
        self.calibration = calibration
        self._encoded: OrderedDict[str, Tensor] = OrderedDict()

    @torch.no_grad()
    def locate(
        self, inputs: Tensor, data_samples: Sequence[PoseDataSample]
    ) -> list[tuple[Tensor, Tensor]]:
        """See the base class."""
        maps = self.features(inputs)
        return [
            self.match(
                features,
                sample.prompts.supports[0],
                # Asked for where they are needed: others have no episode.
                self.layout_prior and sample.episode.support_bboxes,
                sample.gt_instances.bboxes[0],
                inputs.shape[-2:],
                sample.img_shape,
            )
            for features, sample in zip(maps, data_samples)
        ]

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D, H / stride, W / stride), unit length."""
        size = [-(-side // self.stride) for side in images.shape[-2:]]
        levels = [
            F.interpolate(
                F.normalize(level, dim=1),
                size,
                mode='bilinear',
                align_corners=False,
            )
            for level in self.backbone(images)
        ]
        return F.normalize(torch.cat(levels, 1), dim=1)

    def _encode(self, shots: Sequence[SupportShot]) -> Tensor:
        """Features (S, K, D) at the keypoints; those of new shots are kept."""
        for shot in shots:
            if shot.key in self._encoded:
                continue
            # One by one: shots may differ in size, results may not depend
            # on what else is in the batch.
            data = {'inputs': [shot.image], 'data_samples': None}
            images = self.data_preprocessor(data, False)['inputs']
            features = self.features(images)
            # Pixel centres are whole numbers, -1 and 1 the picture's edges.
            size = images.new_tensor([images.shape[-1], images.shape[-2]])
            grid = (shot.keypoints.to(images) + 0.5) / size * 2 - 1
            sampled = F.grid_sample(
                features,
                grid[None, None],
                mode='bilinear',
                padding_mode='border',
                align_corners=False,
            )
            self._encoded[shot.key] = sampled[0, :, 0].T
        needed = {shot.key for shot in shots}
        for key in list(self._encoded):
            if len(self._encoded) <= _CACHED_SHOTS:
                break
            if key not in needed:
                del self._encoded[key]
        return torch.stack([self._encoded[shot.key] for shot in shots])

    @torch.no_grad()
    def match(
        self,
        features: Tensor,
        shots: Sequence[SupportShot],
        support_bboxes: np.ndarray | None,
        bbox: Tensor | None,
        input_shape: Sequence[int],
        img_shape: Sequence[int],
    ) -> tuple[Tensor, Tensor]:
        """Find the keypoints of shots in one query.

        Args:
            features: (D, h, w) of the query, see :meth:`features`.
            shots: S examples.
            support_bboxes: (S, 4) xyxy, their boxes in pixels of the shots;
                used by the layout prior alone.
            bbox: (4,) xyxy of the query in input pixels; None, where it is
                not known, is no prior.
            input_shape: (height, width) of the input in pixels.
            img_shape: The same without padding.

        Returns:
            tuple: Keypoints (K, 2) in input pixels and scores (K,).
        """
        encoded = self._encode(shots)
        shown = torch.stack([s.visible > 0 for s in shots]).to(features)
        mean = F.normalize((encoded * shown[..., None]).sum(0), dim=-1)
        similarity = torch.einsum('kd,dhw->khw', mean, features)
        # Nothing is to be found in the padding of a batch.
        rows, columns = img_shape
        points = _cell_centres(features, input_shape)
        padding = (points > points.new_tensor([columns, rows]) - 0.5).any(-1)
        similarity[:, padding] = -2
        evidence = _SHARPNESS * similarity
        evidence[:, padding] = -torch.inf
        if self.layout_prior is not None and bbox is not None:
            boxes = torch.as_tensor(support_bboxes).to(features)
            keypoints = torch.stack([s.keypoints for s in shots])
            evidence += self.layout_prior(
                places_in_box(keypoints.to(features), boxes),
                shown,
                places_in_box(points, bbox.to(features)),
            )
        index = evidence.flatten(1).argmax(1)
        found = points.flatten(0, 1)[index]
        if self.calibration is None:
            best = similarity.flatten(1).gather(1, index[:, None])[:, 0]
            scores = best.clamp(min=0)
        else:
            side = max(img_shape) if bbox is None else _longer_side(bbox)
            share = _share_near(evidence, points, found, _NEAR * side)
            slope, offset = self.calibration
            scores = (slope * share.logit(eps=1e-6) + offset).sigmoid()
        seen = shown.sum(0) > 0
        middle = features.new_tensor([columns, rows]) / 2
        found = torch.where(seen[:, None], found, middle)
        return found.cpu(), (scores * seen).cpu()


def _longer_side(bbox: Tensor) -> float:
    """Of a box (4,) xyxy."""
    return float((bbox[2:] - bbox[:2]).max())


def _share_near(
    evidence: Tensor, points: Tensor, places: Tensor, radius: float
) -> Tensor:
    """Share (K,) of exp(evidence) (K, h, w) within a radius of places.

    Args:
        evidence: (K, h, w) log-likelihoods.
        points: (h, w, 2) xy of the cells, input pixels.
        places: (K, 2) xy, input pixels.
        radius: In input pixels.
    """
    likelihood = evidence.flatten(1).softmax(1)
    distance = torch.cdist(places, points.flatten(0, 1))
    return (likelihood * (distance < radius)).sum(1)


def _cell_centres(maps: Tensor, input_shape: Sequence[int]) -> Tensor:
    """(h, w, 2) xy of the cells of maps (..., h, w), input pixels."""
    y, x = (
        (torch.arange(cells).to(maps) + 0.5) * (side / cells) - 0.5
        for cells, side in zip(maps.shape[-2:], input_shape)
    )
    return torch.stack(torch.meshgrid(x, y, indexing='xy'), -1)
