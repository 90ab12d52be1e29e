# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""PPM's stage of the demo: one category that its model has never seen."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmengine.config import Config

from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.episodes import EpisodeSource
from projects.common.utils.paths import config_root, find_shipped
from projects.showcase.ppm.episode import show_episode

#: The fast mode: the exact one needs minutes for a fit on a CPU.
CONFIG = (
    'category_agnostic_2d_keypoint/ppm/'
    'ppm_tiny_cached_synthkpt-split1_1shot.py'
)
#: In the folder of the page.
PICTURES = 'pictures/ppm'


def run_part(data: Path, out: Path) -> dict[str, Any]:
    """Fit and find keypoints of the held-out category with most pictures.

    Args:
        data: Folder of SynthKPT.
        out: Folder of the page.

    Returns:
        What :func:`show_episode` says, and ``folder``, where its pictures
        are; without diffusers or the diffusion model only ``missing``, a
        sentence.

    Raises:
        FileNotFoundError: If the data or a part of the model is missing.
        ValueError: If no category is shown in two pictures.
    """
    if find_spec('diffusers') is None:
        return _left_out(
            'PPM needs diffusers, so it is left out. Install it (pip install '
            'diffusers) and run the demo again.'
        )
    config = Config.fromfile(config_root() / CONFIG)
    path = config.model.diffusion.path
    if not find_shipped(path).is_dir():
        return _left_out(
            f'There is no {path} here, so PPM is left out. Restore the '
            f'folder (git checkout {path}) and run the demo again.'
        )
    ann_file = data / config.test_dataloader.dataset.dataset.ann_file
    source = EpisodeSource(CocoKeypointFile(str(ann_file)))
    category, pictures = most_shown(source)
    shown = show_episode(
        config,
        source,
        data,
        category,
        out / PICTURES,
        queries=max(1, min(3, pictures - 1)),
    )
    for number, query in enumerate(shown['queries'], 1):
        print(f'      {category} {number}: PCK@0.2 {query["pck"]:.2f}')
    return {**shown, 'folder': PICTURES}


def _left_out(missing: str) -> dict[str, Any]:
    print(f'      {missing}')
    return {'missing': missing}


def most_shown(source: EpisodeSource) -> tuple[str, int]:
    """The category that most pictures show, and how many; the first of all."""
    pictures = {
        name: len({source.objects[i].image['id'] for i in ids})
        for name, ids in source.by_category.items()
    }
    best = max(pictures, key=pictures.get)
    return best, pictures[best]
