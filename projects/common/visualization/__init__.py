# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Drawing boxes, keypoints and skeletons of many categories."""

from projects.common import compat  # noqa: F401
from projects.common.visualization.colors import keypoint_color
from projects.common.visualization.drawing import (
    DrawnInstance,
    PointState,
    draw_instances,
)
from projects.common.visualization.keypoint_visualizer import (
    PromptKeypointVisualizer,
    ground_truth_instances,
    predicted_instances,
    write_image,
)
from projects.common.visualization.legend import append_legend
from projects.common.visualization.maps import mosaic, overlay_map
from projects.common.visualization.panel import (
    DrawnExample,
    prepend_examples,
)

__all__ = [
    'DrawnExample',
    'DrawnInstance',
    'PointState',
    'PromptKeypointVisualizer',
    'append_legend',
    'draw_instances',
    'ground_truth_instances',
    'keypoint_color',
    'mosaic',
    'overlay_map',
    'predicted_instances',
    'prepend_examples',
    'write_image',
]
