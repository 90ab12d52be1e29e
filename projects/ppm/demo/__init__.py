# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""PPM's part of the demo."""

from projects.ppm.demo.episode import show_episode

__all__ = ['show_episode']
