# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import csv
import io
import re

import pytest

from projects.benchmarks.leaderboard import to_csv, to_markdown, to_page
from projects.benchmarks.leaderboard.boards import Board, Row

STAMP = 'PARTIAL: 2 of 9 pictures'


@pytest.fixture
def boards():
    measured = Row(
        'ours|<fast>',
        {'AP': 0.25},
        'run 1',
        stamp=STAMP,
        spread={'AP': 0.01},
        groups={'hand': 0.5, 'face': 0.75},
    )
    paper = Row('theirs', {'AP': 60.0}, 'page 3', link='https://paper')
    zoo = Row('RTMPose', {'AP': 0.7}, 'config.py', 'R50', 'https://w.pth')
    return [
        Board('measured', 'ours', 'shares', ('AP',), (measured,), 'AP', 'AP'),
        Board('reported', 'COCO', '%', ('AP',), (paper,), 'AP'),
        Board('zoo', 'COCO', 'as is', ('AP',), (zoo,), 'AP'),
    ]


def test_csv_has_a_column_per_origin(boards):
    rows = list(csv.DictReader(io.StringIO(to_csv(boards))))
    values = [
        (
            row['method'],
            row['stamp'],
            row['metric'],
            row['Measured here'],
            row['Reported by others'],
            row["mmpose's model zoo"],
        )
        for row in rows
    ]
    assert values == [
        ('ours|<fast>', STAMP, 'AP', '0.25', '', ''),
        ('ours|<fast>', STAMP, 'AP, ci95', '0.01', '', ''),
        ('ours|<fast>', STAMP, 'AP, hand', '0.5', '', ''),
        ('ours|<fast>', STAMP, 'AP, face', '0.75', '', ''),
        ('theirs', '', 'AP', '', '60', ''),
        ('RTMPose', '', 'AP', '', '', '0.7'),
    ]
    assert rows[-1]['source'] == 'config.py'
    assert rows[-1]['link'] == 'https://w.pth'


def test_markdown_has_a_section_per_origin(boards):
    text = to_markdown(boards)
    sections = re.split(r'\n## ', text)[1:]
    names = [section.split('\n')[0] for section in sections]
    assert names == [
        'Measured here',
        'Reported by others',
        "mmpose's model zoo",
    ]
    ours, theirs, zoo = sections
    assert f'| ours\\|<fast> [{STAMP}] |  | 0.25 ± 0.01 | 1 |' in ours
    assert '1. run 1' in ours
    assert '| theirs |  | 60 | 1 |' in theirs
    assert '| [RTMPose](https://w.pth) | R50 | 0.7 |' in zoo


def test_page_needs_nothing_else_and_says_what_is_partial(boards):
    page = to_page(boards)
    assert not re.search(r'(src|href)="(?!#|https://(paper|w\.pth))', page)
    assert '@import' not in page and 'url(' not in page
    assert f'<span class="stamp">[{STAMP}]</span>' in page
    assert 'ours|&lt;fast&gt;' in page
    # The legend and the tooltips of the plot say so as well.
    assert f'</i>ours|&lt;fast&gt; [{STAMP}]</li>' in page
    assert f'<title>ours|&lt;fast&gt; [{STAMP}], hand: 0.5</title>' in page
    assert '<td data-value="0.25">0.25 ± 0.01</td>' in page
    assert '<a href="https://w.pth">RTMPose</a>' in page
