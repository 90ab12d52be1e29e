# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import yaml

from projects.benchmarks.leaderboard.reported import reported_boards
from tests.conftest import REPO_ROOT

OURS = REPO_ROOT / 'docs/results/reported.yml'


def content():
    return {
        'sources': {
            'one': {'title': 'First', 'url': 'https://one'},
            'two': {'title': 'Second', 'url': 'https://two'},
        },
        'tables': [
            {
                'source': 'one',
                'where': 'page 1, table 2',
                'board': 'MP-100',
                'unit': 'PCK',
                'columns': ['split 1', 'mean', 'ms per object'],
                'rank': 'mean',
                'rows': [
                    ['A', 'R50', 10, 20.5, 57],
                    ['A', 'R50, ids', 11, None, 57],
                    ['B', 'R50', 30, 40, None],
                ],
            },
            {
                'source': 'two',
                'where': 'page 3, table 4',
                'note': 'rerun',
                'board': 'MP-100',
                'unit': 'PCK',
                'columns': ['split 1', 'mean'],
                'rank': 'mean',
                'rows': [['A', '', 10, 20.5], ['B', 'R50', 30, 41]],
            },
        ],
    }


@pytest.fixture
def write(tmp_path):
    def write(data):
        path = tmp_path / 'reported.yml'
        path.write_text(yaml.safe_dump(data))
        return path

    return write


def test_tables_of_a_board_are_put_together(write):
    (board,) = reported_boards(write(content()))
    assert (board.origin, board.title, board.main) == (
        'reported',
        'MP-100',
        'mean',
    )
    assert board.columns == ('split 1', 'mean', 'ms per object')
    found = [(r.method, r.detail, r.values.get('mean')) for r in board.rows]
    assert found == [
        ('B', 'R50', 41),  # printed differently by the second source
        ('B', 'R50', 40),
        ('A', 'R50', 20.5),
        ('A', 'R50, ids', None),
    ]
    merged = board.rows[2]
    assert merged.values['ms per object'] == 57
    assert merged.source == (
        'First, page 1, table 2; Second, page 3, table 4 (rerun)'
    )
    assert board.rows[0].link == 'https://two'


@pytest.mark.parametrize(
    'change, message',
    [
        ({'where': None}, 'where is missing or unknown'),
        ({'page': 3}, 'page is missing or unknown'),
        ({'source': 'three'}, 'the source three is not among "sources"'),
        ({'rank': 'AP'}, 'there is no column "AP"'),
        ({'groups': ['legs']}, 'there is no column "legs"'),
        ({'rows': [['A', '', 1]]}, 'the row of A has 1 figures for 3 columns'),
        ({'rows': [['A']]}, r"the row \['A'\] must be a list: method, detail"),
        ({'rows': ['A']}, 'the row A must be a list: method, detail'),
        ({'rows': [[1, '', 1, 2, 3]]}, r'the row \[1, .* must be a list'),
        ({'rows': [['A', '', 1, '2 ms', 3]]}, 'a number or null for each'),
        ({'rows': None}, 'rows is None, it must be a list'),
        ({'unit': 3}, 'unit is 3, it must be a text'),
        ({'columns': ['mean', 1, 2]}, 'the column 1 must be a text'),
        ({1: 3}, '1 is missing or unknown'),
    ],
)
def test_what_is_wrong_is_said(write, change, message):
    data = content()
    data['tables'][0].update(change)
    if change == {'where': None}:
        del data['tables'][0]['where']
    with pytest.raises(ValueError, match=f'table "MP-100" .*{message}'):
        reported_boards(write(data))


@pytest.mark.parametrize(
    'text, message',
    [
        ('tables: [', ' is no valid yaml: while parsing .* line 1, '),
        ('a: \xff', ' is no valid yaml: '),
        ('', ' must hold "sources", names with title and url'),
        ('- a', ' must hold "sources", names with title and url'),
        ('sources: [a]', ' must hold "sources", names with title and url'),
        ('sources: {}', ' must hold "tables", a list'),
        ('sources: {}\ntables: {}', ' must hold "tables", a list'),
        ('sources: {a: b}\ntables: []', ': the source a must have a title'),
        (
            'sources: {a: {title: b}}\ntables: []',
            ': the source a must have a title and a url',
        ),
        ('sources: {}\ntables: [a]', ': "a" is no table; each one starts'),
    ],
)
def test_a_malformed_file_is_named(tmp_path, text, message):
    path = tmp_path / 'reported.yml'
    path.write_bytes(text.encode('latin-1'))
    with pytest.raises(ValueError, match=f'^{path}{message}') as error:
        reported_boards(path)
    assert '\n' not in str(error.value)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='give it with --reported'):
        reported_boards(tmp_path / 'none.yml')


def test_our_copy_of_the_papers_adds_up():
    """Means that the papers print are those of the figures beside them."""
    boards = {board.title: board for board in reported_boards(OURS)}
    checked = 0
    for board in boards.values():
        for row in board.rows:
            parts = [
                row.values[name]
                for name in board.columns
                if name in row.values
                and (name.startswith('split') or name in row.groups)
            ]
            if len(parts) < 4 or row.method == 'MAML' and row.groups:
                continue  # the paper's mean of this row is misprinted
            # One source rounds its splits to one decimal.
            assert row.values['mean'] == pytest.approx(
                sum(parts) / len(parts), abs=0.06
            ), (board.title, row.label)
            checked += 1
    assert checked == 44
    cross = boards['MP-100, unseen super-categories, 1 shot']
    assert cross.rows[0].groups['furniture'] == 60.59
    few = boards['MP-100, unseen sub-categories, 5 shots']
    assert [row.values['mean'] for row in few.rows[:2]] == [92.83, 92.58]


def test_every_figure_has_a_place():
    data = yaml.safe_load(OURS.read_text())
    papers = [t for t in data['tables'] if t['source'] in ('xpose', 'ppm')]
    places = {(t['source'], t['where']) for t in papers}
    assert places == {
        ('xpose', 'page 11, table 3'),
        ('xpose', 'page 11, table 4'),
        ('xpose', 'page 12, table 5'),
        ('xpose', 'page 13, table 6'),
        ('ppm', 'page 12, table 1'),
        ('ppm', 'page 13, table 2'),
        ('ppm', 'page 14, table 3'),
    }
    counts = [len(t['rows']) for t in papers]
    assert sum(counts) == 7 + 2 * 2 + 5 + 3 + 7 + 2 * 7 + 2
