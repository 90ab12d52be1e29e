# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a user may ask for: categories with keypoints, and prompts of them."""

from projects.common.structures.area import object_area
from projects.common.structures.category import (
    COCO_PERSON_SIGMAS,
    DEFAULT_SIGMA,
    KeypointCategory,
)
from projects.common.structures.duplicates import best_of_each_object
from projects.common.structures.prompt import MODALITIES, KeypointPrompt
from projects.common.structures.sides import contradicting_pair
from projects.common.structures.support import (
    SupportShot,
    crop_square,
    crop_support,
)

__all__ = [
    'COCO_PERSON_SIGMAS',
    'DEFAULT_SIGMA',
    'KeypointCategory',
    'KeypointPrompt',
    'MODALITIES',
    'SupportShot',
    'best_of_each_object',
    'contradicting_pair',
    'crop_square',
    'crop_support',
    'object_area',
]
