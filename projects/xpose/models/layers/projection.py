# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""From the channels of the prompt encoder to those of the model."""

from collections.abc import Sequence

import torch
from mmdet.models.layers import MLP
from torch import Tensor, nn


class NameSeparation(nn.Module):
    """Sets the embeddings of keypoints' names apart.

    Sentence encoders give the names of a category's keypoints nearly the
    same vector: that of the object, of which "left" and "right" change a
    hundredth. Two things are done about it, both linear:

    - the directions in which mirror partners ("left eye", "right eye")
      differ, which are few and the same for all, are stretched by
      ``side_gain``;
    - those in which categories differ as a whole are shrunk by
      ``object_gain``: which object it is, the object's prompt says.

    The mean of all names goes first. The statistics are those of a
    vocabulary. They are buffers and travel in the checkpoint; until they are
    fitted nothing changes. Whitening (ZCA)
    separates names as well, but noise with them: words that no training
    showed then find the names that mean the same less often.

    Args:
        width (int): E, channels of the prompt encoder.
        side_gain (float): At least 1.
        object_gain (float): 0 to 1.
        num_sides (int): Directions that are stretched.
        num_objects (int): Directions that are shrunk.
    """

    mean: Tensor  # (E,)
    matrix: Tensor  # (E, E)

    def __init__(
        self,
        width: int,
        side_gain: float = 4.0,
        object_gain: float = 0.3,
        num_sides: int = 4,
        num_objects: int = 16,
    ) -> None:
        super().__init__()
        self.side_gain, self.object_gain = side_gain, object_gain
        self.num_sides, self.num_objects = num_sides, num_objects
        self.register_buffer('mean', torch.zeros(width))
        self.register_buffer('matrix', torch.eye(width))

    @torch.no_grad()
    def fit(
        self,
        embeddings: Sequence[Tensor],
        swap_pairs: Sequence[Sequence[tuple[int, int]]],
    ) -> None:
        """Take the statistics of a vocabulary.

        Args:
            embeddings (Sequence[Tensor]): (K, E) of every category.
            swap_pairs (Sequence): Indices of its mirror partners.
        """
        embeddings = [rows.double().cpu() for rows in embeddings]
        mean = torch.cat(embeddings).unique(dim=0).mean(0)
        objects = torch.stack([rows.mean(0) for rows in embeddings]) - mean
        sides = [
            rows[first] - rows[second]
            for rows, pairs in zip(embeddings, swap_pairs, strict=True)
            for first, second in pairs
        ]
        matrix = torch.eye(len(mean)).to(mean)
        matrix = matrix @ _scaled(objects, self.num_objects, self.object_gain)
        if sides:
            matrix = matrix @ _scaled(
                torch.stack(sides), self.num_sides, self.side_gain
            )
        self.mean.copy_(mean)
        self.matrix.copy_(matrix)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map (..., E) embeddings, in float32: differences are small."""
        with torch.autocast(embeddings.device.type, enabled=False):
            apart = (embeddings.float() - self.mean) @ self.matrix
        return apart.to(embeddings)


def _scaled(rows: Tensor, count: int, gain: float) -> Tensor:
    """(E, E) that scales the ``count`` directions (N, E) rows vary most in.

    Directions in which they hardly vary, as those of one category's mean
    about itself, are arbitrary and stay.
    """
    _, lengths, directions = torch.linalg.svd(rows, full_matrices=False)
    vary = lengths > 1e-6 * rows.abs().max().clamp(min=1)
    directions = directions[:count][vary[:count]]
    identity = torch.eye(rows.shape[1]).to(rows)
    return identity + (gain - 1) * directions.T @ directions


def prompt_projection(
    width: int, embed_dims: int, normalized: bool
) -> nn.Module:
    """Three-layer MLP on the last axis.

    Args:
        width (int): Channels of the prompt encoder.
        embed_dims (int): D.
        normalized (bool): Normalise before and after it, so that encoders
            of any scale start with prompts that differ.
    """
    mlp = MLP(width, embed_dims, embed_dims, 3)
    if not normalized:
        return mlp
    return nn.Sequential(nn.LayerNorm(width), mlp, nn.LayerNorm(embed_dims))
