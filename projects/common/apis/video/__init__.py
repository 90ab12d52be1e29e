# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a video has that a picture lacks: tracks and smooth keypoints."""
