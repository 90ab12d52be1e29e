# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Load a model and ask it for keypoints."""

import os
from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import nn

import projects.xpose  # noqa: F401  registers what configs name
from projects.common.checkpoints import check_compatible
from projects.common.pictures import read_picture
from projects.common.structures import KeypointPrompt

from .supports import Image

#: Transforms that write the prompt, which the caller brings along.
_PROMPT_TRANSFORMS = (
    'SamplePromptCategories',
    'SampleSupports',
    'FixedSupports',
)


def init_model(
    config: str | os.PathLike | Config,
    checkpoint: str | os.PathLike,
    device: str | None = None,
) -> nn.Module:
    """Build a config's model with the weights of a checkpoint.

    Args:
        config: The config or its path.
        checkpoint: Path of the checkpoint.
        device: Such as 'cpu' or 'cuda:0'; None takes an accelerator if there
            is one.

    Returns:
        nn.Module: The model, ready to predict; its config is ``model.cfg``.

    Raises:
        FileNotFoundError: If the config or the checkpoint does not exist.
        ValueError: If the checkpoint does not fit the model.
    """
    if not isinstance(config, Config):
        config = Config.fromfile(config)
    init_default_scope(config.get('default_scope', 'mmpose'))
    model = MODELS.build(config.model)
    check_compatible(model, str(checkpoint))
    model.cfg = config
    return model.to(device or get_device()).eval()


@torch.inference_mode()
def predict(
    model: nn.Module,
    images: Image | Sequence[Image],
    prompt: KeypointPrompt,
) -> list[PoseDataSample]:
    """Find the prompted objects and their keypoints, picture by picture.

    Args:
        model: What :func:`init_model` returned.
        images: One or more pictures: paths, or (H, W, 3) uint8 arrays in BGR.
        prompt: What to look for, in words, by example or both. Examples are
            encoded once and remembered by the model, also between calls.

    Returns:
        list[PoseDataSample]: One per picture; ``pred_instances`` in pixels of
        the given picture, labels index ``sample.prompts.categories``.

    Raises:
        FileNotFoundError: If a picture does not exist.
        OSError: If a file is no picture that can be read.
        ValueError: If the model does not take a prompt of this kind.
    """
    if isinstance(images, (str, os.PathLike, np.ndarray)):
        images = [images]
    pipeline = _pipeline(model.cfg)
    samples = []
    for image in images:
        path = None if isinstance(image, np.ndarray) else str(image)
        results = {
            'img': image if path is None else read_picture(path),
            'img_path': path,
            'prompts': prompt.clone(),
        }
        samples += model.test_step(pseudo_collate([pipeline(results)]))
    return samples


def _pipeline(cfg: Config) -> Compose:
    """The config's test transforms, without those that write the prompt."""
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    return Compose(
        [
            transform
            for transform in cfg.test_dataloader.dataset.pipeline
            if not transform['type'].endswith(_PROMPT_TRANSFORMS)
        ]
    )
