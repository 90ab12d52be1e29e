# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Lets mmcv-lite and a CPU-only torch serve mmdet, mmpose and torchvision.

Two gaps are closed, each only where it exists:

1. mmcv-lite has no ``mmcv._ext``, which ``mmcv.ops`` loads when imported.
2. torchvision built for CUDA does not load its operators beside a CPU-only
   torch, and then ``import torchvision`` itself fails.

Importing this package installs an import hook and nothing else: neither torch
nor mmcv is imported, so it is cheap and works where they are missing. What
the hook does is decided when one of the modules is really imported.

The folder is self-contained (only relative imports), because
:mod:`projects.common.compat.startup` copies it into a virtual environment.
"""

from .hook import install

install()
