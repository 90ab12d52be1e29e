# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""One category with a fixed keypoint list, out of a file with many.

python tools/dataset_converters/fixed_keypoints.py \
    data/synthkpt/annotations/synthkpt_train.json --like dog --name animal \
    --out data/synthkpt/annotations/fixed_animal_train.json
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.benchmarks.comparison import fixed_keypoint_set
from projects.common.datasets.coco import read_coco, with_lists
from projects.common.engine.launch import sentences_only
from projects.common.utils.files import write_text


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('ann_file', type=Path, help='COCO-style keypoint json')
    parser.add_argument(
        '--like',
        required=True,
        help='category whose keypoints are the list; all categories that '
        'have these are taken',
    )
    parser.add_argument(
        '--name', required=True, help='name of the category that is written'
    )
    parser.add_argument('--out', type=Path, required=True)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Write the file and say what is in it."""
    args = parse_args(argv)
    with sentences_only():
        convert(args.ann_file, args.like, args.name, args.out)


def convert(ann_file: Path, like: str, name: str, out: Path) -> None:
    """Read, select, write.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be used or has no category ``like``.
    """
    content, _ = read_coco(str(ann_file))
    content['annotations'] = list(map(with_lists, content['annotations']))
    fixed = fixed_keypoint_set(content, like, name)
    write_text(out, json.dumps(fixed))
    (record,) = fixed['categories']
    print(
        f'{out}: {len(fixed["images"])} pictures, '
        f'{len(fixed["annotations"])} objects with '
        f'{len(record["keypoints"])} keypoints, from '
        f'{", ".join(fixed["info"]["categories"])}'
    )


if __name__ == '__main__':
    main()
