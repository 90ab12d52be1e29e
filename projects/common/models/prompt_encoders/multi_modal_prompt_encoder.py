# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Text, visual and combined prompts, chosen for each category."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor

from projects.common.models.prompt_encoders.base_prompt_encoder import (
    BasePromptEncoder,
    CategoryRows,
    EncodedPrompts,
)
from projects.common.models.prompt_encoders.padding import pad_rows
from projects.common.models.prompt_encoders.text.base_text_tower import (
    TextTower,
)
from projects.common.models.prompt_encoders.text.templates import (
    PromptTemplate,
)
from projects.common.models.prompt_encoders.text.text_prompt_encoder import (
    TextPromptEncoder,
)
from projects.common.models.prompt_encoders.text.vocabulary import Vocabulary
from projects.common.models.prompt_encoders.visual import VisualPromptEncoder
from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.common.structures.prompt import MODALITIES


@MODELS.register_module()
class MultiModalPromptEncoder(BasePromptEncoder):
    """Encodes each category by its names, its shots, or both, in one pass.

    A combined category takes text alone for keypoints that no shot shows; a
    visual one masks them out. Prompts without shots never run the image
    tower, prompts without names asked for never need the text tower.

    A checkpoint of a model with :class:`TextPromptEncoder` can be loaded;
    its vocabulary goes to ``text``.

    Args:
        text: Config of a :class:`TextPromptEncoder`.
        visual: Config of a :class:`VisualPromptEncoder` of the same D.
        fusion: Config of a :class:`PromptFusion`, without ``embed_dims``;
            objects and keypoints get one each.
        init_cfg: See ``mmengine.model.BaseModule``.

    Raises:
        ValueError: If the two encoders differ in D.
    """

    def __init__(
        self,
        text: dict[str, Any],
        visual: dict[str, Any],
        fusion: dict[str, Any],
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        names: TextPromptEncoder = MODELS.build(text)
        shots: VisualPromptEncoder = MODELS.build(visual)
        if names.embed_dims != shots.embed_dims:
            raise ValueError(
                f'The text embeddings have {names.embed_dims} dimensions and '
                f'the visual ones {shots.embed_dims}; set embed_dims of the '
                "image tower to the text tower's, or take the two towers of "
                'one CLIP model.'
            )
        super().__init__(names.embed_dims, init_cfg)
        self.text, self.visual = names, shots
        self.object_fusion, self.keypoint_fusion = (
            MODELS.build({**fusion, 'embed_dims': self.embed_dims})
            for _ in range(2)
        )

    def forward(self, prompts: list[KeypointPrompt]) -> EncodedPrompts:
        """Encode B prompts, in the type of the text embeddings.

        Raises:
            TextTowerError: See :meth:`TextPromptEncoder.forward`.
            ValueError: If there is no prompt, and as the text encoder.
        """
        requests = [
            (modality, (category, prompt.style), shots)
            for prompt in prompts
            for modality, category, shots in zip(
                prompt.modalities, prompt.categories, prompt.supports
            )
        ]
        by_text, by_shots, by_both = (
            [i for i, request in enumerate(requests) if request[0] == modality]
            for modality in MODALITIES
        )
        text, both_text = self.text.embed_categories(
            requests[i][1] for i in by_text + by_both
        ).split(len(by_text))
        visual, both_visual = self._embed_supports(
            [requests[i][2] for i in by_shots + by_both]
        ).split(len(by_shots))
        parts = [text, visual, self._fuse(both_text, both_visual)]
        order = [0] * len(requests)
        for place, i in enumerate(by_text + by_shots + by_both):
            order[i] = place
        rows = CategoryRows.gather(parts, order)
        if self.training and torch.is_grad_enabled():
            rows.objects = rows.objects + self._zero_of_all_parameters()
        return pad_rows(rows, [len(prompt.categories) for prompt in prompts])

    def _embed_supports(self, supports: Sequence) -> CategoryRows:
        rows = self.visual.embed_supports(supports)
        like = self.text.vocabulary_embeddings
        rows.objects = rows.objects.to(like)
        rows.keypoints = rows.keypoints.to(like)
        return rows

    def _fuse(self, text: CategoryRows, visual: CategoryRows) -> CategoryRows:
        every = torch.ones_like(text.objects[:, 0], dtype=torch.bool)
        return CategoryRows(
            self.object_fusion(text.objects, visual.objects, every),
            self.keypoint_fusion(
                text.keypoints,
                visual.keypoints,
                visual.shown.to(text.keypoints.device),
            ),
            text.counts,
            text.shown,
        )

    def _zero_of_all_parameters(self) -> Tensor:
        """Zero, with every trained parameter in its graph.

        An iteration whose prompts are all text uses neither tower nor
        fusion. Distributed training would then wait for their gradients for
        ever, or search the whole graph each time; so they get zeros.
        """
        trained = [p.sum() for p in self.parameters() if p.requires_grad]
        return 0 * sum(trained, self.text.vocabulary_embeddings.new_zeros(()))

    @property
    def tower(self) -> TextTower:
        """The text tower."""
        return self.text.tower

    @tower.setter
    def tower(self, tower: TextTower) -> None:
        self.text.tower = tower

    @property
    def template(self) -> PromptTemplate:
        """How names become sentences."""
        return self.text.template

    @property
    def vocabulary(self) -> Vocabulary:
        """The known texts; they need no text model."""
        return self.text.vocabulary

    def embed_names(
        self, categories: Iterable[KeypointCategory]
    ) -> CategoryRows:
        """See :meth:`TextPromptEncoder.embed_names`."""
        return self.text.embed_names(categories)

    def add_vocabulary(
        self,
        items: Iterable[KeypointPrompt | KeypointCategory],
        styles: Sequence[str] = (),
    ) -> int:
        """See :meth:`TextPromptEncoder.add_vocabulary`."""
        return self.text.add_vocabulary(items, styles)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any
    ) -> None:
        # Runs before the children load from the same dict, a copy already.
        for key in [
            k for k in state_dict if k.startswith(f'{prefix}vocabulary_')
        ]:
            name = key.removeprefix(prefix)
            state_dict[f'{prefix}text.{name}'] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args)
