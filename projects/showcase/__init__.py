# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The demo: data, a short training, evaluation, predictions, a page."""

from projects.common import compat  # noqa: F401
