# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""UniKPT from the data sets that you have: examine, build, count.

python tools/dataset_converters/unikpt.py doctor data/sources
python tools/dataset_converters/unikpt.py build data/sources --out data/unikpt
python tools/dataset_converters/unikpt.py stats data/unikpt

docs/dataset_zoo/unikpt.md describes folders, output and exit codes.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.utils.files import write_json, write_text
from projects.unikpt import doctor, stats
from projects.unikpt.build import BuildOptions, build, read_stamp
from projects.unikpt.locate import locate, parse_folders, select
from projects.unikpt.source import SOURCES
from projects.unikpt.subsets import BALANCED, Subset
from projects.unikpt.vocabulary import load_vocabulary

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table

WIDE = 132  # columns that table 2 needs
FAILED = 2  # wrong use, as argparse has it, or nothing that can be done


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='UniKPT from the data sets that you have.',
        epilog='Exit codes: 0 all well; 1 faults (doctor); 2 the command '
        'cannot be carried out; 3 no fault, but sources or annotation files '
        'are missing (doctor).',
    )
    commands = parser.add_subparsers(dest='command', required=True)
    examine = commands.add_parser('doctor', help='what is there and wrong')
    _add_source_arguments(examine)
    examine.add_argument(
        '--quick',
        action='store_true',
        help='read the headers of pictures only: neither cut-off pictures '
        'nor pictures of the same content are found',
    )
    examine.add_argument(
        '--first', type=int, default=3, help='faults of a kind to name'
    )
    examine.add_argument('--json', type=Path, help='write all faults here')
    make = commands.add_parser('build', help='write the set')
    _add_source_arguments(make)
    make.add_argument('--out', type=Path, required=True)
    make.add_argument('--seed', type=int, default=0)
    make.add_argument(
        '--add',
        nargs='+',
        default=[],
        metavar='NAME',
        help='sources outside UniKPT that enter the mix all the same',
    )
    make.add_argument(
        '--subset',
        action='append',
        default=[],
        metavar='NAME=PICTURES[/INSTANCES]',
        help='what of a source enters the mix; NAME=all for all of it',
    )
    make.add_argument(
        '--resplit',
        type=float,
        metavar='SHARE',
        help="hold out this share of every source instead of the source's "
        'own val and test pictures',
    )
    count = commands.add_parser('stats', help='table 2 as found')
    count.add_argument('out', type=Path, help='what `build` wrote')
    count.add_argument('--json', type=Path)
    count.add_argument('--markdown', type=Path)
    return parser.parse_args(argv)


def _add_source_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'root',
        type=Path,
        nargs='?',
        help='folder that holds one folder per source',
    )
    parser.add_argument(
        '--source',
        action='append',
        default=[],
        metavar='NAME=DIR',
        help='folder of a source that lies elsewhere',
    )
    parser.add_argument(
        '--only', nargs='+', metavar='NAME', help='these sources alone'
    )
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1)


def find_folders(args: argparse.Namespace) -> dict[str, Path | None]:
    """The folder of every source that is asked for.

    Without ``--only`` these are the sources of UniKPT and whichever others
    are there.

    Raises:
        ValueError: If no folder or an unknown name is given.
        FileNotFoundError: If a folder does not exist.
    """
    named = parse_folders(args.source)
    if args.root is None and not named:
        raise ValueError(
            'Give the folder that holds the folders of the sources, or '
            '--source NAME=DIR.'
        )
    if args.only is None and args.root is None:
        args.only = list(named)
    folders = locate(args.root, select(args.only), named)
    if args.only is None:
        folders = {
            name: folder
            for name, folder in folders.items()
            if folder is not None or SOURCES[name].paper
        }
    return folders


@contextmanager
def bars(console: Console) -> Iterator[Callable[[str, int, int | None], None]]:
    """Progress bars, one per source; takes name, done and total."""
    columns = (
        *Progress.get_default_columns()[:2],
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, int] = {}

        def update(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total)
            progress.update(tasks[name], completed=done, total=total)

        yield update


