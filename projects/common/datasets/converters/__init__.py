# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Other people's annotation files, turned into ours."""
