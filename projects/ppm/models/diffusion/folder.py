# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Files of a diffusion model: where they are, and which."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from projects.common.utils.checkpoints import file_sha256
from projects.common.utils.paths import find_shipped

#: What PPM cannot do without; text_encoder and tokenizer are optional.
REQUIRED = ('unet', 'vae', 'scheduler')
WEIGHTS = {'unet': 'diffusion_pytorch_model', 'vae': 'diffusion_pytorch_model'}
TEXT_PARTS = ('text_encoder', 'tokenizer')
_CONFIGS = {'scheduler': 'scheduler_config.json'}


def find_model(
    path: str, revision: str | None, variant: str | None, download: bool
) -> Path:
    """Folder or file of a model.

    Args:
        path: A diffusers folder or a single file, taken from the current
            folder or from what ships; or the hub's 'owner/name'.
        revision: Branch, tag or commit on the hub.
        variant: Such as 'fp16', see :func:`weight_files`.
        download: Whether the hub may be asked; else only what an earlier
            download has left on this machine is found.

    Raises:
        FileNotFoundError: If there is no such folder, file or download.
    """
    found = find_shipped(path)
    if found.exists():
        return found
    if path.count('/') != 1 or path.startswith(('.', '/', '~')):
        raise FileNotFoundError(
            f'The diffusion model "{path}" does not exist; give a diffusers '
            'folder, a .safetensors file, or an id of the hub such as '
            '"stable-diffusion-v1-5/stable-diffusion-v1-5".'
        )
    from huggingface_hub import snapshot_download

    ending = f'.{variant}.safetensors' if variant else '.safetensors'
    patterns = ['model_index.json']
    for part in (*REQUIRED, *TEXT_PARTS):
        patterns += [f'{part}/*{e}' for e in ('.json', '.txt', ending)]
    try:
        return Path(
            snapshot_download(
                path,
                revision=revision,
                allow_patterns=patterns,
                local_files_only=not download,
            )
        )
    except OSError as error:
        remedy = (
            'check the id, the revision and the connection'
            if download
            else 'set allow_download=True once, or give a folder'
        )
        raise FileNotFoundError(
            f'The diffusion model "{path}" (revision {revision or "main"}) '
            f'is neither a path nor on this machine; {remedy}.'
        ) from error


def hub_commit(found: Path) -> str | None:
    """Commit of a model that was found in the hub's cache.

    Args:
        found: What :func:`find_model` returned.

    Returns:
        str: None for any other folder, and for a file.
    """
    # How the cache is laid out, whatever branch or tag was asked for.
    return found.name if found.match('models--*/snapshots/*') else None


def weight_files(folder: Path, part: str, variant: str | None) -> list[Path]:
    """The .safetensors files of a part, more than one if it is sharded."""
    stem = WEIGHTS[part] + (f'.{variant}' if variant else '')
    whole = folder / part / f'{stem}.safetensors'
    if whole.is_file():
        return [whole]
    return sorted((folder / part).glob(f'{stem}-*-of-*.safetensors'))


def check_folder(
    folder: Path, variant: str | None, parts: Sequence[str] = REQUIRED
) -> None:
    """Raise FileNotFoundError that names all that a folder lacks."""
    missing = []
    for part in parts:
        config = _CONFIGS.get(part, 'config.json')
        if not (folder / part / config).is_file():
            missing.append(f'{part}/{config}')
        if part in WEIGHTS and not weight_files(folder, part, variant):
            name = WEIGHTS[part] + (f'.{variant}' if variant else '')
            missing.append(f'{part}/{name}.safetensors')
    if missing:
        raise FileNotFoundError(
            f'The diffusion model in "{folder}" lacks {", ".join(missing)}; '
            'it must be a folder as save_pretrained writes it, with weights '
            'as .safetensors (for files named *.fp16.safetensors give '
            'variant="fp16").'
        )


def has_text_encoder(folder: Path) -> bool:
    """Whether a folder can encode texts."""
    return all((folder / part).is_dir() for part in TEXT_PARTS) and any(
        (folder / 'text_encoder').glob('*.safetensors')
    )


def check_kind(folder: Path) -> None:
    """Raise ValueError if the folder's UNet is no 2D conditional one."""
    config = json.loads((folder / 'unet/config.json').read_text('utf-8'))
    kind = config.get('_class_name')
    if kind != 'UNet2DConditionModel':
        raise ValueError(
            f'The diffusion model in "{folder}" has a {kind} as its UNet; '
            'PPM reads the cross-attention of UNet2DConditionModel (Stable '
            'Diffusion 1, 2 and XL).'
        )


def weights_identity(files: Sequence[Path]) -> str:
    """One sha256 of the contents of files, in the order given."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file_sha256(file).encode())
    return digest.hexdigest()
