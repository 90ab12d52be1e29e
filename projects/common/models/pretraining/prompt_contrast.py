# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Teaching a new image tower what the text tower calls things.

X-Pose takes CLIP's two towers, which agree on what they see and read before
the detector is trained (section 3.1). A small tower of one's own agrees with
nothing: this stage gives it that start, at a small part of a detector's cost.

Dims: R categories asked for by example, T their shown keypoints, E embedding::

    shots --image tower--> objects (R, E), keypoints (T, E)
    names --text tower---> objects (R, E), keypoints (T, E), constant
    both less the mean text; every visual one is to be nearest its own text
    among all different texts of the batch
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor

from projects.common.models.prompt_encoders.multi_modal_prompt_encoder import (
    MultiModalPromptEncoder,
)


@MODELS.register_module()
class PromptContrast(BaseModel):
    """Trains the visual part of a prompt encoder against its text part.

    The result's ``prompt_encoder.visual.tower`` starts a detector through
    ``init_cfg=dict(type='Pretrained', checkpoint=..., prefix=...)`` of its
    tower.

    Args:
        prompt_encoder: Config of a :class:`MultiModalPromptEncoder`.
        temperature: Of the softmax over cosines, positive.
        data_preprocessor: See ``mmengine.model.BaseModel``.
        init_cfg: See ``mmengine.model.BaseModule``.

    Raises:
        ValueError: If the temperature is not positive.
    """

    def __init__(
        self,
        prompt_encoder: dict[str, Any],
        temperature: float = 0.1,
        data_preprocessor: dict[str, Any] | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        if temperature <= 0:
            raise ValueError(
                f'PromptContrast: temperature is {temperature}; give a '
                'positive number such as 0.1.'
            )
        self.prompt_encoder: MultiModalPromptEncoder = MODELS.build(
            prompt_encoder
        )
        self.temperature = temperature

    def forward(
        self,
        inputs: Tensor,
        data_samples: list[PoseDataSample],
        mode: str = 'loss',
    ) -> dict[str, Tensor]:
        """Compute the losses of a batch of prompts.

        Args:
            inputs: The pictures (B, 3, H, W); not looked at.
            data_samples: With ``prompts``; categories asked for by text
                alone teach nothing here.
            mode: 'loss'.

        Returns:
            ``loss_object`` and ``loss_keypoint``, and the shares of objects
            and keypoints that are nearest their own text, ``acc_*``.

        Raises:
            ValueError: If the mode is another one, or the batch has no
                category with a shot.
        """
        if mode != 'loss':
            raise ValueError(
                f'PromptContrast has no mode {mode!r}: it is a training '
                'stage; build the detector on its tower to predict.'
            )
        asked = [
            (category, sample.prompts.style, shots)
            for sample in data_samples
            for category, shots in zip(
                sample.prompts.categories, sample.prompts.supports
            )
            if shots
        ]
        if not asked:
            raise ValueError(
                'No category of the batch has a shot; set modality_probs of '
                'SampleSupports to visual=1.0.'
            )
        visual = self.prompt_encoder.visual.embed_supports(
            [shots for *_, shots in asked]
        )
        text = self.prompt_encoder.text.embed_categories(
            (category, style) for category, style, _ in asked
        )
        shown = visual.shown.to(visual.keypoints.device)
        losses = {}
        for name, seen, read in (
            ('object', visual.objects, text.objects),
            ('keypoint', visual.keypoints[shown], text.keypoints[shown]),
        ):
            loss, accuracy = contrast(seen, read, self.temperature)
            losses[f'loss_{name}'] = loss
            losses[f'acc_{name}'] = accuracy
        return losses


def contrast(
    visual: Tensor, text: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """How far visual embeddings are from their texts.

    The sum of a cross-entropy among the different texts and of one minus the
    cosine, so that they become not only the nearest but the same. The mean
    text is taken off both before: sentences about objects all point much
    the same way, and what tells them apart is the rest.

    Args:
        visual: (M, E).
        text: (M, E), rows may repeat; with fewer than two different ones
            the loss is constant.
        temperature: Of the softmax.

    Returns:
        Loss, and the share of rows nearest their own text; both scalars.
    """
    table, target = torch.unique(text.float(), dim=0, return_inverse=True)
    mean = table.mean(0)
    seen = F.normalize(visual.float() - mean, dim=-1)
    cosines = seen @ F.normalize(table - mean, dim=-1).T  # (M, texts)
    own = cosines.gather(1, target[:, None])
    loss = F.cross_entropy(cosines / temperature, target) + (1 - own).mean()
    return loss, (cosines.argmax(1) == target).float().mean()
