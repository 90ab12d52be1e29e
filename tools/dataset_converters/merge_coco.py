# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Merge COCO-style keypoint sets into one file with one vocabulary.

python tools/dataset_converters/merge_coco.py --out data/zoo --split train \
    mouse=data/mouse/annotations/train.json:data/mouse/images \
    fly=data/fly/annotations/train.json:data/fly/images
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.datasets.converters.merge import CocoSource, merge_coco


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Merge COCO-style keypoint sets.'
    )
    parser.add_argument(
        'sources',
        nargs='+',
        metavar='NAME=ANN_FILE:IMAGE_ROOT',
        help='the sets; pictures outside --out are linked, not copied',
    )
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument(
        '--split', default='train', help='writes annotations/SPLIT.json'
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 if the sets cannot be merged."""
    args = parse_args(argv)
    try:
        sources = [CocoSource.parse(text) for text in args.sources]
        counts = merge_coco(sources, args.out, args.split)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: ' + ', '.join(f'{n} {k}' for k, n in counts.items()))
    return 0


if __name__ == '__main__':
    sys.exit(main())
