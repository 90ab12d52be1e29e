# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""CLIP's text tower, built with open_clip."""

from __future__ import annotations

import logging
from typing import Any

import torch
from mmengine.logging import print_log
from mmpose.registry import MODELS
from torch import Tensor, nn

from projects.common.models.prompt_encoders.open_clip_weights import (
    OpenCLIPSource,
)
from projects.common.models.prompt_encoders.text.base_text_tower import (
    TextTower,
    TextTowerError,
)

_NOT_TEXT = ('visual.', 'logit_scale', 'logit_bias')
#: Entries of OpenAI's archives that are no weights.
_NOT_WEIGHTS = ('input_resolution', 'context_length', 'vocab_size')
#: The image tower is dropped after building, so the smallest will do.
_SMALLEST_IMAGE_TOWER = {
    'image_size': 32,
    'layers': 1,
    'width': 64,
    'patch_size': 32,
    'head_width': 64,
}


@MODELS.register_module()
class OpenCLIPTextTower(TextTower):
    """Text features of CLIP, not L2-normalised, as X-Pose uses them.

    Args:
        model_name: open_clip's name of a model with CLIP's own text tower,
            such as 'ViT-B-32-quickgelu' (the papers' encoder, D = 512), or
            a dict with the keys of such a model's config ("embed_dim",
            "text_cfg" and optionally "quick_gelu").
        pretrained: File with weights in open_clip's (= OpenAI's) layout,
            .safetensors or read with ``weights_only=True``; or one of
            open_clip's tags, such as 'openai'; or None for random weights,
            the same in every process, which mean nothing.
        allow_download: Whether a tag may be fetched from the internet when
            the tower is first used.
        batch_size: Number of texts encoded at a time.
    """

    def __init__(
        self,
        model_name: str | dict[str, Any],
        pretrained: str | None = None,
        allow_download: bool = False,
        batch_size: int = 128,
    ) -> None:
        super().__init__(batch_size)
        self.model_name = model_name
        self.pretrained = pretrained
        self.allow_download = allow_download
        self._tokenizer: Any = None

    def _load(self) -> nn.Module:
        import open_clip

        source = OpenCLIPSource(
            self.model_name,
            self.pretrained,
            self.allow_download,
            'text tower',
            TextTowerError,
        )
        config = source.config()
        text_config = config['text_cfg']
        if config.get('custom_text') or 'hf_model_name' in text_config:
            raise TextTowerError(
                f"The text tower of {self.model_name!r} is not of CLIP's "
                'own kind; take a plain CLIP model, such as '
                '"ViT-B-32-quickgelu", or SentenceTextTower.'
            )
        file = source.weights_file()
        # Random weights must not differ between processes.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = open_clip.CLIP(
                embed_dim=config['embed_dim'],
                vision_cfg=dict(_SMALLEST_IMAGE_TOWER),
                text_cfg=text_config,
                quick_gelu=config.get('quick_gelu', False),
            )
        del model.visual
        if file is None:
            print_log(
                f'The {source} has random weights, so its embeddings mean '
                'nothing; set "pretrained" to a file or a tag.',
                logger='current',
                level=logging.WARNING,
            )
        else:
            state = {
                name: value
                for name, value in source.read(file).items()
                if not name.startswith(_NOT_TEXT) and name not in _NOT_WEIGHTS
            }
            source.load(model, state, file, optional=_NOT_TEXT)
        self._tokenizer = open_clip.SimpleTokenizer(
            context_length=model.context_length,
            **text_config.get('tokenizer_kwargs', {}),
        )
        return model

    def _identity_parameters(self, model: nn.Module) -> list[Tensor]:
        return [
            parameter
            for name, parameter in model.named_parameters()
            if not name.startswith(_NOT_TEXT)
        ]

    def _embed_dims(self, model: nn.Module) -> int:
        return model.text_projection.shape[1]

    def _encode(self, model: nn.Module, texts: list[str]) -> Tensor:
        return model.encode_text(self._tokenizer(texts))
