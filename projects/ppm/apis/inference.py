# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Fit prompts once, find their keypoints in pictures later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from projects.common.apis.base_backend import usable_device
from projects.common.structures import (
    KeypointCategory,
    SupportShot,
    crop_support,
)
from projects.common.utils.checkpoints import check_compatible
from projects.ppm.models import PPM, PeakDecoder
from projects.ppm.models.estimators.episodes import Episode
from projects.ppm.models.estimators.ppm import to_image
from projects.ppm.models.prompts import PromptMaps
from projects.ppm.models.prompts.fitted_prompt_file import PromptFile
from projects.ppm.pictures import to_pictures


def build_model(
    config: Config, checkpoint: str | None = None, device: str = 'cpu'
) -> PPM:
    """The config's model, with what CPT has learned.

    Raises:
        FileNotFoundError: If the diffusion model or the checkpoint is not
            there.
        ValueError: If something does not fit, CPT has no checkpoint, or
            there is no such device.
    """
    target = usable_device(device)
    init_default_scope(config.get('default_scope', 'mmpose'))
    model = MODELS.build(config.model)
    if checkpoint is not None:
        check_compatible(model, checkpoint)
    elif model.shared_prompt is not None:
        raise ValueError(
            'The config uses CPT, whose weights are random without a '
            'checkpoint; give --checkpoint, or a config without '
            'shared_prompt.'
        )
    return model.to(target).eval()


def fit_prompts(
    model: PPM, category: KeypointCategory, shots: Sequence[SupportShot]
) -> PromptFile:
    """Fit the prompts of a category; see ``PPM.fit``."""
    fitted = model.fit(Episode(category, tuple(shots)))
    return PromptFile.of(fitted, category, model.maps)


@dataclass(frozen=True)
class Located:
    """Keypoints of one object.

    Attributes:
        keypoints: (K, 2) xy, pixels of the given picture.
        scores: (K,); 0 for keypoints that no shot showed.
        bbox: xyxy of the object, pixels of the picture.
        crop: (size, size, 3) uint8 BGR, what the model saw.
        maps: (K, size, size).
        peaks: (K, 2) xy, pixels of the maps.
        map_box: xyxy of what the maps cover, pixels of the picture; it may
            reach beyond it.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    bbox: np.ndarray
    crop: np.ndarray
    maps: np.ndarray
    peaks: np.ndarray
    map_box: np.ndarray


def locate(
    file: PromptFile,
    maps: PromptMaps,
    decoder: PeakDecoder,
    image: np.ndarray,
    bbox: Sequence[float] | None = None,
    context: float = 1.25,
) -> Located:
    """Find the keypoints of fitted prompts in a picture.

    Args:
        file: The prompts.
        maps: What ``prompt_file.build_maps`` gives for them.
        decoder: Reads keypoints off maps.
        image: (h, w, 3) uint8 BGR.
        bbox: Box of the object, xyxy image pixels; the crop is a square
            around it. None takes the whole picture.
        context: How much larger than the box the crop is.

    Raises:
        ValueError: If picture or box is empty.
    """
    height, width = image.shape[:2]
    if bbox is None:
        bbox, context = (0, 0, width, height), 1.0
    box = np.clip(np.asarray(bbox, float), 0, [width, height] * 2)
    center = (box[:2] + box[2:]) / 2
    shot = crop_support(
        image, center[None], np.array([2.0]), box, maps.size, context
    )
    with torch.no_grad():
        found = maps.predict(to_pictures([shot]), file.fitted.contexts)[0]
        peaks, scores = decoder(found)
    side = float((box[2:] - box[:2]).max() * context)
    metainfo = {
        'input_center': center.tolist(),
        'input_scale': (side, side),
        'input_size': (maps.size, maps.size),
    }
    learned = file.fitted.learned.to(scores.device)
    return Located(
        to_image(peaks, metainfo).cpu().numpy(),
        (scores * learned).cpu().numpy(),
        box,
        shot.image.numpy().transpose(1, 2, 0),
        found.cpu().numpy(),
        peaks.cpu().numpy(),
        np.concatenate([center - side / 2, center + side / 2]),
    )
