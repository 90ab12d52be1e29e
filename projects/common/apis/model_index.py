# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Models by the names of our model index."""

from __future__ import annotations

import copy
import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config

from projects.common.utils.checkpoints import (
    read_checkpoint,
    require_checkpoint,
)
from projects.common.utils.config_options import check_options
from projects.common.utils.config_text import plain_config
from projects.common.utils.paths import data_root


def load_model_config(
    model: str | os.PathLike | Config | None,
    weights: str | os.PathLike | None = None,
    cfg_options: Mapping[str, Any] | None = None,
    trust_config: bool = False,
) -> tuple[Config, str | None]:
    """Find a model's config and weights.

    Args:
        model: Name or alias in the model index ('xpose_tiny'; ``-`` and
            ``_`` are the same), path of a config, or a config. None takes
            the config that the checkpoint holds. A config is Python code:
            use only those that you trust.
        weights: Path of a checkpoint; by default that of the model index.
        cfg_options: Settings to change, dotted keys and values.
        trust_config: Whether the config of a checkpoint may run code; else
            it may hold plain values only, as those of our trainings do.

    Returns:
        tuple: The config and the path of the checkpoint, None without one.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the name is unknown, there is no config, or the one in
            the checkpoint could run code.
    """
    weights = None if weights is None else str(weights)
    if isinstance(model, Config):
        cfg = copy.deepcopy(model)
    elif model is None:
        cfg = _checkpoint_config(weights, trust_config)
    else:
        path = Path(model)
        if path.suffix != '.py':
            path, indexed = _indexed(str(model))
            weights = weights or indexed
        elif not path.is_file():
            raise FileNotFoundError(
                f'The config "{model}" does not exist. Configs lie under '
                'configs/; the path is taken from the current folder.'
            )
        cfg = Config.fromfile(path)
    if weights is not None:
        require_checkpoint(weights)
    if cfg_options:
        check_options(cfg, cfg_options)
        cfg.merge_from_dict(dict(cfg_options))
    return cfg, weights


def set_text_weights(cfg: Config, path: str) -> None:
    """Name the text model that encodes words which a checkpoint lacks.

    Args:
        cfg: Config of a model with a text prompt encoder; is changed.
        path: Weights of CLIP, or the folder of a sentence encoder.

    Raises:
        ValueError: If the model takes no words.
    """
    encoder = cfg.model.get('prompt_encoder', {})
    encoder = encoder.get('text', encoder)
    if 'tower' not in encoder:
        raise ValueError(
            'This model has no text encoder, so there is nothing to load '
            f'"{path}" into; leave the text weights out.'
        )
    sentences = encoder.tower.type.endswith('SentenceTextTower')
    encoder.tower['path' if sentences else 'pretrained'] = path


def model_names() -> dict[str, tuple[Path, str | None]]:
    """Config and weights of every model of the index, by name and alias."""
    root = data_root()
    found = {}
    for file in _read(root / 'model-index.yml')['Import']:
        for record in _read(root / file).get('Models', ()):
            weights = record.get('Weights')
            entry = (
                root / record['Config'],
                None if weights is None else str(root / weights),
            )
            aliases = record.get('Alias') or []
            if isinstance(aliases, str):
                aliases = [aliases]
            for name in (record['Name'], *aliases):
                found[name] = entry
    return found


def _read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding='utf-8'))


def _plain(name: str) -> str:
    return name.lower().replace('-', '_')


def _indexed(name: str) -> tuple[Path, str | None]:
    known = {_plain(n): (n, entry) for n, entry in model_names().items()}
    if _plain(name) not in known:
        close = difflib.get_close_matches(_plain(name), known, n=3)
        names = [known[c][0] for c in close] or [n for n, _ in known.values()]
        raise ValueError(
            f'There is no model {name!r}; '
            + ('did you mean ' if close else 'known are ')
            + ', '.join(names)
            + ('?' if close else '.')
            + ' A config is given by a path that ends in .py.'
        )
    return known[_plain(name)][1]


def _checkpoint_config(weights: str | None, trusted: bool) -> Config:
    if weights is None:
        raise ValueError(
            'Neither model nor weights are given; name a model of the index, '
            'a config, or a checkpoint that holds its config.'
        )
    content = read_checkpoint(weights)
    text = content.get('meta', {}).get('cfg')
    if text is None:
        raise ValueError(
            f'"{weights}" holds no config; give the config as well, as '
            '--model (in Python as model).'
        )
    if trusted:
        return Config.fromstring(text, '.py')
    return plain_config(text, weights)
