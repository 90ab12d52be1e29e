# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Say whether a COCO-style keypoint file can be used as it is.

python tools/dataset_converters/check_coco.py ann.json images/

Training, evaluation and the other tools make the same check before anything
else. The file itself is never changed. Exit status: 0 if it is fine as it is,
1 if something is mended on reading, 2 if it cannot be used.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.datasets.coco import check_coco, check_pictures


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Say whether a COCO-style keypoint file can be used.',
        epilog='Exit status: 0 fine as it is, 1 mended on reading, 2 refused.',
    )
    parser.add_argument('ann_file', help='COCO-style keypoint json')
    parser.add_argument(
        'img_root',
        nargs='?',
        type=Path,
        help='folder that file_name starts from; without it pictures are not '
        'looked at',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report; the exit status says what it comes to."""
    args = parse_args(argv)
    try:
        content, report = check_coco(args.ann_file)
        if args.img_root is not None and not args.img_root.is_dir():
            raise FileNotFoundError(
                f'The picture folder {args.img_root} does not exist.'
            )
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if args.img_root is not None and not report.refused:
        check_pictures(content['images'], args.img_root, report)
    print(report.table())
    return report.exit_code


if __name__ == '__main__':
    sys.exit(main())
