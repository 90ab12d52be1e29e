# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Fitted prompts as .safetensors files."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from projects.common.structures import KeypointCategory
from projects.common.utils.files import write_bytes
from projects.ppm.models.diffusion import LatentDiffusion
from projects.ppm.models.prompts import (
    CachedPromptMaps,
    ExactPromptMaps,
    FittedPrompts,
    PromptMaps,
)

_FORMAT = 'anykeypoint.ppm_prompts.v1'
_TENSORS = ('prompts', 'contexts', 'learned', 'losses')
# Each only where there is one.
_OF_MODEL = ('revision', 'variant', 'config')


@dataclass(frozen=True)
class PromptFile:
    """Fitted prompts with all that is needed to use them again.

    Attributes:
        fitted: The prompts, and how they were fitted.
        category: What they find.
        identity: sha256 of the diffusion model's weights.
        model: Where that model was found, a path or an id of the hub.
        mode: 'exact' or 'cached'.
        settings: Of :class:`PromptMaps`: size, timestep, layers, ...
        revision: Commit of a model of the hub; None for any other, and in
            files of earlier versions.
        variant: Of :class:`LatentDiffusion`; None in earlier files.
        config: Of :class:`LatentDiffusion`; None in earlier files.
    """

    fitted: FittedPrompts
    category: KeypointCategory
    identity: str
    model: str
    mode: str
    settings: dict[str, Any]
    revision: str | None = None
    variant: str | None = None
    config: str | None = None

    @classmethod
    def of(
        cls,
        fitted: FittedPrompts,
        category: KeypointCategory,
        maps: PromptMaps,
    ) -> PromptFile:
        """What was just fitted with ``maps``."""
        return cls(
            fitted,
            category,
            maps.diffusion.identity,
            maps.diffusion.path,
            maps.mode,
            maps.settings(),
            **{name: getattr(maps.diffusion, name) for name in _OF_MODEL},
        )

    def check_model(self, identity: str) -> None:
        """Raise ValueError if the prompts belong to another model."""
        if identity != self.identity:
            revision = f', revision {self.revision}' if self.revision else ''
            raise ValueError(
                f'The prompts of category {self.category.name!r} were fitted '
                f'with the diffusion model {self.identity[:12]} '
                f'("{self.model}"{revision}), but this one is '
                f'{identity[:12]}; they mean nothing to it. Use that model, '
                'or fit them again.'
            )


def find_diffusion(
    file: PromptFile, path: str | None = None, dtype: str = 'float32'
) -> LatentDiffusion:
    """The diffusion model of a file's prompts, of the commit they know.

    Args:
        file: The prompts.
        path: Where the model lies now, None for where it lay.
        dtype: Of the UNet.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it cannot be read.
    """
    return LatentDiffusion(
        file.model if path is None else path,
        file.revision if path is None else None,
        file.config,
        file.variant,
        dtype,
    )


def build_maps(
    file: PromptFile, diffusion: LatentDiffusion, max_batch: int = 8
) -> PromptMaps:
    """What makes the maps of a file's prompts, as when they were fitted.

    Raises:
        ValueError: If the prompts belong to another diffusion model, or to
            a newer version of this program.
    """
    file.check_model(diffusion.identity)
    kinds = {kind.mode: kind for kind in (ExactPromptMaps, CachedPromptMaps)}
    if file.mode not in kinds:
        raise ValueError(
            f'These are prompts of mode {file.mode!r}; known are '
            f'{", ".join(map(repr, kinds))}.'
        )
    try:
        return kinds[file.mode](
            diffusion, **file.settings, max_batch=max_batch
        )
    except TypeError as error:  # a setting that there is not
        raise ValueError(
            f'The prompts of category {file.category.name!r} have settings '
            f'that this version does not know ({error}); use the version '
            'that wrote them, or fit them again.'
        ) from error


def save_prompts(path: str | os.PathLike, file: PromptFile) -> None:
    """Write fitted prompts, whole or not at all."""
    metadata = {
        'format': _FORMAT,
        'identity': file.identity,
        'model': file.model,
        'mode': file.mode,
        'settings': json.dumps(file.settings),
        'category': json.dumps(asdict(file.category)),
        'fit': json.dumps(file.fitted.fit),
    }
    for name in _OF_MODEL:
        if getattr(file, name) is not None:
            metadata[name] = getattr(file, name)
    tensors = {name: getattr(file.fitted, name).clone() for name in _TENSORS}
    write_bytes(path, save(tensors, metadata=metadata))


def load_prompts(path: str | os.PathLike) -> PromptFile:
    """Read fitted prompts.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or no file of :func:`save_prompts`.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'The prompt file "{path}" does not exist; tools/ppm_fit.py fit '
            'writes one.'
        )
    try:
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
            if metadata.get('format') != _FORMAT:
                raise ValueError(
                    f'"{path}" holds no fitted prompts (its format is '
                    f'{metadata.get("format")!r}); tools/ppm_fit.py fit '
                    'writes such files.'
                )
            tensors = {name: file.get_tensor(name) for name in _TENSORS}
        category = KeypointCategory(**json.loads(metadata['category']))
        loaded = PromptFile(
            FittedPrompts(
                **tensors, fit=json.loads(metadata.get('fit', '{}'))
            ),
            category,
            metadata['identity'],
            metadata['model'],
            metadata['mode'],
            json.loads(metadata['settings']),
            **{name: metadata.get(name) for name in _OF_MODEL},
        )
    except (
        SafetensorError,
        KeyError,
        TypeError,
        json.JSONDecodeError,
    ) as error:
        raise ValueError(
            f'The prompt file "{path}" cannot be read ({error}); it is cut '
            'short or damaged.'
        ) from error
    _check_shapes(path, loaded)
    return loaded


def _check_shapes(path: str | os.PathLike, file: PromptFile) -> None:
    count, fitted = file.category.num_keypoints, file.fitted
    if not (
        fitted.prompts.ndim == fitted.losses.ndim == 2
        and fitted.prompts.shape == fitted.contexts.shape
        and fitted.learned.shape == (count,)
        and fitted.learned.dtype == torch.bool
        and len(fitted.prompts) == fitted.losses.shape[1] == count
    ):
        shapes = [
            f'{name} {tuple(getattr(fitted, name).shape)}' for name in _TENSORS
        ]
        raise ValueError(
            f'The prompt file "{path}" does not fit its category '
            f'{file.category.name!r} of {count} keypoints: it holds '
            f'{", ".join(shapes)}. Fit the prompts again.'
        )
