# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
r"""Put images side by side, all of one height, for a README.

python tools/misc/image_row.py found/drawn/a.jpg found/drawn/b.jpg \
    --out row.jpg --height 200
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.engine.launch import sentences_only
from projects.common.utils.argument_types import count
from projects.common.utils.pictures import read_picture
from projects.common.visualization import write_image

import cv2
import numpy as np

GAP = 6  # pixels, white


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Put images side by side, all of one height.'
    )
    parser.add_argument('images', nargs='+', metavar='IMAGE')
    parser.add_argument('--out', required=True, type=Path)
    parser.add_argument('--height', type=count, default=200, help='pixels')
    return parser.parse_args(argv)


def row_of(images: Sequence[np.ndarray], height: int) -> np.ndarray:
    """(height, W, 3) of (h, w, 3) images, scaled, with gaps between."""
    gap = np.full((height, GAP, 3), 255, np.uint8)
    parts = []
    for image in images:
        width = max(1, round(image.shape[1] * height / image.shape[0]))
        shrink = image.shape[0] > height
        parts += [
            cv2.resize(
                image,
                (width, height),
                interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC,
            ),
            gap,
        ]
    return np.concatenate(parts[:-1], 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parse_args(argv)
    with sentences_only():
        images = [read_picture(path) for path in args.images]
        row = row_of(images, args.height)
        write_image(str(args.out), row[..., ::-1])  # BGR to RGB
    return 0


if __name__ == '__main__':
    sys.exit(main())
