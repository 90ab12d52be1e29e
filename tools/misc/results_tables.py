# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Write the tables of the docs from docs/results/*.json.

python tools/misc/results_tables.py          # write
python tools/misc/results_tables.py --check  # change nothing, for CI
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.benchmarks.results import (
    load_entries,
    render_document,
    verify_entries,
)
from projects.common.utils.files import write_text


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check the tables; 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--root',
        type=Path,
        default=Path(__file__).resolve().parents[2],
        help='root of the repository',
    )
    parser.add_argument(
        '--check',
        action='store_true',
        help='only say which tables are out of date and which entries '
        'name configs or checkpoints that are gone',
    )
    args = parser.parse_args(argv)
    problems = update_tables(args.root, args.check)
    if args.check:
        for file in sorted((args.root / 'docs/results').glob('*.json')):
            problems += verify_entries(load_entries(file), args.root)
    for problem in problems:
        print(problem, file=sys.stderr)
    return int(bool(problems))


def update_tables(root: Path, check: bool) -> list[str]:
    """Write the tables of README.md, docs/**/*.md and checkpoints/*.md.

    Args:
        root: Root of the repository.
        check: Write nothing.

    Returns:
        list: A sentence for every document that is out of date (with
        ``check``) or has a wrong marker.
    """
    problems = []
    documents = ('*.md', 'docs/**/*.md', 'checkpoints/*.md')
    for path in (p for d in documents for p in sorted(root.glob(d))):
        text = path.read_text(encoding='utf-8')
        name = path.relative_to(root)
        try:
            new = render_document(text, root / 'docs/results')
        except (FileNotFoundError, ValueError) as error:
            problems.append(f'{name}: {error}')
            continue
        if new == text:
            continue
        if check:
            problems.append(
                f'{name}: tables are out of date; run '
                'python tools/misc/results_tables.py'
            )
        else:
            write_text(path, new)
            print(f'wrote {name}')
    return problems


if __name__ == '__main__':
    sys.exit(main())
