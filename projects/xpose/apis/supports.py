# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Example pictures for a visual prompt, cut as the model wants them."""

import os
from collections.abc import Iterable, Sequence

import numpy as np
from torch import nn

from projects.common.models.prompt_encoders import VisualPromptEncoder
from projects.common.prompt_files import describe_coco
from projects.common.structures import (
    KeypointCategory,
    SupportShot,
    crop_support,
)
from projects.common.utils.pictures import read_picture

Image = str | os.PathLike | np.ndarray


def support_shot(
    model: nn.Module,
    image: Image,
    keypoints: Sequence[Sequence[float]] | np.ndarray,
    visible: Sequence[int] | np.ndarray | None = None,
    bbox: Sequence[float] | None = None,
    context: float = 1.25,
) -> SupportShot:
    """Cut an example object out of a picture, in the size of the model.

    A prompt takes one or more of them for each category:
    ``KeypointPrompt.from_categories([mouse], supports=[[shot]])``.

    Args:
        model: Whose prompt encoder takes examples.
        image: The picture: a path, or an (H, W, 3) uint8 array in BGR.
        keypoints: (K, 2) xy image pixels, in the order of the category.
        visible: (K,) 0 = not shown, 1 = hidden but known, 2 = visible; by
            default all are visible.
        bbox: Box xyxy image pixels; by default the one around the shown
            keypoints.
        context: Side of the cut over the box's longer side.

    Raises:
        FileNotFoundError: If the picture does not exist.
        OSError: If the file is no picture that can be read.
        ValueError: If the model takes no examples, or as
            :func:`crop_support`.
    """
    size = shot_size(model)
    keypoints = np.asarray(keypoints, np.float32)
    if visible is None:
        visible = np.full(len(keypoints), 2)
    return crop_support(
        image if isinstance(image, np.ndarray) else read_picture(image),
        keypoints,
        visible,
        bbox,
        size=size,
        context=context,
    )


def read_supports(
    model: nn.Module,
    ann_file: str | os.PathLike,
    images: Iterable[str | os.PathLike],
) -> dict[KeypointCategory, list[SupportShot]]:
    """Take the annotated objects of some pictures as examples.

    Args:
        model: Whose prompt encoder takes examples.
        ann_file: COCO-style json file.
        images: Paths of pictures that it annotates; each ends with the
            ``file_name`` of its record.

    Returns:
        dict: Shots of each category that the pictures show, in the order of
        the file. Objects without a labelled keypoint are passed over.

    Raises:
        FileNotFoundError: If a file does not exist.
        OSError: If a picture cannot be read.
        ValueError: If the file is faulty or does not annotate a picture, or
            a picture has no object with a labelled keypoint; and as
            :func:`support_shot`.
    """
    size = shot_size(model)
    shown = describe_coco(ann_file, images)
    return {
        category: [example.shot(size) for example in examples]
        for category, examples in zip(shown.categories, shown.examples)
    }


def shot_size(model: nn.Module) -> int:
    """Side of the shots that the model's image tower takes, in pixels.

    Raises:
        ValueError: If the model takes no examples.
    """
    encoder = getattr(model.prompt_encoder, 'visual', model.prompt_encoder)
    if not isinstance(encoder, VisualPromptEncoder):
        raise ValueError(
            'This model cannot be asked by example: its prompt encoder is a '
            f'{type(encoder).__name__} and has no image tower. Ask it in '
            'words, or take a model with a MultiModalPromptEncoder such as '
            'xpose_tiny.'
        )
    return encoder.tower.image_size
