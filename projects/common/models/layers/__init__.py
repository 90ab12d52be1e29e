# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Layers that both methods may use."""

from projects.common.models.layers.deformable_attention import (
    BACKENDS,
    DeformableAttention,
    embedding_bag_attention,
)
from projects.common.models.layers.norms import LayerNorm2d

__all__ = [
    'BACKENDS',
    'DeformableAttention',
    'LayerNorm2d',
    'embedding_bag_attention',
]
