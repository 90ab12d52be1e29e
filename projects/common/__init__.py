# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What both methods use.

Only the compatibility hook is imported here: it has to be in place before
anything of mmdet, mmpose, torchvision or transformers, and the doctor has to
start in an environment where those are broken or missing.
"""

from projects.common import compat  # noqa: F401
