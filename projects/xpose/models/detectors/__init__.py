# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""X-Pose detectors."""
