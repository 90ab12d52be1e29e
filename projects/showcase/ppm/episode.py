# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Fit keypoints on one picture, find them in others, draw all of it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from projects.common.datasets.episodes import EpisodeObject, EpisodeSource
from projects.common.datasets.episodes.source import CONTEXT
from projects.common.structures import (
    KeypointCategory,
    SupportShot,
    crop_square,
    crop_support,
)
from projects.common.utils.pictures import read_picture
from projects.common.visualization import (
    DrawnInstance,
    PointState,
    draw_instances,
    write_image,
)
from projects.ppm.apis import Located, build_model, fit_prompts, locate
from projects.ppm.visualization import draw_maps

_SIDE = 512  # of the drawn pictures, pixels


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
    source: EpisodeSource,
    images: str | os.PathLike,
    category: str,
    out: str | os.PathLike,
    queries: int = 3,
) -> dict[str, Any]:
    """Fit on one object, find its keypoints in others, write pictures.

    Args:
        config: Of a PPM model without CPT.
        source: Objects of the category, and of others.
        images: Folder of the pictures.
        category: Name; one that the diffusion model has never seen, to show
            something.
        out: Folder for shot.png, and truth{i}.png, query{i}.png and
            query{i}_maps.png.
        queries: How many pictures to search.

    Returns:
        Plain values: ``category``, ``keypoints`` (their names), ``steps``,
        ``seconds_fit``, ``seconds_predict``, ``shot`` (name of its picture),
        and for each of ``queries`` the names ``truth``, ``picture`` and
        ``maps``, and ``pck``, the share of labelled keypoints that are closer
        to the truth than a fifth of the box's longer side.

    Raises:
        FileNotFoundError: If the diffusion model or a picture is missing.
        ValueError: If the category is unknown or has too few pictures.
    """
    out, images = Path(out), Path(images)
    first, *others = choose_objects(source, category, queries + 1)
    model = build_model(config)
    example, *pictures = (
        read_picture(images / item.image['file_name'])
        for item in (first, *others)
    )
    shot = _shot(first, example, model.maps.size)
    start = time.perf_counter()
    file = fit_prompts(model, source.category(category), [shot])
    fitted = time.perf_counter()
    found = [
        locate(file, model.maps, model.decoder, picture, item.box)
        for picture, item in zip(pictures, others)
    ]
    done = time.perf_counter()
    points, visible = first.keypoints[:, :2], first.keypoints[:, 2]
    _draw(example, first, file.category, points, visible, out / 'shot.png')
    shown = zip(others, pictures, found)
    return {
        'category': category,
        'keypoints': list(file.category.keypoints),
        'shot': 'shot.png',
        'steps': int(file.fitted.steps.max()),
        'seconds_fit': round(fitted - start, 2),
        'seconds_predict': round(done - fitted, 2),
        'queries': [
            _show(i, *query, file.category, out)
            for i, query in enumerate(shown)
        ],
    }


def _shot(item: EpisodeObject, picture: np.ndarray, size: int) -> SupportShot:
    return crop_support(
        picture,
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
    category: KeypointCategory,
    out: Path,
) -> dict[str, Any]:
    names = {
        'truth': f'truth{number}.png',
        'picture': f'query{number}.png',
        'maps': f'query{number}_maps.png',
    }
    points, visible = item.keypoints[:, :2], item.keypoints[:, 2]
    _draw(picture, item, category, points, visible, out / names['truth'])
    _draw(
        picture,
        item,
        category,
        found.keypoints,
        found.scores,
        out / names['picture'],
    )
    maps = draw_maps(
        np.ascontiguousarray(found.crop[..., ::-1]),
        found.maps,
        [*map(str, range(category.num_keypoints))],  # as in the pictures
        found.peaks,
        side=128,
    )
    write_image(str(out / names['maps']), maps)
    return {**names, 'pck': round(_pck(item, found), 4)}


def _pck(item: EpisodeObject, found: Located) -> float:
    labelled = (item.keypoints[:, 2] > 0) & (found.scores > 0)
    distances = np.linalg.norm(
        found.keypoints - item.keypoints[:, :2], axis=-1
    )
    unit = float((item.box[2:] - item.box[:2]).max())
    near = distances[labelled] < 0.2 * unit
    return float(np.mean(near)) if len(near) else 0.0


def _draw(
    image: np.ndarray,
    item: EpisodeObject,
    category: KeypointCategory,
    keypoints: np.ndarray,
    shown: np.ndarray,
    path: Path,
) -> None:
    """Write the surroundings of an object with numbered keypoints.

    Args:
        image: BGR.
        item: The object.
        category: Its category.
        keypoints: (K, 2) xy, image pixels.
        shown: (K,), 0 for those that are not drawn.
        path: A picture file.
    """
    crop, matrix = crop_square(image, item.box, _SIDE, CONTEXT)
    states = np.where(shown > 0, PointState.VISIBLE, PointState.ABSENT)
    placed = keypoints @ matrix[:, :2].T + matrix[:, 2]
    instance = DrawnInstance(category, np.zeros(4), placed, states)
    drawn = draw_instances(
        np.ascontiguousarray(crop[..., ::-1]),
        [instance],
        boxes=False,
        numbers=True,
        min_side=_SIDE,
    )
    write_image(str(path), drawn)
