# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""MP-100: its files, its index of categories, its doctor."""

from projects.common.datasets.mp100.mp100 import MP100Dataset, MP100File

__all__ = ['MP100Dataset', 'MP100File']
