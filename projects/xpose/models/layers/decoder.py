# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Object and keypoint decoders (paper 3.2).

Dims: B batch, N object queries, G groups (kept objects), K keypoints,
D channels. References are cx, cy, w, h in 0..1 of the unpadded picture.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from mmdet.models.layers import MLP, coordinate_to_encoding
from mmengine.config import ConfigDict
from mmengine.model import BaseModule, ModuleList
from torch import Tensor, nn

from ..references import ReferenceRefiner
from .decoder_layer import PromptDecoderLayer


@dataclass
class DecoderStates:
    """What one stage leaves behind.

    Attributes:
        hidden (list[Tensor]): Normalised queries after each layer.
        references (list[Tensor]): The references that entered each layer,
            with gradient to the layer before.
        query (Tensor): Queries after the last layer, not normalised.
        reference (Tensor): Refined references after the last layer.
    """

    hidden: list[Tensor]
    references: list[Tensor]
    query: Tensor
    reference: Tensor


class PromptPoseDecoder(BaseModule):
    """Two object layers, then four keypoint layers (numbers by config).

    Args:
        num_object_layers (int): Layers that see object queries only.
        num_keypoint_layers (int): Layers that see [box, keypoints] groups.
        layer_cfg (dict): Arguments of :class:`PromptDecoderLayer`.
        isolated_boxes (bool): In the keypoint layers, let box slots attend
            to themselves alone. What an object is taken for must not depend
            on the category whose keypoints it was given: in training that is
            always the true one, and a box that sees its keypoints learns to
            repeat it. The released model, which is asked for one category at
            a time, lets them look.
    """

    def __init__(
        self,
        num_object_layers: int,
        num_keypoint_layers: int,
        layer_cfg: ConfigDict,
        isolated_boxes: bool = False,
    ) -> None:
        super().__init__()
        self.num_object_layers = num_object_layers
        self.isolated_boxes = isolated_boxes
        self.layers = ModuleList(
            PromptDecoderLayer(**layer_cfg)
            for _ in range(num_object_layers + num_keypoint_layers)
        )
        self.embed_dims = self.layers[0].embed_dims
        self.ref_point_head = MLP(
            self.embed_dims * 2, self.embed_dims, self.embed_dims, 2
        )
        self.norm = nn.LayerNorm(self.embed_dims)

    def forward_objects(
        self,
        query: Tensor,
        reference: Tensor,
        refiner: ReferenceRefiner,
        **context: Any,
    ) -> DecoderStates:
        """Run the object layers on (B, N, D) queries, (B, N, 4) boxes."""
        return self._run(
            self.layers[: self.num_object_layers],
            query,
            reference,
            refiner.refine_boxes,
            Tensor.detach,
            **context,
        )

    def forward_keypoints(
        self,
        query: Tensor,
        reference: Tensor,
        refiner: ReferenceRefiner,
        group_mask: Tensor,
        **context: Any,
    ) -> DecoderStates:
        """Run the keypoint layers.

        Args:
            query (Tensor): (B, G, 1 + K, D), slot 0 is the box.
            reference (Tensor): (B, G, 1 + K, 4).
            refiner (ReferenceRefiner): Moves references.
            group_mask (Tensor): (B, G, 1 + K) True = real slot.
            context: Image and prompt tensors of the decoder layers.

        Returns:
            DecoderStates: Tensors shaped as ``query`` and ``reference``.
        """
        blocked = None
        if self.isolated_boxes:
            slots = torch.arange(query.shape[2], device=query.device)
            blocked = (slots[:, None] == 0) & (slots > 0)
        return self._run(
            self.layers[self.num_object_layers :],
            query,
            reference,
            refiner.refine_groups,
            refiner.detach_groups,
            self_attn_mask=blocked,
            group_mask=group_mask,
            **context,
        )

    def _run(
        self,
        layers: Iterable[PromptDecoderLayer],
        query: Tensor,
        reference: Tensor,
        refine: Callable[[Tensor, Tensor], Tensor],
        detach: Callable[[Tensor], Tensor],
        valid_ratios: Tensor,
        **context: Any,
    ) -> DecoderStates:
        """Update queries layer by layer, moving references in between."""
        shape = query.shape
        ratios = torch.cat([valid_ratios, valid_ratios], -1)[:, None]
        hidden, references = [], [reference]
        for layer in layers:
            # Look forward twice (DINO): the loss of a layer reaches the
            # layer before through its reference, attention does not.
            reference = detach(references[-1])
            points = reference.view(shape[0], -1, 1, 4) * ratios
            position = self.ref_point_head(
                coordinate_to_encoding(points[:, :, 0], self.embed_dims // 2)
            )
            query = layer(
                query.view(shape[0], -1, shape[-1]),
                query_pos=position,
                reference_points=points,
                **context,
            ).view(shape)
            hidden.append(self.norm(query))
            references.append(refine(reference, query))
        return DecoderStates(hidden, references[:-1], query, references[-1])
