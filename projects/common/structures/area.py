# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The area of an object that has only a box."""

from collections.abc import Mapping
from typing import Any

# Share of its box that an object without a mask is taken to fill; so do the
# evaluation codes of AI Challenger and CrowdPose, xtcocotools and mmpose.
AREA_OF_BOX = 0.53


def object_area(annotation: Mapping[str, Any]) -> float:
    """The area that the object keypoint similarity refers to.

    Args:
        annotation: A COCO annotation with ``bbox`` x, y, w, h in image
            pixels and perhaps ``area``.

    Returns:
        float: ``area`` in square pixels; where it is missing or 0, 0.53 of
        the whole box's, also if the box sticks out of the picture.
    """
    if annotation.get('area'):
        return annotation['area']
    width, height = annotation['bbox'][2:]
    return AREA_OF_BOX * width * height
