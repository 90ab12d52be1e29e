# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Put MP-100 together from the data sets that its pictures come from.

python tools/dataset_converters/mp100.py doctor data/mp100/annotations \
    --sources /data --out data/mp100
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.datasets.mp100.mp100_doctor import (
    PARTIAL_FOLDER,
    CategoryReport,
    collect,
    find_parts,
    partial_text,
    read_annotations,
    wanted_pictures,
    write_partial,
)
from projects.common.datasets.mp100.mp100_parts import ALIASES, PART_OF, PARTS
from projects.common.utils.checkpoints import file_sha256
from projects.common.utils.files import write_json

#: Exit codes.
COMPLETE, ERROR, PARTIAL = 0, 1, 3


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Put MP-100 together from its thirteen sources.'
    )
    commands = parser.add_subparsers(dest='command', required=True)
    doctor = commands.add_parser(
        'doctor',
        help='find, link and count the pictures of every category',
        description='Find the pictures that the annotation names, link them '
        'to where it expects them, and say per category what is missing. '
        f'Exit code {COMPLETE}: all there; {PARTIAL}: some are missing; '
        f'{ERROR}: nothing could be done.',
    )
    doctor.add_argument(
        'annotations', type=Path, help='folder with mp100_*.json'
    )
    doctor.add_argument(
        '--sources',
        type=Path,
        metavar='DIR',
        help='folder that holds the sources under their usual names: '
        + ', '.join(part.folders[0] for part in PARTS),
    )
    doctor.add_argument(
        '--source',
        nargs='+',
        default=[],
        metavar='NAME=DIR',
        help='folders of single sources: '
        + ', '.join(part.name for part in PARTS),
    )
    doctor.add_argument(
        '--out', type=Path, required=True, help='folder of MP-100'
    )
    doctor.add_argument(
        '--copy', action='store_true', help='copy pictures, not link them'
    )
    doctor.add_argument('--dry-run', action='store_true', help='write nothing')
    return parser.parse_args(argv)


def named_folders(texts: Sequence[str]) -> dict[str, Path]:
    """Read ``NAME=DIR`` texts.

    Raises:
        ValueError: If a text has another form.
    """
    folders = {}
    for text in texts:
        name, equals, folder = text.partition('=')
        if not equals or not folder:
            raise ValueError(f'--source {text}: write NAME=DIR.')
        folders[name] = Path(folder)
    return folders


def print_reports(
    reports: Mapping[str, CategoryReport], parts: Mapping[str, Path]
) -> None:
    """Print a line per category, then what is wrong, source by source."""
    for report in reports.values():
        part = PART_OF.get(report.name)
        alias = ALIASES.get(report.name)
        print(
            f'{report.name:<24} {report.found:>6}/{report.expected:<6} '
            f'{part.title if part else "unknown":<14}'
            + (f' = {alias}' if alias else '')
            + (f' ({report.ambiguous} ambiguous)' if report.ambiguous else '')
        )
    for part in PARTS:
        lacking = [
            r
            for r in reports.values()
            if r.name in part.categories and not r.complete
        ]
        if lacking and part.name not in parts:
            print(f'{part.title} was not found. Get it: {part.page}')
        if lacking and part.note:
            print(f'  note: {part.note}')
        _print_problems(lacking)
    _print_problems([r for r in reports.values() if r.name not in PART_OF])


def _print_problems(reports: Sequence[CategoryReport]) -> None:
    for report in reports:
        for file, problem in list(report.problems.items())[:3]:
            print(f'  {ascii(file)[1:-1]}: {ascii(problem)[1:-1]}')
        if len(report.problems) > 3:
            print(f'  ... {report.name}: {len(report.problems)} in all')


def doctor(args: argparse.Namespace) -> int:
    """Run the command ``doctor``; returns the exit code."""
    contents = read_annotations(args.annotations)
    parts = find_parts(args.sources, named_folders(args.source))
    wanted = wanted_pictures(contents)
    reports = collect(
        wanted,
        parts,
        args.out / 'images',
        args.copy,
        args.dry_run,
        progress=lambda name: print(f'... {name}', file=sys.stderr),
    )
    print_reports(reports, parts)
    complete = [name for name, report in reports.items() if report.complete]
    incomplete = [name for name in reports if name not in complete]
    if args.dry_run:
        texts = {
            name: text
            for name, content in contents.items()
            if (text := partial_text(name, content, incomplete))
        }
    else:
        texts = write_partial(contents, reports, args.out)
        write_json(args.out / 'mp100.json', _stamp(args, reports, texts))
    print(f'{len(complete)} of {len(reports)} categories are complete.')
    for text in texts.values():
        print(text)
    if texts and not args.dry_run:
        print(
            f'Evaluate with the files in {args.out / PARTIAL_FOLDER}; their '
            'results say that they are partial.'
        )
    return PARTIAL if incomplete else COMPLETE


def _stamp(
    args: argparse.Namespace,
    reports: Mapping[str, CategoryReport],
    texts: Mapping[str, str],
) -> dict:
    return {
        'partial': any(not report.complete for report in reports.values()),
        'files': {
            path.name: {
                'sha256': file_sha256(path),
                'partial': texts.get(path.name, ''),
            }
            for path in sorted(args.annotations.glob('mp100_*.json'))
        },
        'categories': {
            report.name: {
                'source': getattr(PART_OF.get(report.name), 'name', ''),
                'holds': ALIASES.get(report.name, ''),
                'expected': report.expected,
                'found': report.found,
                'ambiguous': report.ambiguous,
                'problems': report.problems,
            }
            for report in reports.values()
        },
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = parse_args(argv)
    try:
        return doctor(args)
    except (OSError, ImportError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return ERROR


if __name__ == '__main__':
    sys.exit(main())
