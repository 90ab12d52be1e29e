# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""SynthKPT, the procedural keypoint data set."""

from projects.common import compat  # noqa: F401
