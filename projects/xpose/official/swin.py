# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Channel order of Swin's patch merging.

Swin's authors concatenate the four pixels of a 2x2 patch as whole feature
vectors, down the columns first: (row 0, column 0), (1, 0), (0, 1), (1, 1).
mmdet gathers them with ``nn.Unfold``: channel by channel, and within a
channel along the rows. Same layer, other order of its 4C inputs.
"""

from torch import Tensor

# Position of each of the authors' pixels in mmdet's order, and back: the
# exchange of the two middle pixels is its own inverse.
_PIXELS = [0, 2, 1, 3]


def merging_to_mmdet(tensor: Tensor) -> Tensor:
    """Reorder the last axis (4C) from the authors' order to mmdet's."""
    pixels = tensor.unflatten(-1, (4, -1))  # (..., pixel, C)
    return pixels[..., _PIXELS, :].transpose(-1, -2).flatten(-2)


def merging_to_official(tensor: Tensor) -> Tensor:
    """Reorder the last axis (4C) from mmdet's order to the authors'."""
    pixels = tensor.unflatten(-1, (-1, 4)).transpose(-1, -2)
    return pixels[..., _PIXELS, :].flatten(-2)
