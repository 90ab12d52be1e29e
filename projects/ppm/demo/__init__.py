# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""PPM's part of the demo."""

from projects.ppm.demo.episode import show_episode
from projects.ppm.demo.page import render_part
from projects.ppm.demo.part import run_part

__all__ = ['render_part', 'run_part', 'show_episode']
