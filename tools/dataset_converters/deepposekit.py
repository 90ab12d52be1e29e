# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Convert a DeepPoseKit annotation set to a COCO-style keypoint set.

python tools/dataset_converters/deepposekit.py SET.h5 --category fly \
    --out data/fly
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.datasets.converters.coco import (
    LabelledFrame,
    add_common_arguments,
    category_record,
    prompt_names,
    write_coco,
)
from projects.common.datasets.converters.deepposekit import (
    read_annotations,
    read_skeleton,
)

import numpy as np


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Convert a DeepPoseKit annotation set to COCO keypoints.'
    )
    parser.add_argument('h5', type=Path, help='the annotation set')
    parser.add_argument(
        '--skeleton',
        type=Path,
        help='csv file with the columns name, parent, swap; by default '
        'skeleton.csv beside the annotation set',
    )
    parser.add_argument('--supercategory', default='insect', help='its group')
    add_common_arguments(parser)
    return parser.parse_args(argv)


def convert(args: argparse.Namespace) -> dict[str, int]:
    """Convert as the command line says and return what was written."""
    images, points = read_annotations(args.h5)
    skeleton = args.skeleton or args.h5.parent / 'skeleton.csv'
    names, links, pairs = read_skeleton(skeleton)
    if points.shape[1] != len(names):
        raise ValueError(
            f'{skeleton} names {len(names)} keypoints, but {args.h5} has '
            f'{points.shape[1]}; give the skeleton file of this set.'
        )
    category = category_record(
        args.category,
        prompt_names(names, args.rename),
        links,
        pairs,
        args.supercategory,
    )
    digits = len(str(len(images) - 1))
    frames = [
        LabelledFrame(
            f'{index:0{digits}d}.png',
            np.squeeze(image, -1) if image.shape[-1] == 1 else image,
            [keypoints],
        )
        for index, (image, keypoints) in enumerate(zip(images, points))
    ]
    return write_coco(
        args.out, category, frames, args.hold_out_every, args.margin
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 if the set cannot be converted."""
    args = parse_args(argv)
    try:
        counts = convert(args)
    except (FileNotFoundError, ImportError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: ' + ', '.join(f'{n} {k}' for k, n in counts.items()))
    return 0


if __name__ == '__main__':
    sys.exit(main())
