# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
r"""Look at a diffusion model: what it paints, where its words are.

python tools/misc/ppm_pictures.py generate checkpoints/ppm_tiny/split1 \
    "photo of a dog" "sketch of a chair" --out painted.png
python tools/misc/ppm_pictures.py words checkpoints/ppm_tiny/split1 dog.png \
    "photo of a dog, left ear, tail" --out words.png
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.launch import sentences_only
from projects.common.pictures import read_picture
from projects.common.structures import crop_square
from projects.common.visualization import write_image
from projects.ppm.models import LatentDiffusion
from projects.ppm.models.prompts.prompt_maps import make_generator
from projects.ppm.pictures import normalize
from projects.ppm.visualization import draw_maps

import cv2
import numpy as np
import torch


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest='command', required=True)
    generate = commands.add_parser('generate', help='pictures of captions')
    generate.add_argument('model', help='diffusers folder')
    generate.add_argument('captions', nargs='+')
    generate.add_argument('--steps', type=int, default=30)
    generate.add_argument('--guidance', type=float, default=3.0)
    generate.add_argument('--seed', type=int, default=0)
    words = commands.add_parser('words', help='a map for every word')
    words.add_argument('model', help='diffusers folder')
    words.add_argument('picture')
    words.add_argument('caption')
    words.add_argument(
        '--size', type=int, default=64, help='pixels the model is made for'
    )
    words.add_argument('--timestep', type=int, default=10)
    for command in (generate, words):
        command.add_argument('--out', required=True, help='.png to write')
    return parser.parse_args(argv)


def generate(args: argparse.Namespace) -> np.ndarray:
    """A row of pictures, RGB, each 128 pixels high."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    if not Path(args.model).is_dir():
        raise FileNotFoundError(
            f'The diffusion model "{args.model}" does not exist; give a '
            'diffusers folder.'
        )
    pipeline = StableDiffusionPipeline.from_pretrained(
        args.model,
        torch_dtype=torch.float32,
        safety_checker=None,
        requires_safety_checker=False,
        local_files_only=True,
    )
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    pictures = pipeline(
        list(args.captions),
        num_inference_steps=args.steps,
        guidance_scale=args.guidance,
        generator=torch.Generator().manual_seed(args.seed),
        output_type='np',
    ).images
    tiles = [
        cv2.resize((p * 255).round().astype(np.uint8), (128, 128))
        for p in pictures
    ]
    return np.hstack(tiles)


@torch.no_grad()
def words(args: argparse.Namespace) -> np.ndarray:
    """A mosaic, RGB: the map of each token over the picture."""
    image = read_picture(args.picture)
    height, width = image.shape[:2]
    crop, _ = crop_square(image, (0, 0, width, height), args.size, 1.0)
    diffusion = LatentDiffusion(args.model)
    context, _ = diffusion.encode_texts([args.caption])
    picture = torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1)))
    noisy, _ = diffusion.add_noise(
        diffusion.encode(normalize(picture)[None]),
        args.timestep,
        make_generator(0),
    )
    with diffusion.recorder() as recorder:
        diffusion(noisy, args.timestep, context)
        maps = recorder.mean_map(args.size)[0]
    names = diffusion.tokenize(args.caption)
    # After the token that starts a text.
    shown = maps[1 : len(names) + 1].numpy()
    return draw_maps(
        np.ascontiguousarray(crop[..., ::-1]), shown, names, side=128
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Write the picture; exits with 2 after an error about the input."""
    args = parse_args(argv)
    with sentences_only():
        drawn = {'generate': generate, 'words': words}[args.command](args)
        write_image(args.out, drawn)
    print(args.out)
    return 0


if __name__ == '__main__':
    sys.exit(main())
