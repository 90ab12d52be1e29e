# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import os
import pickle

import h5py
import numpy as np
import pytest

from projects.common.datasets.converters.pandas_hdf import read_frame

pandas = pytest.importorskip('pandas')
pytest.importorskip('tables')
VALUES = np.array([[0.5, 1, np.nan, 3], [4, 5, 6, 7]])
COLUMNS = [
    ('me', 'a', 'x'),
    ('me', 'a', 'y'),
    ('me', 'b', 'x'),
    ('me', 'b', 'y'),
]
ROWS = ['labeled-data/v/1.png', 'labeled-data/v/2.png']


def write(path, form='fixed', rows=ROWS, columns=COLUMNS):
    names = ('scorer', 'individuals', 'bodyparts', 'coords')
    names = names if len(columns[0]) == 4 else names[:1] + names[2:]
    frame = pandas.DataFrame(
        VALUES, rows, pandas.MultiIndex.from_tuples(columns, names=names)
    )
    frame.to_hdf(path, key='df_with_missing', format=form)
    return path


@pytest.mark.parametrize('form', ['fixed', 'table'])
@pytest.mark.parametrize('animals', [False, True])
def test_both_formats_of_pandas(form, animals, tmp_path):
    columns = COLUMNS
    if animals:
        columns = [(s, 'mouse 1', *rest) for s, *rest in COLUMNS]
    frame = read_frame(write(tmp_path / 'a.h5', form, columns=columns))
    assert frame.columns == columns
    assert [row[-1] for row in frame.rows] == ROWS
    np.testing.assert_array_equal(frame.values, VALUES)


def test_paths_in_three_columns(tmp_path):
    rows = pandas.MultiIndex.from_tuples(
        [('labeled-data', 'v', '2.png'), ('labeled-data', 'v', '1.png')]
    )
    frame = read_frame(write(tmp_path / 'a.h5', rows=rows))
    assert frame.rows == list(rows)
    np.testing.assert_array_equal(frame.values, VALUES)


class Planted:
    def __reduce__(self):
        return os.mkdir, ('planted',)


def test_code_in_the_file_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / 'a.h5', 'table')
    with h5py.File(path, 'r+') as file:
        attributes = file['df_with_missing/table'].attrs
        code = pickle.dumps([Planted()], 0)
        attributes['values_block_0_kind'] = np.bytes_(code)
    with pytest.raises(
        ValueError, match=r'it names posix\.mkdir, which could'
    ):
        read_frame(path)
    assert not (tmp_path / 'planted').exists()


def test_other_files(tmp_path):
    with pytest.raises(FileNotFoundError, match='There is no file'):
        read_frame(tmp_path / 'no.h5')
    (tmp_path / 'text.h5').write_text('text')
    with pytest.raises(ValueError, match='is no table of numbers that pandas'):
        read_frame(tmp_path / 'text.h5')
    with h5py.File(tmp_path / 'other.h5', 'w') as file:
        file['x'] = [1]
    with pytest.raises(ValueError, match='it holds 0 tables of pandas'):
        read_frame(tmp_path / 'other.h5')
    mixed = pandas.DataFrame({'a': [1.5], 'b': ['text']})
    for form in ('fixed', 'table'):
        mixed.to_hdf(tmp_path / 'mixed.h5', key='x', mode='w', format=form)
        with pytest.raises(ValueError, match='no table of numbers'):
            read_frame(tmp_path / 'mixed.h5')


@pytest.mark.parametrize('form', ['fixed', 'table'])
def test_whole_numbers_beside_others(form, tmp_path):
    mixed = pandas.DataFrame({'a': [1.5, 2.5], 'b': [2, 3]}, ['r', 's'])
    mixed.to_hdf(tmp_path / 'a.h5', key='x', format=form)
    frame = read_frame(tmp_path / 'a.h5')
    assert frame.rows == [('r',), ('s',)]
    columns = dict(zip(frame.columns, frame.values.T.tolist()))
    assert columns == {('a',): [1.5, 2.5], ('b',): [2, 3]}
