# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Write the leaderboard: docs/leaderboard.md, .csv and .html.

python tools/analysis_tools/leaderboard.py          # write
python tools/analysis_tools/leaderboard.py --check  # change nothing, for CI
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.benchmarks.leaderboard import (
    Board,
    measured_boards,
    reported_boards,
    to_csv,
    to_markdown,
    to_page,
    zoo_boards,
    zoo_folder,
)
from projects.common.engine.launch import sentences_only
from projects.common.utils.files import write_text

ROOT = Path(__file__).resolve().parents[2]
WRITERS = {'.md': to_markdown, '.csv': to_csv, '.html': to_page}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        'results',
        nargs='*',
        type=Path,
        help='results files, as tools/test.py --record writes them; those of '
        'docs/results if none is given',
    )
    parser.add_argument(
        '--reported',
        type=Path,
        default=ROOT / 'docs/results/reported.yml',
        help='figures that others have published',
    )
    parser.add_argument(
        '--no-zoo',
        action='store_true',
        help="leave out the installed mmpose's model index",
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=ROOT / 'docs/leaderboard',
        help='where to write, without .md, .csv and .html',
    )
    parser.add_argument(
        '--check',
        action='store_true',
        help='write nothing, only say which of the files is out of date',
    )
    return parser.parse_args(argv)


def gather(args: argparse.Namespace) -> list[Board]:
    """All boards that the command line asks for."""
    results = args.results or sorted(ROOT.glob('docs/results/*.json'))
    boards = measured_boards(results) + reported_boards(args.reported)
    return boards if args.no_zoo else boards + zoo_boards(zoo_folder())


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check the leaderboard; 1 if it is out of date."""
    args = parse_args(argv)
    with sentences_only():
        boards = gather(args)
    old = []
    for suffix, write in WRITERS.items():
        path, text = args.out.with_suffix(suffix), write(boards)
        if not args.check:
            write_text(path, text)
            print(f'wrote {path}')
        elif not path.is_file() or path.read_text(encoding='utf-8') != text:
            old.append(path)
            print(
                f'{path} is out of date; run '
                'python tools/analysis_tools/leaderboard.py',
                file=sys.stderr,
            )
    return int(bool(old))


if __name__ == '__main__':
    sys.exit(main())
