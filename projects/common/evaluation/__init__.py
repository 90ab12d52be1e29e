# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Evaluation: AP, PCK and honest scores of detectors, PCK of episodes."""

from projects.common import compat  # noqa: F401
from projects.common.evaluation.cape_pck import CapePCK
from projects.common.evaluation.keypoint_quality import (
    area_under_roc,
    expected_calibration_error,
)
from projects.common.evaluation.oks_ap import (
    box_average_precision,
    keypoint_average_precision,
)
from projects.common.evaluation.pck import match_boxes, pck_counts
from projects.common.evaluation.per_source_metric import PerSourceMetric
from projects.common.evaluation.prompt_alignment import PromptAlignment
from projects.common.evaluation.prompt_keypoint_metric import (
    PromptKeypointMetric,
)

__all__ = [
    'CapePCK',
    'PerSourceMetric',
    'PromptAlignment',
    'PromptKeypointMetric',
    'area_under_roc',
    'box_average_precision',
    'expected_calibration_error',
    'keypoint_average_precision',
    'match_boxes',
    'pck_counts',
]
