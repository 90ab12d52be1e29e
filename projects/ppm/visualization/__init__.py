# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Drawing attention maps."""

from projects.ppm.visualization.maps import draw_maps

__all__ = ['draw_maps']
