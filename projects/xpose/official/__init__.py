# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The released X-Pose checkpoint: conversion and numerical check."""

from .check import CheckResult, check_file
from .checkpoint import convert_file, export_file
from .report import ConversionError, ConversionReport
from .source import UnsafeFileError

__all__ = [
    'CheckResult',
    'ConversionError',
    'ConversionReport',
    'UnsafeFileError',
    'check_file',
    'convert_file',
    'export_file',
]
