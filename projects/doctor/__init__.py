# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Looks at the environment: ``python -m projects.doctor``."""

from projects.common import compat  # noqa: F401
