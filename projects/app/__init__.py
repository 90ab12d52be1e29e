# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the web page does; only ``page`` needs Gradio (extra ``app``)."""

import projects.common.compat  # noqa: F401
from projects.app.draft import Draft, Point
from projects.app.found import Found, Thresholds
from projects.app.handlers import Asked, Handlers
from projects.app.models import Models
from projects.app.samples import Sample, make_samples
from projects.app.uploads import Limits, Workspace

__all__ = [
    'Asked',
    'Draft',
    'Found',
    'Handlers',
    'Limits',
    'Models',
    'Point',
    'Sample',
    'Thresholds',
    'Workspace',
    'make_samples',
]
