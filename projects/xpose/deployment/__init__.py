# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""X-Pose as one graph: picture and encoded prompt in, keypoints out."""

from .check import TOLERANCE, OnnxModel, compare, example_inputs
from .export import export_onnx, export_program, metadata
from .graph import XPoseGraph

__all__ = [
    'TOLERANCE',
    'OnnxModel',
    'XPoseGraph',
    'compare',
    'example_inputs',
    'export_onnx',
    'export_program',
    'metadata',
]
