# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Benchmarks of several sources, of which some may not have been built."""

from __future__ import annotations

import difflib
import logging
import os.path as osp
from collections.abc import Mapping
from typing import Any

from mmengine.logging import print_log

Benchmarks = Mapping[str, Mapping[str, Any]]


def chosen_benchmarks(
    benchmarks: Benchmarks, names: str, data_root: str, who: str
) -> dict[str, Mapping[str, Any]]:
    """Those benchmarks that are asked for and whose file exists.

    Args:
        benchmarks: Name -> dict with ``ann_file``.
        names: Names with commas between them, or 'all'.
        data_root: Folder that ``ann_file`` starts from.
        who: Named in messages.

    Returns:
        dict: A part of ``benchmarks``; it is logged when files are missing.

    Raises:
        FileNotFoundError: If no file exists.
        ValueError: If a name is unknown.
    """
    wanted = [name.strip() for name in names.split(',')]
    if names == 'all':
        wanted = list(benchmarks)
    for name in wanted:
        if name not in benchmarks:
            close = difflib.get_close_matches(name, benchmarks)
            hint = f'; did you mean {" or ".join(close)}?' if close else '.'
            raise ValueError(
                f'{who}: there is no benchmark {name!r} among '
                f'{", ".join(benchmarks)}{hint}'
            )
    files = {
        name: osp.join(data_root, benchmarks[name]['ann_file'])
        for name in wanted
    }
    absent = [name for name, path in files.items() if not osp.isfile(path)]
    if len(absent) == len(files):
        raise FileNotFoundError(
            f'{who}: none of the annotation files {", ".join(files.values())} '
            'exists; build the sources with '
            'tools/dataset_converters/unikpt.py, or choose others.'
        )
    if absent:
        print_log(
            f'partial: {who} goes without {", ".join(absent)}, not built.',
            logger='current',
            level=logging.WARNING,
        )
    return {name: benchmarks[name] for name in wanted if name not in absent}
