# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Files, paths, pictures, options: what every room needs."""
