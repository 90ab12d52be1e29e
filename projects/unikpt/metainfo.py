# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the installed mmpose knows about the keypoints of a data set."""

from __future__ import annotations

import functools
import importlib.util
import runpy
from dataclasses import dataclass
from pathlib import Path

_DATASETS = Path('configs', '_base_', 'datasets')


@dataclass(frozen=True)
class Metainfo:
    """Keypoints of a data set, in its order, under mmpose's names.

    Attributes:
        keypoints: K names.
        swaps: K names of the mirror partner, '' for none.
        sigmas: K constants of the object keypoint similarity, or none.
        skeleton: Pairs of names that a line connects.
    """

    keypoints: tuple[str, ...]
    swaps: tuple[str, ...]
    sigmas: tuple[float, ...]
    skeleton: tuple[tuple[str, str], ...]


@functools.cache
def read_metainfo(name: str) -> Metainfo:
    """Read ``configs/_base_/datasets/<name>.py`` of the installed mmpose.

    mmpose itself is not imported, so this takes milliseconds.

    Raises:
        FileNotFoundError: If mmpose is not installed or has no such file.
    """
    path = _folder() / f'{name}.py'
    if not path.is_file():
        known = ', '.join(sorted(p.stem for p in path.parent.glob('*.py')))
        raise FileNotFoundError(
            f'mmpose has no metainfo {name!r} ({path}); it has {known}.'
        )
    info = runpy.run_path(str(path))['dataset_info']
    described = info['keypoint_info']
    keypoints = [described[i] for i in range(len(described))]
    return Metainfo(
        keypoints=tuple(k['name'] for k in keypoints),
        swaps=tuple(k['swap'] for k in keypoints),
        sigmas=tuple(info.get('sigmas', ())),
        skeleton=tuple(b['link'] for b in info['skeleton_info'].values()),
    )


def _folder() -> Path:
    spec = importlib.util.find_spec('mmpose')
    if spec is None:
        raise FileNotFoundError(
            'mmpose is not installed, and the vocabulary takes names and '
            'sigmas from its configs; run tools/install_env.sh.'
        )
    package = Path(next(iter(spec.submodule_search_locations)))
    # A wheel has its configs inside, a clone beside the package.
    for root in (package / '.mim', package.parent):
        if (root / _DATASETS).is_dir():
            return root / _DATASETS
    raise FileNotFoundError(
        f'No folder {_DATASETS} in {package / ".mim"} nor beside {package}; '
        'install mmpose from its wheel.'
    )
