# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Fitted prompts as .safetensors files."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from projects.common.files import write_bytes
from projects.common.structures import KeypointCategory
from projects.ppm.models.diffusion import LatentDiffusion
from projects.ppm.models.prompts import (
    CachedPromptMaps,
    ExactPromptMaps,
    FittedPrompts,
    PromptMaps,
)

_FORMAT = 'anykeypoint.ppm_prompts.v1'
_TENSORS = ('prompts', 'contexts', 'learned', 'losses')


@dataclass(frozen=True)
class PromptFile:
    """Fitted prompts with all that is needed to use them again.

    Attributes:
        fitted: The prompts.
        category: What they find.
        identity: sha256 of the diffusion model's weights.
        model: Where that model was found, a path or an id of the hub.
        mode: 'exact' or 'cached'.
        settings: Of :class:`PromptMaps`: size, timestep, layers, ...
        revision: Commit of a model of the hub; None for any other, and in
            files of earlier versions.
    """

    fitted: FittedPrompts
    category: KeypointCategory
    identity: str
    model: str
    mode: str
    settings: dict[str, Any]
    revision: str | None = None

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
            maps.diffusion.revision,
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
    if path is not None:
        return LatentDiffusion(path, dtype=dtype)
    return LatentDiffusion(file.model, file.revision, dtype=dtype)


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
    return kinds[file.mode](diffusion, **file.settings, max_batch=max_batch)


def save_prompts(path: str | os.PathLike, file: PromptFile) -> None:
    """Write fitted prompts, whole or not at all."""
    metadata = {
        'format': _FORMAT,
        'identity': file.identity,
        'model': file.model,
        'mode': file.mode,
        'settings': json.dumps(file.settings),
        'category': json.dumps(asdict(file.category)),
    }
    if file.revision is not None:
        metadata['revision'] = file.revision
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
        settings = json.loads(metadata['settings'])
        return PromptFile(
            FittedPrompts(**tensors),
            category,
            metadata['identity'],
            metadata['model'],
            metadata['mode'],
            settings,
            metadata.get('revision'),
        )
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(
            f'The prompt file "{path}" cannot be read ({error}); it is cut '
            'short or damaged.'
        ) from error
