# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Prompts of example pictures."""

from .base_keypoint_tower import KeypointTower
from .conv_keypoint_tower import ConvImageTower
from .open_clip_keypoint_tower import OpenCLIPImageTower
from .visual_prompt_encoder import VisualPromptEncoder

__all__ = [
    'ConvImageTower',
    'KeypointTower',
    'OpenCLIPImageTower',
    'VisualPromptEncoder',
]
