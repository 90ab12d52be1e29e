# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The released X-Pose checkpoint: convert it, check our model against it.

``convert SRC DST`` writes a checkpoint of ours, ``export SRC DST`` does the
opposite, ``check FIXTURE`` repeats recorded runs of the released model.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.engine.launch import sentences_only
from projects.common.utils.files import write_text
from projects.xpose.official import check_file, convert_file, export_file


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest='command', required=True)

    convert = commands.add_parser('convert', help='released layout to ours')
    convert.add_argument('source', help='checkpoint with {"model": ...}')
    convert.add_argument('target', help='checkpoint to write')
    convert.add_argument(
        '--config',
        help='config of the model; the released sizes, or those that the '
        'file brings along, if not given',
    )
    convert.add_argument(
        '--allow-pickle',
        action='store_true',
        help='read a file that holds Python objects; it can run any code',
    )

    export = commands.add_parser('export', help='our layout to the released')
    export.add_argument('source', help='checkpoint of ours')
    export.add_argument('target', help='checkpoint to write')
    export.add_argument(
        '--config', help='its config, if it does not hold one itself'
    )
    export.add_argument('--clip', help='text tower to put in, .safetensors')

    check = commands.add_parser('check', help='repeat recorded runs')
    check.add_argument('fixture', help='file with model, config and cases')
    check.add_argument('--json', help='write the differences to this file')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Returns:
        int: 1 if a check failed, else 0. Errors about the user's input exit
        with 2.
    """
    args = parse_args(argv)
    with sentences_only():
        if args.command == 'convert':
            print(
                convert_file(
                    args.source, args.target, args.config, args.allow_pickle
                )
            )
            return 0
        if args.command == 'export':
            names = export_file(
                args.source, args.target, args.config, args.clip
            )
            print(f'{args.target}: {len(names)} tensors')
            return 0
        result = check_file(args.fixture)
    print(result)
    if args.json is not None:
        write_text(args.json, json.dumps(result.to_json(), indent=2))
    return 0 if result.passed else 1


if __name__ == '__main__':
    sys.exit(main())
