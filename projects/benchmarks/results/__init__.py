# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The store of measured results and the tables made from it."""

from projects.benchmarks.results.store import (
    ResultEntry,
    data_file,
    describe_protocol,
    load_entries,
    record,
    verify_entries,
)
from projects.benchmarks.results.tables import render_document

__all__ = [
    'ResultEntry',
    'data_file',
    'describe_protocol',
    'load_entries',
    'record',
    'render_document',
    'verify_entries',
]
