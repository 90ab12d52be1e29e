# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""PPM: keypoints of any category from a frozen text-to-image diffusion model.

Importing this package registers everything its configs name.
"""

# ruff: noqa: F401
import projects.common.compat
import projects.common.datasets
import projects.common.engine
import projects.common.evaluation
import projects.common.visualization
import projects.ppm.apis
import projects.ppm.datasets
import projects.ppm.models
