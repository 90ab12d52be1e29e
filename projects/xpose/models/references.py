# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""How references move: one implementation for decoder, head and losses.

Dims: B batch, N queries, G groups, K keypoints, D channels. Boxes and
references are cx, cy, w, h, keypoints x, y, all in 0..1 of the unpadded
picture.
"""

import torch
from mmdet.models.layers import MLP, inverse_sigmoid
from mmengine.model import BaseModule
from torch import Tensor, nn

# The released model clamps here; DINO uses the same value in its decoder.
EPS = 1e-3


def move_in_logit_space(reference: Tensor, delta: Tensor) -> Tensor:
    """Move coordinates in 0..1 by ``delta`` before the sigmoid."""
    return (inverse_sigmoid(reference, eps=EPS) + delta).sigmoid()


class ReferenceRefiner(BaseModule):
    """Branches that move boxes and keypoints, shared by all layers.

    Args:
        embed_dims (int): D.
        keypoint_frame (str): ``'image'`` moves keypoints in logit space of
            the picture, as the released model does; ``'box'`` moves them in
            units of the object's box, so that small and large objects are
            learned alike and keypoints may lie outside the picture.
        max_keypoints (int, optional): Length of the table of start sizes
            of keypoint references (the released model has 68, one per
            slot). None predicts the start size from the keypoint's prompt,
            which knows no order and no limit.

    Raises:
        ValueError: If ``keypoint_frame`` is unknown.
    """

    def __init__(
        self,
        embed_dims: int,
        keypoint_frame: str = 'box',
        max_keypoints: int | None = None,
    ) -> None:
        super().__init__()
        if keypoint_frame not in ('image', 'box'):
            raise ValueError(
                'keypoint_frame must be "image" or "box", '
                f'got "{keypoint_frame}".'
            )
        self.keypoint_frame = keypoint_frame
        self.max_keypoints = max_keypoints
        self.box_branch = MLP(embed_dims, embed_dims, 4, 3)
        self.proposal_branch = MLP(embed_dims, embed_dims, 4, 3)
        self.keypoint_branch = MLP(embed_dims, embed_dims, 2, 3)
        self.keypoint_size_branch = MLP(embed_dims, embed_dims, 2, 3)
        if keypoint_frame == 'box':
            self.start_branch = MLP(embed_dims, embed_dims, 2, 3)
        if max_keypoints is None:
            self.start_size_branch = nn.Linear(embed_dims, 2)
        else:
            self.start_size = nn.Embedding(max_keypoints, 2)

    def init_weights(self) -> None:
        """Start every branch at "do not move"."""
        for branch in self.children():
            if isinstance(branch, MLP):
                nn.init.zeros_(branch.layers[-1].weight)
                nn.init.zeros_(branch.layers[-1].bias)
        # A keypoint first looks at about a third of its object.
        if self.max_keypoints is None:
            nn.init.zeros_(self.start_size_branch.weight)
            nn.init.constant_(self.start_size_branch.bias, -0.7)
        else:
            nn.init.constant_(self.start_size.weight, -0.7)

    def refine_boxes(self, reference: Tensor, query: Tensor) -> Tensor:
        """(..., 4) references and (..., D) queries -> (..., 4) boxes."""
        return move_in_logit_space(reference, self.box_branch(query))

    def refine_groups(self, reference: Tensor, query: Tensor) -> Tensor:
        """(B, G, 1 + K, 4), (B, G, 1 + K, D) -> (B, G, 1 + K, 4)."""
        box = self.refine_boxes(reference[:, :, :1], query[:, :, :1])
        keypoint, query = reference[:, :, 1:], query[:, :, 1:]
        size = move_in_logit_space(
            keypoint[..., 2:], self.keypoint_size_branch(query)
        )
        xy = self.refine_keypoints(keypoint, query, reference[:, :, :1])
        return torch.cat([box, torch.cat([xy, size], -1)], 2)

    @staticmethod
    def detach_groups(reference: Tensor) -> Tensor:
        """Detach (B, G, 1 + K, 4) except for the sizes of keypoints.

        No loss compares these sizes with anything: they are learned through
        the attention that they steer.
        """
        fixed = reference.detach()
        size = torch.cat([fixed[:, :, :1, 2:], reference[:, :, 1:, 2:]], 2)
        return torch.cat([fixed[..., :2], size], -1)

    def refine_keypoints(
        self, reference: Tensor, query: Tensor, box: Tensor
    ) -> Tensor:
        """Move keypoints.

        Args:
            reference (Tensor): (B, G, K, 4).
            query (Tensor): (B, G, K, D).
            box (Tensor): (B, G, 1, 4) the group's box reference.

        Returns:
            Tensor: (B, G, K, 2).
        """
        delta = self.keypoint_branch(query)
        if self.keypoint_frame == 'box':
            return reference[..., :2] + delta * box[..., 2:]
        return move_in_logit_space(reference[..., :2], delta)

    def start_keypoints(
        self, content: Tensor, query: Tensor, box: Tensor
    ) -> Tensor:
        """Place the keypoint references of newly kept objects.

        Args:
            content (Tensor): (B, G, K, D) keypoint prompts.
            query (Tensor): (B, G, D) object queries.
            box (Tensor): (B, G, 4).

        Returns:
            Tensor: (B, G, K, 4).

        Raises:
            ValueError: If K exceeds ``max_keypoints``.
        """
        centre, size = box[:, :, None, :2], box[:, :, None, 2:]
        if self.keypoint_frame == 'box':
            # The object query knows the pose, the prompt which keypoint.
            offset = self.start_branch(content + query[:, :, None])
            xy = centre + offset * size
        else:
            xy = move_in_logit_space(centre, self.keypoint_branch(content))
        # Attention teaches the share, not the box.
        size = self._start_size(content).sigmoid() * size.detach()
        return torch.cat([xy, size], -1)

    def _start_size(self, content: Tensor) -> Tensor:
        if self.max_keypoints is None:
            return self.start_size_branch(content)
        num_keypoints = content.shape[2]
        if num_keypoints > self.max_keypoints:
            raise ValueError(
                f'A category has {num_keypoints} keypoints, this model knows '
                f'sizes for {self.max_keypoints}. Split the category, or use '
                'a model with max_keypoints=None.'
            )
        return self.start_size.weight[:num_keypoints].expand(
            *content.shape[:3], 2
        )
