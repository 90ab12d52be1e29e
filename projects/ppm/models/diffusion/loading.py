# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Building the parts of a diffusion model from files, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from projects.common import compat  # noqa: F401


def load_part(
    folder: Path, part: str, variant: str | None, dtype: torch.dtype
) -> nn.Module:
    """Load 'unet' or 'vae' of a diffusers folder.

    Raises:
        ValueError: If the weights cannot be read, or some are missing or of
            another shape.
    """
    path = folder / part
    try:
        model, info = _classes()[part].from_pretrained(
            path,
            variant=variant,
            torch_dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            low_cpu_mem_usage=False,
            output_loading_info=True,
        )
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise ValueError(
            f'The {part} of the diffusion model in "{path}" cannot be read: '
            f'{error}'
        ) from error
    _check_complete(part, path, info['missing_keys'])
    return model


def load_single_file(
    file: Path, config: Path, part: str, dtype: torch.dtype
) -> nn.Module:
    """Load 'unet' or 'vae' of one file in the layout of its authors.

    Args:
        file: A .safetensors file with the keys of the original Stable
            Diffusion (``model.diffusion_model.``, ``first_stage_model.``).
        config: Diffusers folder with the part's config.json.
        part: 'unet' or 'vae'.
        dtype: Of the weights.

    Raises:
        ValueError: If the file is no such file, or does not fit the config.
    """
    from diffusers.loaders.single_file_utils import (
        convert_ldm_unet_checkpoint,
        convert_ldm_vae_checkpoint,
    )

    if file.suffix != '.safetensors':
        raise ValueError(
            f'The diffusion model "{file}" is no .safetensors file; other '
            'files can run code while they are read. Convert it first.'
        )
    model_class = _classes()[part]
    settings = model_class.load_config(config / part, local_files_only=True)
    model = model_class.from_config(settings)
    convert = {
        'unet': convert_ldm_unet_checkpoint,
        'vae': convert_ldm_vae_checkpoint,
    }[part]
    try:
        weights = convert(load_file(file), settings)
        model.load_state_dict(weights, strict=True)
    except (RuntimeError, KeyError, SafetensorError) as error:
        raise ValueError(
            f'The {part} of the diffusion model "{file}" does not fit the '
            f'config in "{config}": {str(error)[:300]}'
        ) from error
    return model.to(dtype)


def load_scheduler(folder: Path) -> Any:
    """The forward process (DDPM) of any scheduler's config."""
    from diffusers import DDPMScheduler

    settings = DDPMScheduler.load_config(
        folder / 'scheduler', local_files_only=True
    )
    # Samplers differ in going back; the way forward is that of training.
    known = DDPMScheduler().config.keys()
    return DDPMScheduler.from_config(
        {key: value for key, value in settings.items() if key in known}
    )


def load_text_encoder(
    folder: Path, variant: str | None
) -> tuple[nn.Module, Any]:
    """CLIP's text model in float32, and its tokenizer.

    Raises:
        ValueError: If they cannot be read, or weights are missing.
    """
    from transformers import CLIPTextModel, CLIPTokenizer

    try:
        tokenizer = CLIPTokenizer.from_pretrained(
            folder / 'tokenizer', local_files_only=True
        )
        model, info = CLIPTextModel.from_pretrained(
            folder / 'text_encoder',
            variant=variant,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise ValueError(
            f'The text encoder of the diffusion model in "{folder}" cannot '
            f'be read: {error}'
        ) from error
    _check_complete('text encoder', folder, info['missing_keys'])
    return model, tokenizer


def _check_complete(part: str, path: Path, missing: Iterable[str]) -> None:
    """Refuse what the libraries would fill with random numbers."""
    missing = sorted(missing)
    if missing:
        raise ValueError(
            f'The weights of the {part} in "{path}" are incomplete: '
            f'{len(missing)} are missing, for example {missing[0]}; copy the '
            'folder again.'
        )


def _classes() -> dict[str, Any]:
    from diffusers import AutoencoderKL, UNet2DConditionModel

    return {'unet': UNet2DConditionModel, 'vae': AutoencoderKL}
