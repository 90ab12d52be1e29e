# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
r"""Write a prompt file: what to look for, by names, by examples or by both.

Examples:
  python tools/misc/make_prompt.py data/mouse/train.json --out mouse.json
      all categories of the annotations, by their names
  python tools/misc/make_prompt.py data/mouse/train.json --categories mouse \
      --shots 3 --images data/mouse/images --out mouse.json
      by the three objects with the most labelled keypoints
  python tools/misc/make_prompt.py example.json --support example.jpg \
      --modality combined --out mouse.json
      by the objects of one picture, and by their names
  python tools/misc/make_prompt.py mouse.json --encode --model xpose_tiny \
      --out mouse.safetensors
      a prompt file, encoded for one model, which then needs neither text model
      nor pictures (PPM: fitted)
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.apis import AnyKeypointInferencer
from projects.common.engine.launch import sentences_only
from projects.common.prompt_files import (
    PromptDescription,
    describe_coco,
    is_prompt_file,
    load_prompt,
    save_prompt,
)

from mmengine.config import DictAction


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'source', help='COCO-style keypoint file, or a prompt file (.json)'
    )
    parser.add_argument(
        '--out', required=True, help='file to write: .json, or .safetensors'
    )
    parser.add_argument(
        '--categories', nargs='+', metavar='NAME', help='only these'
    )
    parser.add_argument(
        '--support',
        nargs='+',
        metavar='IMAGE',
        help='pictures whose annotated objects are the examples',
    )
    parser.add_argument(
        '--shots',
        type=int,
        default=0,
        help='how many examples of each category to choose (default: 0, '
        'names alone)',
    )
    parser.add_argument(
        '--images', help="folder of the pictures (default: the file's)"
    )
    parser.add_argument(
        '--modality',
        choices=('visual', 'combined'),
        help='ask by the examples alone (the default), or by their names too',
    )
    parser.add_argument(
        '--encode', action='store_true', help='for one model; with --model'
    )
    parser.add_argument(
        '--model', help='name in model-index.yml or path of a config'
    )
    parser.add_argument('--weights', help='checkpoint of the model')
    parser.add_argument('--text-weights', help='text model for unknown words')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE'
    )
    parser.add_argument('--device', help='default: an accelerator, else cpu')
    args = parser.parse_args(argv)
    if args.encode != (args.model is not None or args.weights is not None):
        parser.error('give --encode together with --model or --weights')
    suffix = '.safetensors' if args.encode else '.json'
    if not args.out.endswith(suffix):
        parser.error(f'--out is {args.out}; let it end in {suffix}')
    return args


def read(args: argparse.Namespace) -> PromptDescription:
    """What the source asks for.

    Raises:
        OSError: If a file does not exist or cannot be read.
        ValueError: If the source is faulty.
    """
    if is_prompt_file(args.source):
        unused = ('categories', 'support', 'shots', 'images', 'modality')
        given = [f'--{name}' for name in unused if getattr(args, name)]
        if given:
            raise ValueError(
                f'"{args.source}" is a prompt file already; leave '
                f'{", ".join(given)} out.'
            )
        return load_prompt(args.source)
    return describe_coco(
        args.source,
        args.support,
        args.categories,
        args.images,
        args.shots,
        args.modality,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Read, perhaps encode, and write; exits with 2 after an error."""
    args = parse_args(argv)
    with sentences_only():
        description = read(args)
        if args.encode:
            inferencer = AnyKeypointInferencer(
                args.model,
                args.weights,
                args.device,
                cfg_options=args.cfg_options,
                text_weights=args.text_weights,
            )
            inferencer.set_prompt(description).save_prompt(args.out)
        else:
            save_prompt(args.out, description)
    shots = sum(map(len, description.examples))
    print(
        f'{args.out}: {len(description.categories)} categories, {shots} '
        'examples'
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
