# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The documents of the sources, written from what their classes say."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from projects.unikpt.locate import select
from projects.unikpt.source import Source
from projects.unikpt.subsets import BALANCED
from projects.unikpt.vocabulary import Vocabulary

NOTE = (
    '<!-- Written by tools/misc/unikpt_pages.py; edit the class of the '
    'source. -->'
)
BEGIN, END = '<!-- sources -->', '<!-- /sources -->'


def page(source: Source, vocabulary: Vocabulary) -> str:
    """Markdown of a source's page."""
    name, folder = source.name, f'data/sources/{source.name}'
    about = inspect.cleandoc(type(source).__doc__ or '').replace('``', '`')
    counts = vocabulary.counts([name])
    rows = [
        ('name here', f'`{name}`'),
        ('licence', source.licence),
        ('page', f'<{source.page}>'),
        ('in the paper', _paper(source)),
        (
            'in our vocabulary',
            f'{counts.keypoints} keypoints, {counts.categories} categories'
            f'{" and more by name" if vocabulary.sources[name].open else ""}',
        ),
        ('in UniKPT', _share(source)),
    ]
    rows += [
        (f'annotation, {split}', ' or '.join(f'`{p}`' for p in patterns))
        for split, patterns in source.annotations.items()
    ]
    table = '\n'.join(f'| {key} | {text} |' for key, text in rows)
    return f"""# {source.title}

{NOTE}

{about}

| | |
| --- | --- |
{table}

## Get it

```text
{source.tree.strip()}
```

Your folder may have any name. Examine it, then build:

```shell
python tools/dataset_converters/unikpt.py doctor --source {name}={folder}
python tools/dataset_converters/unikpt.py build --source {name}={folder} \\
    --out data/unikpt
```

[UniKPT](../unikpt.md) says what these commands do and write.

<details>
<summary>Citation</summary>

```bibtex
{source.bibtex.strip()}
```

</details>
"""


def _paper(source: Source) -> str:
    paper = source.paper
    if not paper:
        return 'not a part of UniKPT'
    return ', '.join(
        f'{paper[key]:,} {word}'
        for key, word in (
            ('keypoints', 'keypoints'),
            ('categories', 'categories'),
            ('images', 'pictures'),
            ('instances', 'instances'),
        )
        if key in paper
    )


def _share(source: Source) -> str:
    if not source.paper:
        return 'with `--add` only'
    subset = BALANCED.get(source.name)
    if subset is None:
        return 'whole'
    return f'{subset.pictures:,} pictures with {subset.instances:,} instances'


def listed(document: str) -> str:
    """A document with the list of sources between its marks renewed.

    Raises:
        ValueError: If the marks are not there.
    """
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(
            f'The document has no lines "{BEGIN}" and "{END}", between which '
            'the list of sources stands; add them.'
        )
    lines = '\n'.join(_lines(select().values()))
    return f'{head}{BEGIN}\n\n{lines}\n\n{END}{tail}'


def _lines(sources: Iterable[Source]) -> Iterable[str]:
    yield '| data set | name here | in UniKPT | licence |'
    yield '| --- | --- | --- | --- |'
    for source in sources:
        yield (
            f'| [{source.title}](unikpt/{source.name}.md) | `{source.name}` '
            f'| {_share(source)} | {source.licence} |'
        )
