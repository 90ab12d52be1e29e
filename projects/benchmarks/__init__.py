# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What is measured: timing, results, their leaderboard, comparisons."""

from projects.common import compat  # noqa: F401
