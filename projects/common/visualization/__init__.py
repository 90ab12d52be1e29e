# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Drawing boxes, keypoints and skeletons of many categories."""

from projects.common import compat  # noqa: F401
from projects.common.visualization.drawing import (
    DrawnInstance,
    PointState,
    draw_instances,
    keypoint_colors,
)
from projects.common.visualization.keypoint_visualizer import (
    PromptKeypointVisualizer,
    ground_truth_instances,
    predicted_instances,
    write_image,
)
from projects.common.visualization.legend import append_legend

__all__ = [
    'DrawnInstance',
    'PointState',
    'PromptKeypointVisualizer',
    'append_legend',
    'draw_instances',
    'ground_truth_instances',
    'keypoint_colors',
    'predicted_instances',
    'write_image',
]
