# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Learn keypoints from a few labelled pictures, and find them in others.

python tools/ppm_fit.py fit CONFIG --support shots.json --out cat.safetensors
python tools/ppm_fit.py predict cat.safetensors a.jpg b.jpg --out found

"fit" fits one pseudo prompt per keypoint to the cross-attention of a frozen
text-to-image diffusion model (PPM); "predict" uses the file without fitting
again. projects/ppm/support_file.py says what a support file looks like.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from projects.common.apis.base_backend import usable_device
from projects.common.engine.launch import sentences_only
from projects.common.utils.argument_types import count
from projects.common.utils.checkpoints import file_sha256
from projects.common.utils.config_options import check_options
from projects.common.utils.files import write_json
from projects.common.visualization import (
    DrawnInstance,
    PointState,
    draw_instances,
    write_image,
)
from projects.ppm.apis import Located, build_model, fit_prompts, locate
from projects.ppm.models import PeakDecoder
from projects.ppm.models.prompts.fitted_prompt_file import (
    PromptFile,
    build_maps,
    find_diffusion,
    load_prompts,
    save_prompts,
)
from projects.ppm.support_file import corners, read_image, read_support
from projects.ppm.visualization import draw_maps

import numpy as np
from mmengine.config import Config, DictAction


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest='command', required=True)

    fit = commands.add_parser('fit', help='learn prompts from examples')
    fit.add_argument('config', help='config of a PPM model')
    fit.add_argument(
        '--support', required=True, help='json with pictures and keypoints'
    )
    fit.add_argument('--out', required=True, help='.safetensors to write')
    fit.add_argument('--images', help='folder of the pictures')
    fit.add_argument('--category', help='of a COCO-style file with several')
    fit.add_argument('--shots', type=count, help='only the first so many')
    fit.add_argument('--checkpoint', help='weights of CPT')
    fit.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='override settings, for example model.learner.steps=100',
    )
    _add_common(fit)

    predict = commands.add_parser('predict', help='find keypoints')
    predict.add_argument('prompts', help='file that "fit" wrote')
    predict.add_argument('pictures', nargs='+')
    predict.add_argument('--out', required=True, help='folder to write to')
    predict.add_argument(
        '--bbox',
        nargs=4,
        type=float,
        metavar=('X', 'Y', 'W', 'H'),
        help='box of the object in every picture; else all of it is searched',
    )
    predict.add_argument(
        '--dtype', default='float32', help='of the UNet, such as float16'
    )
    predict.add_argument(
        '--window', type=int, help='finer than pixels: half-width of a window'
    )
    predict.add_argument(
        '--score', default='peak', help='"peak" or "sharpness" of the map'
    )
    predict.add_argument('--max-batch', type=count, default=8)
    _add_common(predict)
    return parser.parse_args(argv)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--model', help='diffusion model: folder or id of the hub'
    )
    parser.add_argument('--device', default='cpu', help='cpu or cuda')


def fit(args: argparse.Namespace) -> None:
    """Fit and write the prompts."""
    if not Path(args.config).is_file():
        raise FileNotFoundError(
            f'The config "{args.config}" does not exist; those of PPM lie '
            'under configs/category_agnostic_2d_keypoint/ppm.'
        )
    if not args.out.endswith('.safetensors'):
        raise ValueError(
            f'The prompts are to be written to "{args.out}"; give a name '
            'that ends in .safetensors.'
        )
    config = Config.fromfile(args.config)
    check_options(config, args.cfg_options)
    config.merge_from_dict(args.cfg_options)
    if args.model is not None:
        config.model.diffusion.path = args.model
    size = config.model.maps.get('size', 512)
    # Before the diffusion model, which takes long to load.
    category, shots = read_support(
        args.support, args.images, args.category, args.shots, size
    )
    model = build_model(config, args.checkpoint, args.device)
    start = time.perf_counter()
    file = fit_prompts(model, category, shots)
    seconds = time.perf_counter() - start
    save_prompts(args.out, file)
    print(
        f'{args.out}: {category.num_keypoints} keypoints of {category.name!r} '
        f'from {len(shots)} shots, {seconds:.1f} s'
    )
    report(file)


def report(file: PromptFile) -> None:
    """Say how well each keypoint fits."""
    losses = file.fitted.losses
    for number, name in enumerate(file.category.keypoints):
        steps = int(file.fitted.steps[number])
        if not file.fitted.learned[number]:
            print(f'  {name}: no shot shows it; it will have score 0')
        elif steps:
            first, last = losses[0, number], losses[steps - 1, number]
            print(f'  {name}: loss {first:.4f} -> {last:.4f}, {steps} steps')


def predict(args: argparse.Namespace) -> None:
    """Locate, draw and write."""
    file = load_prompts(args.prompts)
    decoder = PeakDecoder(args.window, args.score)
    images = [(Path(path), read_image(path)) for path in args.pictures]
    stems = [path.stem for path, _ in images]
    if len(set(stems)) < len(stems):
        raise ValueError(
            'Two pictures have the same name, so one result would replace '
            'the other; give them in two calls with different --out.'
        )
    device = usable_device(args.device)
    diffusion = find_diffusion(file, args.model, args.dtype)
    maps = build_maps(file, diffusion.to(device), args.max_batch)
    bbox = None if args.bbox is None else corners(args.bbox)
    out = Path(args.out)
    records = []
    for path, image in images:
        found = locate(file, maps, decoder, image, bbox)
        records.append(to_record(path, found, file))
        draw(out, path.stem, image, found, file)
    write_json(
        out / 'keypoints.json',
        {
            'prompts': args.prompts,
            'prompts_sha256': file_sha256(args.prompts),
            'category': file.category.name,
            'pictures': records,
        },
    )
    print(f'{out / "keypoints.json"}: {len(records)} pictures')


def to_record(path: Path, found: Located, file: PromptFile) -> dict[str, Any]:
    """What the json says of a picture."""
    return {
        'picture': str(path),
        'bbox': found.bbox.round(2).tolist(),
        'keypoints': [
            {
                'name': name,
                'x': round(float(x), 2),
                'y': round(float(y), 2),
                'score': round(float(score), 4),
            }
            for name, (x, y), score in zip(
                file.category.keypoints, found.keypoints, found.scores
            )
        ],
    }


def draw(
    out: Path, stem: str, image: np.ndarray, found: Located, file: PromptFile
) -> None:
    """Write the keypoints and the maps as pictures."""
    instance = DrawnInstance(
        file.category,
        found.bbox,
        found.keypoints,
        np.where(found.scores > 0, PointState.VISIBLE, PointState.ABSENT),
    )
    drawn = draw_instances(
        np.ascontiguousarray(image[..., ::-1]), [instance], numbers=True
    )
    write_image(str(out / f'{stem}.png'), drawn)
    mosaic = draw_maps(
        np.ascontiguousarray(found.crop[..., ::-1]),
        found.maps,
        file.category.keypoints,
        found.peaks,
    )
    write_image(str(out / f'{stem}_maps.png'), mosaic)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; exits with 2 after an error about the user's input."""
    args = parse_args(argv)
    with sentences_only():
        {'fit': fit, 'predict': predict}[args.command](args)
    return 0


if __name__ == '__main__':
    sys.exit(main())
