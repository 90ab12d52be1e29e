# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Draw pictures of a COCO-style keypoint set: look before you train."""

import argparse
import os.path as osp
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.datasets import CocoKeypointFile
from projects.common.visualization import (
    DrawnInstance,
    PointState,
    append_legend,
    draw_instances,
    write_image,
)

import cv2
import numpy as np


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('ann_file', help='COCO-style keypoint json')
    parser.add_argument('img_root', help='folder that file_name starts from')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument(
        '--num', type=int, default=12, help='how many pictures (default 12)'
    )
    parser.add_argument('--seed', type=int, default=0, help='which ones')
    parser.add_argument(
        '--names',
        action='store_true',
        help='number the keypoints and list their names beside the picture',
    )
    parser.add_argument(
        '--categories',
        nargs='+',
        metavar='NAME',
        help='draw only these, in pictures that hold one of them',
    )
    parser.add_argument(
        '--montage',
        action='store_true',
        help='also write all of them as one picture, montage.jpg',
    )
    return parser.parse_args(argv)


def choose_images(
    source: CocoKeypointFile, num: int, seed: int, must_have: bool
) -> list[Mapping]:
    """Draw pictures at random, in the order of the file.

    Args:
        source: The data set.
        num: How many at most.
        seed: Seed of the choice.
        must_have: Whether every picture has to hold an object.
    """
    images = [
        image
        for image in source.images
        if not must_have or len(source.instances(image)['gt_labels'])
    ]
    if len(images) > num:
        chosen = sorted(random.Random(seed).sample(range(len(images)), num))
        images = [images[i] for i in chosen]
    return images


def load_instances(
    source: CocoKeypointFile, image: Mapping
) -> list[DrawnInstance]:
    """Objects of one picture, ready to draw."""
    truth = source.instances(image)
    instances = []
    for label, box, keypoints in zip(
        truth['gt_labels'], truth['gt_bboxes'], truth['gt_keypoints']
    ):
        category = source.categories[label]
        keypoints = keypoints[: category.num_keypoints]
        states = keypoints[:, 2].astype(int)
        instances.append(
            DrawnInstance(category, box, keypoints[:, :2], states)
        )
    return instances


def draw_image(
    source: CocoKeypointFile, image: Mapping, img_root: str, names: bool
) -> np.ndarray:
    """Draw one picture with its objects and the legend.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        OSError: If the picture cannot be read.
    """
    path = osp.join(img_root, image['file_name'])
    picture = cv2.imread(path)
    if picture is None:
        raise OSError(
            f'The picture {path} (image id {image["id"]}) is missing or '
            'cannot be read; check the folder of the pictures.'
        )
    instances = load_instances(source, image)
    canvas = draw_instances(picture[..., ::-1], instances, numbers=names)
    listed = {i.category.name: i.category for i in instances} if names else {}
    states = (PointState.VISIBLE, PointState.HIDDEN)
    return append_legend(canvas, list(listed.values()), states)


def make_montage(
    images: Sequence[np.ndarray], height: int = 480
) -> np.ndarray:
    """Lay pictures out in rows of about the same length.

    Args:
        images: (H, W, 3) uint8, of any size.
        height: Height of a row, pixels.
    """
    scaled = [
        cv2.resize(
            image,
            (max(1, round(image.shape[1] * height / image.shape[0])), height),
            interpolation=cv2.INTER_AREA,
        )
        for image in images
    ]
    per_row = max(1, round(len(scaled) ** 0.5))
    rows = [
        np.concatenate(scaled[i : i + per_row], axis=1)
        for i in range(0, len(scaled), per_row)
    ]
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(r, ((0, 0), (0, width - r.shape[1]), (0, 0))) for r in rows]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Write the drawn pictures and print where they are."""
    args = parse_args(argv)
    try:
        source = CocoKeypointFile(args.ann_file, args.categories)
        source.find_pictures(args.img_root, must_exist=False)
        images = choose_images(
            source, args.num, args.seed, args.categories is not None
        )
        if not images:
            raise ValueError(
                f'{args.ann_file} has no picture to draw; choose other '
                'categories or another file.'
            )
        drawn = []
        for image in images:
            canvas = draw_image(source, image, args.img_root, args.names)
            name = osp.splitext(image['file_name'])[0].replace('/', '_')
            write_image(osp.join(args.out, f'{name}.jpg'), canvas)
            drawn.append(canvas)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    if args.montage:
        montage = make_montage(drawn)
        write_image(osp.join(args.out, 'montage.jpg'), montage)
    print(f'Wrote {len(drawn)} pictures to {args.out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
