# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the web page does; only ``page`` needs Gradio (extra ``app``)."""

from projects.common import compat  # noqa: F401
from projects.common.app.draft import Draft, Point
from projects.common.app.found import Found, Thresholds
from projects.common.app.handlers import Asked, Handlers
from projects.common.app.models import Models
from projects.common.app.samples import Sample, make_samples
from projects.common.app.uploads import Limits, Workspace

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
