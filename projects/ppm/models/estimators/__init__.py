# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Estimators that mmengine's runner trains and tests."""

from projects.ppm.models.estimators.ppm import PPM

__all__ = ['PPM']
