# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""UniKPT: thirteen keypoint data sets read into one."""

from projects.common import compat  # noqa: F401
from projects.unikpt import sources  # noqa: F401  (registers them)
from projects.unikpt.records import SourceInstance, SourcePicture
from projects.unikpt.source import (
    SOURCES,
    Fault,
    Source,
    SourceFiles,
    register_source,
)
from projects.unikpt.vocabulary import Vocabulary, load_vocabulary

__all__ = [
    'Fault',
    'SOURCES',
    'Source',
    'SourceFiles',
    'SourceInstance',
    'SourcePicture',
    'Vocabulary',
    'load_vocabulary',
    'register_source',
]
