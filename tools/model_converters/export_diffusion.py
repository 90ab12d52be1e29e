# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
r"""Write a trained diffusion model, or its VAE, as a diffusers folder.

python tools/model_converters/export_diffusion.py \
    configs/category_agnostic_2d_keypoint/ppm/\
ppm_tiny_text-to-image_synthkpt.py \
    work_dirs/ppm_tiny_text-to-image_synthkpt/iter_1000.pth \
    checkpoints/ppm_tiny/split1

PPM and diffusers read the folder as they read Stable Diffusion.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects import ppm  # noqa: F401  registers what configs name
from projects.common.engine.launch import sentences_only
from projects.common.utils.checkpoints import check_compatible, file_sha256

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

_KINDS = ('LatentAutoencoder', 'TextToImageDiffusion')


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Write a trained diffusion model as a diffusers folder.'
    )
    parser.add_argument('config', help=f'config of {" or ".join(_KINDS)}')
    parser.add_argument('checkpoint', help='what tools/train.py wrote')
    parser.add_argument('folder', type=Path, help='to write; replaced')
    return parser.parse_args(argv)


def export(config: Config, checkpoint: str, folder: Path) -> list[Path]:
    """Write the folder, whole or not at all.

    Returns:
        The weight files.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If config or checkpoint are of something else, or the
            folder holds what is no diffusers folder.
    """
    kind = config.model.type
    if kind not in _KINDS:
        raise ValueError(
            f'The config describes a {kind}, not one of {", ".join(_KINDS)}; '
            'give the config of the training.'
        )
    known = ('vae', 'unet')
    if folder.exists() and not any((folder / k).is_dir() for k in known):
        raise ValueError(
            f'"{folder}" exists and is no diffusers folder; give another '
            'name, or remove it.'
        )
    init_default_scope('mmpose')
    model = MODELS.build(config.model)
    check_compatible(model, checkpoint)
    temporary = folder.with_name(f'{folder.name}.{os.getpid()}.tmp')
    try:
        model.save_pretrained(temporary)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return sorted(folder.rglob('*.safetensors'))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; exits with 2 after an error about the input."""
    args = parse_args(argv)
    with sentences_only():
        config = Config.fromfile(args.config)
        files = export(config, args.checkpoint, args.folder)
    for path in files:
        size = path.stat().st_size / 2**20
        print(f'{path}: {size:.1f} MB, sha256 {file_sha256(path)}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
