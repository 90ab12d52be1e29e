# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Comparing promptable models with models of a fixed keypoint list."""

from projects.benchmarks.comparison.crowds import (
    Crowd,
    crowded_pictures,
    largest_objects,
)
from projects.benchmarks.comparison.fixed_set import fixed_keypoint_set
from projects.benchmarks.comparison.latency import paired_medians
from projects.benchmarks.comparison.scores import best_boxes, score_results

__all__ = [
    'Crowd',
    'best_boxes',
    'crowded_pictures',
    'fixed_keypoint_set',
    'largest_objects',
    'paired_medians',
    'score_results',
]
