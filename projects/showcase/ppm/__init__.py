# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""PPM's part of the demo."""

from projects.showcase.ppm.episode import show_episode
from projects.showcase.ppm.page import render_part
from projects.showcase.ppm.part import run_part

__all__ = ['render_part', 'run_part', 'show_episode']
