# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A trained model in a few lines of Python."""

from .inference import init_model, predict
from .supports import read_supports, support_shot
from .xpose_backend import XPoseBackend

__all__ = [
    'XPoseBackend',
    'init_model',
    'predict',
    'read_supports',
    'support_shot',
]
