# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Example pictures for a visual prompt, cut as the model wants them."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from torch import nn

from projects.common.datasets import CocoKeypointFile
from projects.common.pictures import read_picture
from projects.common.prompt_encoders import VisualPromptEncoder
from projects.common.structures import (
    KeypointCategory,
    SupportShot,
    crop_support,
)

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
    size = _shot_size(model)
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
    size = _shot_size(model)
    file = CocoKeypointFile(str(ann_file))
    found = {category: [] for category in file.categories}
    for path in images:
        picture = read_picture(path)
        shots = _shots(file, _record(file, path), picture, size)
        if not shots:
            raise ValueError(
                f'{file.path} has no object with a labelled keypoint in the '
                f'picture "{path}"; label at least one, with visibility 1 or '
                '2.'
            )
        for category, shot in shots:
            found[category].append(shot)
    return {category: shots for category, shots in found.items() if shots}


def _record(file: CocoKeypointFile, path: str | os.PathLike) -> dict:
    parts = Path(path).resolve().parts
    for record in file.images:
        name = Path(record['file_name']).parts
        if parts[-len(name) :] == name:
            return record
    names = [record['file_name'] for record in file.images]
    more = ', ...' if len(names) > 3 else ''
    raise ValueError(
        f'{file.path} has no picture whose file_name ends the path "{path}"; '
        f'it has {", ".join(names[:3])}{more}.'
    )


def _shots(
    file: CocoKeypointFile, record: dict, picture: np.ndarray, size: int
) -> list[tuple[KeypointCategory, SupportShot]]:
    objects = file.instances(record)
    shots = []
    for label, box, keypoints, number in zip(
        objects['gt_labels'],
        objects['gt_bboxes'],
        objects['gt_keypoints'],
        objects['gt_ids'],
    ):
        category = file.categories[label]
        xy, visible = np.split(keypoints[: category.num_keypoints], [2], 1)
        if visible.any():
            shot = crop_support(
                picture,
                xy,
                visible[:, 0],
                box,
                size=size,
                annotation_id=number,
                image_id=record['id'],
            )
            shots.append((category, shot))
    return shots


def _shot_size(model: nn.Module) -> int:
    """Side of the shots that the model's image tower takes, in pixels."""
    encoder = getattr(model.prompt_encoder, 'visual', model.prompt_encoder)
    if not isinstance(encoder, VisualPromptEncoder):
        raise ValueError(
            'This model cannot be asked by example: its prompt encoder is a '
            f'{type(encoder).__name__} and has no image tower. Ask it in '
            'words, or take a model with a MultiModalPromptEncoder such as '
            'xpose_tiny.'
        )
    return encoder.tower.image_size
