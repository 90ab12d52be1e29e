# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Write docs/dataset_zoo/unikpt/*.md and the list in unikpt.md anew."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.utils.files import write_text
from projects.unikpt.locate import select
from projects.unikpt.pages import listed, page
from projects.unikpt.vocabulary import load_vocabulary

FOLDER = Path(__file__).resolve().parents[2] / 'docs' / 'dataset_zoo'


def wanted() -> dict[Path, str]:
    """Every document and what it has to hold."""
    vocabulary, index = load_vocabulary(), FOLDER / 'unikpt.md'
    documents = {
        FOLDER / 'unikpt' / f'{name}.md': page(source, vocabulary)
        for name, source in select().items()
    }
    documents[index] = listed(index.read_text(encoding='utf-8'))
    return documents


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 if ``--check`` finds documents out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--check', action='store_true', help='only say what is out of date'
    )
    args = parser.parse_args(argv)
    stale = [
        path
        for path, text in wanted().items()
        if not path.is_file() or path.read_text(encoding='utf-8') != text
    ]
    for path in stale:
        print(path.relative_to(FOLDER))
        if not args.check:
            write_text(path, wanted()[path])
    return int(args.check and bool(stale))


if __name__ == '__main__':
    sys.exit(main())
