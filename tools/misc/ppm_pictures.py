# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
r"""Look at a diffusion model: what it paints, where its words and prompts are.

python tools/misc/ppm_pictures.py generate checkpoints/ppm_tiny/split1 \
    "photo of a dog" "sketch of a chair" --out painted.png
python tools/misc/ppm_pictures.py words checkpoints/ppm_tiny/split1 dog.png \
    "photo of a dog, left ear, tail" --out words.png
python tools/misc/ppm_pictures.py layers query.png cat.safetensors nose \
    --out layers.png
python tools/misc/ppm_pictures.py compare query.png ppm.safetensors \
    cpt.safetensors --out compared.png

"layers" draws a keypoint's map of all layers together and of each alone;
"compare" a row of maps for each prompt file, such as those that
tools/ppm_fit.py has fitted without and with CPT.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.engine.launch import sentences_only
from projects.common.structures import crop_square
from projects.common.utils.pictures import read_picture
from projects.common.visualization import write_image
from projects.ppm.apis import Located, locate
from projects.ppm.models import LatentDiffusion, PeakDecoder
from projects.ppm.models.prompts.fitted_prompt_file import (
    PromptFile,
    build_maps,
    find_diffusion,
    load_prompts,
)
from projects.ppm.models.prompts.prompt_maps import make_generator
from projects.ppm.pictures import normalize
from projects.ppm.support_file import corners
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
    layers = commands.add_parser('layers', help='a map for every layer')
    layers.add_argument('picture')
    layers.add_argument('prompts', help='file that tools/ppm_fit.py wrote')
    layers.add_argument('keypoint', help='its name')
    compare = commands.add_parser('compare', help='maps of several files')
    compare.add_argument('picture')
    compare.add_argument('prompts', nargs='+')
    for command in (layers, compare):
        command.add_argument('--model', help='diffusion model')
        command.add_argument(
            '--bbox',
            nargs=4,
            type=float,
            metavar=('X', 'Y', 'W', 'H'),
            help='box of the object; else the whole picture is searched',
        )
    for command in (generate, words, layers, compare):
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


def layers(args: argparse.Namespace) -> np.ndarray:
    """A mosaic, RGB: one keypoint's map of all layers, then of each."""
    file = load_prompts(args.prompts)
    keypoints = file.category.keypoints
    if args.keypoint not in keypoints:
        raise ValueError(
            f'"{args.prompts}" has no keypoint {args.keypoint!r}; it has '
            f'{", ".join(keypoints)}.'
        )
    number = keypoints.index(args.keypoint)
    names = file.settings['layers']
    diffusion = find_diffusion(file, args.model)
    found = [
        find(args, file, diffusion, chosen)
        for chosen in (names, *([name] for name in names))
    ]
    return draw_maps(
        np.ascontiguousarray(found[0].crop[..., ::-1]),
        np.stack([each.maps[number] for each in found]),
        ['all layers', *map(short, names)],
        np.stack([each.peaks[number] for each in found]),
        side=160,
    )


def compare(args: argparse.Namespace) -> np.ndarray:
    """A mosaic, RGB: a row for each file, a column for each keypoint."""
    files = [load_prompts(path) for path in args.prompts]
    keypoints = files[0].category.keypoints
    for path, file in zip(args.prompts, files):
        if file.category.keypoints != keypoints:
            raise ValueError(
                f'"{args.prompts[0]}" and "{path}" have other keypoints; '
                'give files of one category.'
            )
    diffusion = find_diffusion(files[0], args.model)
    found = [
        find(args, file, diffusion, file.settings['layers']) for file in files
    ]
    return draw_maps(
        np.ascontiguousarray(found[0].crop[..., ::-1]),
        np.concatenate([each.maps for each in found]),
        keypoints * len(files),
        np.concatenate([each.peaks for each in found]),
        columns=len(keypoints),
        side=192,
    )


def find(
    args: argparse.Namespace,
    file: PromptFile,
    diffusion: LatentDiffusion,
    chosen: Sequence[str],
) -> Located:
    """Locate a file's keypoints by the maps of some layers."""
    box = None if args.bbox is None else corners(args.bbox)
    settings = {**file.settings, 'layers': chosen}
    maps = build_maps(replace(file, settings=settings), diffusion)
    return locate(file, maps, PeakDecoder(), read_picture(args.picture), box)


def short(layer: str) -> str:
    """'up 1.0.0' for up_blocks.1.attentions.0.transformer_blocks.0.attn2."""
    numbers = re.findall(r'\.(\d+)', layer)
    return f'{layer.split("_")[0]} {".".join(numbers)}'


def main(argv: Sequence[str] | None = None) -> int:
    """Write the picture; exits with 2 after an error about the input."""
    args = parse_args(argv)
    with sentences_only():
        draw = {
            'generate': generate,
            'words': words,
            'layers': layers,
            'compare': compare,
        }[args.command]
        drawn = draw(args)
        write_image(args.out, drawn)
    print(args.out)
    return 0


if __name__ == '__main__':
    sys.exit(main())
