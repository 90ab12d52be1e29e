# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Backbones that neither mmdet nor mmpose has."""

from projects.common.models.backbones.open_clip_backbone import (
    OpenCLIPBackbone,
)
from projects.common.models.backbones.timm_backbone import TimmBackbone

__all__ = ['OpenCLIPBackbone', 'TimmBackbone']
