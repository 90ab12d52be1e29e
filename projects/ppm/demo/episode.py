# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Fit keypoints on one picture, find them in others, draw all of it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.episodes import EpisodeObject, EpisodeSource
from projects.common.pictures import read_picture
from projects.common.structures import (
    KeypointCategory,
    SupportShot,
    crop_support,
)
from projects.common.visualization import (
    DrawnInstance,
    PointState,
    draw_instances,
    write_image,
)
from projects.ppm.apis import Located, build_model, fit_prompts, locate
from projects.ppm.prompt_file import PromptFile
from projects.ppm.visualization import draw_maps

_SIDE = 256  # of the drawn crops, pixels


def choose_objects(
    source: EpisodeSource, category: str, count: int
) -> list[EpisodeObject]:
    """Objects that show most of their keypoints, of different pictures.

    The first is the one to learn from.

    Raises:
        ValueError: If the category is unknown or has too few pictures.
    """
    source.category(category)
    found: dict[int, EpisodeObject] = {}
    objects = [source.objects[i] for i in source.by_category[category]]
    for item in sorted(objects, key=lambda o: -int(o.shown.sum())):
        found.setdefault(item.image['id'], item)
    if len(found) < count:
        raise ValueError(
            f'{source.path} shows {category!r} in {len(found)} pictures; '
            f'{count} are needed.'
        )
    return list(found.values())[:count]


def show_episode(
    config: Config,
    ann_file: str | os.PathLike,
    images: str | os.PathLike,
    category: str,
    out: str | os.PathLike,
    queries: int = 3,
) -> dict[str, Any]:
    """Fit on one object, find its keypoints in others, write pictures.

    Args:
        config: Of a PPM model without CPT.
        ann_file: COCO-style json with the category.
        images: Folder of its pictures.
        category: Name; one that the diffusion model has never seen, to show
            something.
        out: Folder for shot.png, and query{i}.png and query{i}_maps.png.
        queries: How many pictures to search.

    Returns:
        Plain values: ``category``, ``seconds_fit``, ``seconds_predict``,
        ``shot`` (name of its picture), ``steps``, and for each of
        ``queries`` the names ``picture`` and ``maps`` and ``pck``, the share
        of labelled keypoints that are closer to the truth than a fifth of
        the box's longer side.

    Raises:
        FileNotFoundError: If the diffusion model or a picture is missing.
        ValueError: If the category is unknown or has too few pictures.
    """
    out, images = Path(out), Path(images)
    source = EpisodeSource(CocoKeypointFile(str(ann_file)))
    first, *others = choose_objects(source, category, queries + 1)
    model = build_model(config)
    shot = _shot(first, images, model.maps.size)
    start = time.perf_counter()
    file = fit_prompts(model, source.category(category), [shot])
    fitted = time.perf_counter()
    _draw_shot(shot, file.category, out / 'shot.png')
    shown = []
    for number, item in enumerate(others):
        picture = read_picture(images / item.image['file_name'])
        found = locate(file, model.maps, model.decoder, picture, item.box)
        shown.append(_show(number, item, picture, found, file, out))
    return {
        'category': category,
        'shot': 'shot.png',
        'steps': int(file.fitted.steps.max()),
        'seconds_fit': round(fitted - start, 2),
        'seconds_predict': round(time.perf_counter() - fitted, 2),
        'queries': shown,
    }


def _shot(item: EpisodeObject, images: Path, size: int) -> SupportShot:
    return crop_support(
        read_picture(images / item.image['file_name']),
        item.keypoints[:, :2],
        item.keypoints[:, 2] * item.shown,
        item.box,
        size,
    )


def _show(
    number: int,
    item: EpisodeObject,
    picture: np.ndarray,
    found: Located,
    file: PromptFile,
    out: Path,
) -> dict[str, Any]:
    names = [f'query{number}.png', f'query{number}_maps.png']
    states = np.where(found.scores > 0, PointState.VISIBLE, PointState.ABSENT)
    instance = DrawnInstance(
        file.category, found.bbox, found.keypoints, states
    )
    drawn = draw_instances(
        np.ascontiguousarray(picture[..., ::-1]), [instance], numbers=True
    )
    write_image(str(out / names[0]), drawn)
    mosaic = draw_maps(
        np.ascontiguousarray(found.crop[..., ::-1]),
        found.maps,
        file.category.keypoints,
        found.peaks,
        side=128,
    )
    write_image(str(out / names[1]), mosaic)
    return {
        'picture': names[0],
        'maps': names[1],
        'pck': round(_pck(item, found), 4),
    }


def _pck(item: EpisodeObject, found: Located) -> float:
    labelled = (item.keypoints[:, 2] > 0) & (found.scores > 0)
    distances = np.linalg.norm(
        found.keypoints - item.keypoints[:, :2], axis=-1
    )
    unit = float((item.box[2:] - item.box[:2]).max())
    near: Sequence[bool] = distances[labelled] < 0.2 * unit
    return float(np.mean(near)) if len(near) else 0.0


def _draw_shot(
    shot: SupportShot, category: KeypointCategory, path: Path
) -> None:
    """The crop that was learned from, enlarged, with its keypoints."""
    image = shot.image.numpy().transpose(1, 2, 0)[..., ::-1]
    factor = max(1, _SIDE // image.shape[0])
    large = np.repeat(np.repeat(image, factor, 0), factor, 1)
    side = float(large.shape[0])
    states = np.where(
        shot.visible.numpy() > 0, PointState.VISIBLE, PointState.ABSENT
    )
    points = (shot.keypoints.numpy() + 0.5) * factor - 0.5
    box = np.array([0, 0, side - 1, side - 1])
    instance = DrawnInstance(category, box, points, states)
    drawn = draw_instances(
        np.ascontiguousarray(large), [instance], numbers=True
    )
    write_image(str(path), drawn)
