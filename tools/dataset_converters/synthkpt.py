# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Makes SynthKPT, the procedural keypoint data set.

Example:
    python tools/dataset_converters/synthkpt.py --out data/synthkpt \
        --seed 0 --size small
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.synthkpt.writer import SIZES, generate


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--out',
        default='data/synthkpt',
        type=Path,
        help='folder of the data set',
    )
    parser.add_argument('--seed', default=0, type=int)
    parser.add_argument(
        '--size',
        default='full',
        choices=sorted(SIZES),
        help='full: 12,000 + 1,500 pictures; small: 600 + 200',
    )
    parser.add_argument(
        '--workers',
        default=os.cpu_count() or 1,
        type=int,
        help='processes; the result does not depend on it',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        Exit status: 0, or 1 after an error that is printed as a sentence.
    """
    args = parse_args(argv)
    counts = SIZES[args.size]
    start = time.perf_counter()
    try:
        generate(args.out, args.seed, counts, args.workers)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    seconds = time.perf_counter() - start
    print(
        f'{args.out}: {counts["train"]} training and {counts["val"]} '
        f'validation pictures, {seconds:.1f} s'
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
