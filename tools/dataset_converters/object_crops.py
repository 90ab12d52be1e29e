# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
r"""Cut every object out of its picture: small square pictures of one object.

python tools/dataset_converters/object_crops.py \
    data/synthkpt/annotations/synthmp_split1_train.json \
    --without data/synthkpt/annotations/synthmp_split1_test.json \
    --without data/synthkpt/annotations/synthmp_split1_val.json \
    --out data/synthkpt_crops/split1

Methods of category-agnostic pose estimation see such squares. --without
leaves out pictures that another file lists too: what else they show must not
be seen.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.datasets.object_crops import ObjectCutter


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('annotations', type=Path, help='COCO-style json')
    parser.add_argument(
        '--without',
        type=Path,
        action='append',
        default=[],
        metavar='ANN_FILE',
        help='leave out the pictures of this file; may be repeated',
    )
    parser.add_argument(
        '--images',
        type=Path,
        help='folder of the pictures; default: the one above the folder of '
        'the annotations',
    )
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument(
        '--size', type=int, default=96, help='side of a crop in pixels'
    )
    parser.add_argument(
        '--context',
        type=float,
        default=1.5,
        help="side of a crop in shares of the box's longer side",
    )
    parser.add_argument('--workers', type=int, default=os.cpu_count())
    args = parser.parse_args(argv)
    if args.size < 1 or args.context <= 0 or args.workers < 1:
        parser.error('--size, --context and --workers must be positive')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 if something cannot be read."""
    args = parse_args(argv)
    images = args.images or args.annotations.parent.parent
    cutter = ObjectCutter(images, args.out, args.size, args.context)
    try:
        counts = cutter.cut_all(args.annotations, args.without, args.workers)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: ' + ', '.join(f'{n} {k}' for k, n in counts.items()))
    return 0


if __name__ == '__main__':
    sys.exit(main())
