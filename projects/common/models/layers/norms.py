# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Normalisation layers that mmcv lacks."""

from mmpose.registry import MODELS
from timm.layers import LayerNorm2d

# Each place of a map by itself, over its channels: unlike GroupNorm it does
# not depend on how far a picture was padded.
MODELS.register_module(module=LayerNorm2d)

__all__ = ['LayerNorm2d']
