# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Checking the data that a config names before a model is built."""

from __future__ import annotations

import os.path as osp
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmpose.registry import DATASETS

from projects.common.datasets import EpisodeDataset, PromptCocoDataset

#: Larger files are checked when the data set reads them; twice takes long.
MAX_BYTES = 200 * 2**20


def check_data(cfg: Config, loaders: Sequence[str]) -> None:
    """Read the annotation files of data loaders and look at the pictures.

    Building a model may take a minute, these checks take seconds.

    Args:
        cfg: The config.
        loaders: Names of its data loaders; those that are None are skipped.

    Raises:
        FileNotFoundError: If a file or folder does not exist.
        ValueError: If an annotation file cannot be used, or its pictures.
    """
    for name in loaders:
        if cfg.get(name):
            _check(cfg[name].get('dataset'), pictures=True)


def _check(node: Any, pictures: bool) -> None:
    """Check all data sets of a part of the config.

    Args:
        node: The part.
        pictures: Whether all pictures of a file have to exist.
    """
    if isinstance(node, (list, tuple)):
        for part in node:
            _check(part, pictures)
    if not isinstance(node, Mapping):
        return
    kind = node.get('type')
    kind = DATASETS.get(kind) if isinstance(kind, str) else kind
    if isinstance(kind, type) and issubclass(kind, PromptCocoDataset):
        if 'ann_file' not in node:
            return  # what several data sets have in common
        # Not read yet, and without transforms.
        dataset = kind(
            **{k: v for k, v in node.items() if k not in ('type', 'pipeline')},
            lazy_init=True,
        )
        path = dataset.ann_file
        if not osp.isfile(path) or osp.getsize(path) <= MAX_BYTES:
            dataset.read_file().find_pictures(
                dataset.data_prefix['img'],
                must_exist=pictures and not dataset.skip_unreadable,
            )
        return
    if isinstance(kind, type) and issubclass(kind, EpisodeDataset):
        pictures = False  # only those of the episodes are needed
    for key, part in node.items():
        if key != 'pipeline':
            _check(part, pictures)
