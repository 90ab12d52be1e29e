# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""X-Pose's modules; importing this registers them."""

from projects.xpose.models.detectors.memory_matching import (
    EnhancerMemory,
    MemoryMatching,
)
from projects.xpose.models.detectors.xpose import XPose
from projects.xpose.models.detectors.xpose_regions import XPoseRegions
from projects.xpose.models.heads.xpose_head import XPoseHead
from projects.xpose.models.task_modules.match_costs import (
    KeypointL1Cost,
    OKSCost,
)

__all__ = [
    'EnhancerMemory',
    'KeypointL1Cost',
    'MemoryMatching',
    'OKSCost',
    'XPose',
    'XPoseHead',
    'XPoseRegions',
]
