# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Tables of numbers that pandas wrote as HDF5, read without pandas.

``pandas.read_hdf`` unpickles attributes of the file, which runs any code that
somebody put there. Here pickles may hold texts, numbers and their lists and
tuples; one that names anything else is refused.
"""

import io
import pickle
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import h5py
import numpy as np


class Frame(NamedTuple):
    """A table.

    Attributes:
        columns: C names, a tuple of one text for each level of the header;
            those of one type stand together.
        rows: R names, alike.
        values: (R, C) float64.
    """

    columns: list[tuple[str, ...]]
    rows: list[tuple[str, ...]]
    values: np.ndarray


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f'{module}.{name}')


def read_frame(path: str | Path) -> Frame:
    """Read the only table of a file, in either of pandas' formats.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, holds several tables or columns of
            anything but numbers, or something that could run code.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'There is no file "{path}".')
    try:
        with h5py.File(path) as file:
            groups = [g for g in file.values() if 'pandas_type' in g.attrs]
            if len(groups) != 1:
                raise ValueError(f'it holds {len(groups)} tables of pandas')
            [group] = groups
            return (_table if 'table' in group else _fixed)(group)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f'"{path}" was not read: it names {error}, which could run code. '
            'Use a csv file of the same table.'
        ) from error
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(
            f'"{path}" is no table of numbers that pandas wrote: {error}. '
            'Use a csv file of the same table.'
        ) from error


def _fixed(group: h5py.Group) -> Frame:
    blocks = range(group.attrs['nblocks'])
    return _joined(
        [_axis(group, f'block{i}_items') for i in blocks],
        _axis(group, 'axis1'),
        [group[f'block{i}_values'] for i in blocks],
    )


def _axis(group: h5py.Group, name: str) -> list[tuple[str, ...]]:
    if group.attrs[f'{name}_variety'] != b'multi':
        return [(text,) for text in _texts(group[name])]
    levels = [
        np.array(_texts(group[f'{name}_level{i}']), object)[
            np.asarray(group[f'{name}_label{i}'])
        ]
        for i in range(group.attrs[f'{name}_nlevels'])
    ]
    return list(zip(*levels, strict=True))


def _table(group: h5py.Group) -> Frame:
    table = group['table']
    blocks = [n for n in table.dtype.names if n.startswith('values_block_')]
    return _joined(
        [
            [_tuple(column) for column in _plain(table.attrs[f'{name}_kind'])]
            for name in blocks
        ],
        [(text,) for text in _texts(table['index'])],
        [table[name] for name in blocks],
    )


def _joined(
    columns: list[list[tuple[str, ...]]],
    rows: list[tuple[str, ...]],
    values: list[Any],
) -> Frame:
    """One table of the blocks of columns of one type each."""
    for names, block in zip(columns, values, strict=True):
        if block.dtype.kind not in 'iuf':
            raise ValueError(f'the columns {names} hold {block.dtype}')
        if block.shape != (len(rows), len(names)):
            raise ValueError(f'a block of {block.shape} values')
    return Frame(
        [name for names in columns for name in names],
        rows,
        np.concatenate([np.asarray(v, np.float64) for v in values], 1),
    )


def _plain(pickled: bytes) -> Any:
    return _PlainUnpickler(io.BytesIO(bytes(pickled))).load()


def _tuple(names: Any) -> tuple[str, ...]:
    return (
        tuple(map(str, names)) if isinstance(names, tuple) else (str(names),)
    )


def _texts(values: Any) -> list[str]:
    kind = getattr(values, 'attrs', {}).get('kind', b'string')
    if kind not in (b'string', b'integer'):
        raise ValueError(f'names of the kind {kind!r}')
    return [
        value.decode() if isinstance(value, bytes) else str(value)
        for value in np.asarray(values).tolist()
    ]
