# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Load a model and ask it for keypoints."""

import logging
import os
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import nn

from projects.common.models.prompt_encoders import EncodedPrompts
from projects.common.structures import KeypointPrompt
from projects.common.utils.checkpoints import check_compatible
from projects.common.utils.pictures import read_picture

from .supports import Image

#: Transforms that write the prompt, which the caller brings along.
_PROMPT_TRANSFORMS = (
    'DefaultPrompt',
    'SamplePromptCategories',
    'SampleSupports',
    'FixedSupports',
)


def init_model(
    config: str | os.PathLike | Config,
    checkpoint: str | os.PathLike | None = None,
    device: str | torch.device | None = None,
) -> nn.Module:
    """Build a config's model with the weights of a checkpoint.

    Args:
        config: The config or its path.
        checkpoint: Path of the checkpoint; without one the weights are
            random, with a warning.
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
    if checkpoint is None:
        print_log(
            'No checkpoint: the weights are random, so nothing real is found.',
            logger='current',
            level=logging.WARNING,
        )
    else:
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
    pipeline = prediction_pipeline(model.cfg)
    encoded = encode_prompt(model, prompt)
    samples = []
    for image in images:
        path = None if isinstance(image, np.ndarray) else str(image)
        picture = image if path is None else read_picture(path)
        packed = pack_picture(pipeline, picture, prompt, path)
        samples += predict_encoded(model, [packed], encoded)
    return samples


@torch.inference_mode()
def encode_prompt(model: nn.Module, prompt: KeypointPrompt) -> EncodedPrompts:
    """Encode a prompt, once for any number of pictures; B = 1.

    Raises:
        TextTowerError: If a name is unknown and there is no text model.
        ValueError: If the model does not take a prompt of this kind.
    """
    return model.prompt_encoder([prompt])


@torch.inference_mode()
def predict_encoded(
    model: nn.Module,
    packed: Sequence[dict[str, Any]],
    encoded: EncodedPrompts,
) -> list[PoseDataSample]:
    """Find what an encoded prompt asks for, in B pictures at once.

    Args:
        model: What :func:`init_model` returned.
        packed: B results of :func:`pack_picture`.
        encoded: What :func:`encode_prompt` gave, the same for all pictures.
    """
    data = model.data_preprocessor(pseudo_collate(packed), training=False)
    samples = data['data_samples']
    outputs = model.forward_transformer(
        model.extract_feat(data['inputs']),
        encoded.expand(len(samples)),
        samples,
    )
    found = model.bbox_head.predict(
        **outputs, batch_data_samples=samples, rescale=True
    )
    return model.add_pred_to_datasample(samples, found)


def pack_picture(
    pipeline: Compose,
    picture: np.ndarray,
    prompt: KeypointPrompt,
    path: str | None = None,
) -> dict[str, Any]:
    """Make a picture ready for a batch.

    Args:
        pipeline: What :func:`prediction_pipeline` gave.
        picture: (h, w, 3) uint8 BGR.
        prompt: What is asked.
        path: Where the picture is from.

    Raises:
        ValueError: If the picture is too narrow for the model's size.
    """
    results = {'img': picture, 'img_path': path, 'prompts': prompt.clone()}
    try:
        return pipeline(results)
    except cv2.error as error:
        height, width = picture.shape[:2]
        raise ValueError(
            f'A picture of {width} x {height} pixels (w x h) is too narrow: '
            'in the size of the model nothing is left of its shorter side. '
            'Cut it into pieces.'
        ) from error


def prediction_pipeline(cfg: Config) -> Compose:
    """The config's test transforms, without those that write the prompt."""
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    return Compose(
        [
            transform
            for transform in cfg.test_dataloader.dataset.pipeline
            if not transform['type'].endswith(_PROMPT_TRANSFORMS)
        ]
    )
