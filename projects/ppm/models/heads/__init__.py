# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""From maps to keypoints."""

from projects.ppm.models.heads.peak_decoder import PeakDecoder

__all__ = ['PeakDecoder']
