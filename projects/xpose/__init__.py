# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""X-Pose: promptable, end-to-end keypoint detection of several objects.

Importing this package registers everything its configs name.
"""

# ruff: noqa: F401
import projects.common.compat
import projects.common.datasets
import projects.common.engine
import projects.common.evaluation
import projects.common.models.backbones
import projects.common.models.baselines
import projects.common.models.layers
import projects.common.models.pretraining
import projects.common.models.prompt_encoders
import projects.common.visualization
import projects.xpose.apis
import projects.xpose.engine
import projects.xpose.models
