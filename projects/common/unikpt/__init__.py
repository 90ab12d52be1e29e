# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""UniKPT: thirteen keypoint data sets read into one."""

from projects.common.unikpt import sources  # noqa: F401  (registers them)
from projects.common.unikpt.records import SourceInstance, SourcePicture
from projects.common.unikpt.source import (
    SOURCES,
    Fault,
    Source,
    SourceFiles,
    register_source,
)
from projects.common.unikpt.vocabulary import Vocabulary, load_vocabulary

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