def run_doctor(args: argparse.Namespace, console: Console) -> int:
    """Examine; the exit code says what was found."""
    folders = find_folders(args)
    with bars(Console(stderr=True)) as update:
        reports = doctor.examine(
            folders, load_vocabulary(), args.quick, args.workers, update
        )
    doctor.show(reports, console, args.first)
    if args.json is not None:
        content = {report.name: report.as_dict() for report in reports}
        write_json(args.json, content)
    return doctor.exit_code(reports)


def run_build(args: argparse.Namespace, console: Console) -> int:
    """Build what is there."""
    found = find_folders(args)
    folders = {
        name: folder
        for name, folder in found.items()
        if folder is not None and SOURCES[name].find(folder).found
    }
    asked = [n for n in (args.only or []) if n not in folders]
    if asked:
        raise ValueError(
            f'No annotation of {", ".join(asked)} was found; `doctor` says '
            'what is expected where.'
        )
    options = BuildOptions(
        seed=args.seed,
        subsets=_subsets(args.subset),
        resplit=args.resplit,
        added=frozenset(select(args.add)),
        workers=min(args.workers, max(len(folders), 1)),
    )
    done: dict[str, int] = {}
    with bars(Console(stderr=True)) as update:

        def progress(name: str, pictures: int) -> None:
            done[name] = done.get(name, 0) + pictures
            update(name, done[name], None)

        vocabulary = load_vocabulary()
        stamp = build(args.out, folders, vocabulary, options, progress)
    console.print(_build_table(stamp))
    for name, entry in stamp['sources'].items():
        for kind, number in entry['faults'].items():
            example = escape(entry['examples'][kind][0])
            console.print(f'{name}: {number} x {kind}, first: {example}')
    if stamp['partial']:
        text = stats.partial_sentence(stamp)
        console.print(Panel(escape(text), style='bold red'))
    console.print(f'{args.out}: {len(stamp["annotations"])} annotation files')
    return 0


def _subsets(texts: Sequence[str]) -> dict[str, Subset]:
    """The paper's subsets with the changes of the command line."""
    subsets = dict(BALANCED)
    for text in texts:
        name, _, size = text.partition('=')
        select([name])
        subsets.pop(name, None)
        if size != 'all':
            subsets[name] = Subset.parse(size)
    return subsets


def _build_table(stamp: Mapping) -> Table:
    table = Table('source', 'train', 'val', 'test', 'in the mix', 'left out')
    for name, entry in stamp['sources'].items():
        written = entry['written']
        table.add_row(
            name,
            *(
                '{:,} / {:,}'.format(*written[s]) if s in written else ''
                for s in ('train', 'val', 'test')
            ),
            f'{entry["mixed_pictures"]:,} / {entry["mixed_instances"]:,}'
            if entry['in_mix']
            else 'no',
            ', '.join(f'{n:,} {k}' for k, n in entry['left_out'].items()),
        )
    table.caption = 'pictures / objects'
    return table


def run_stats(args: argparse.Namespace, console: Console) -> int:
    """Print table 2."""
    stamp = read_stamp(args.out)
    rows = stats.table(stamp, load_vocabulary())
    table = Table(*stats.HEADER, caption=stats.LEGEND)
    for row in rows:
        table.add_row(*map(escape, stats.cells(row)))
    console.width = max(console.width, WIDE)
    console.print(table)
    for row in rows:
        for sentence in row['differences']:
            console.print(escape(f'{row["title"]}: {sentence}'))
    if args.json is not None:
        write_json(args.json, rows)
    if args.markdown is not None:
        write_text(args.markdown, stats.markdown(rows))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        Exit code, see ``--help``.
    """
    args = parse_args(argv)
    run = {'doctor': run_doctor, 'build': run_build, 'stats': run_stats}
    try:
        return run[args.command](args, Console())
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return FAILED


if __name__ == '__main__':
    sys.exit(main())
