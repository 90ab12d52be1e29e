# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""CLIP's text tower, built with open_clip."""

from __future__ import annotations

import logging
import pickle
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from mmpose.registry import MODELS
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from projects.common.prompt_encoders.text_tower import (
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

        config = self._config()
        weights = self._weights_file(config)
        text_config = config['text_cfg']
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
        if weights is None:
            print_log(
                f'The text tower {self._name} has random weights, so its '
                'embeddings mean nothing; set "pretrained" to a file or a '
                'tag.',
                logger='current',
                level=logging.WARNING,
            )
        else:
            self._load_weights(model, weights)
        self._tokenizer = open_clip.SimpleTokenizer(
            context_length=model.context_length,
            **text_config.get('tokenizer_kwargs', {}),
        )
        return model

    @property
    def _name(self) -> str:
        if isinstance(self.model_name, str):
            return repr(self.model_name)
        return 'given as a dict'

    def _config(self) -> dict[str, Any]:
        import open_clip

        if not isinstance(self.model_name, str):
            return deepcopy(dict(self.model_name))
        if self.model_name not in open_clip.list_models():
            raise TextTowerError(
                f'open_clip {open_clip.__version__} knows no model '
                f'{self.model_name!r}; take a name of '
                'open_clip.list_models(), such as "ViT-B-32-quickgelu".'
            )
        config = open_clip.get_model_config(self.model_name)
        text_config = config['text_cfg']
        if config.get('custom_text') or 'hf_model_name' in text_config:
            raise TextTowerError(
                f"The text tower of {self.model_name!r} is not of CLIP's "
                'own kind; take a plain CLIP model, such as '
                '"ViT-B-32-quickgelu", or SentenceTextTower.'
            )
        return config

    def _weights_file(self, config: dict[str, Any]) -> Path | None:
        if self.pretrained is None:
            return None
        if Path(self.pretrained).is_file():
            return Path(self.pretrained)
        import open_clip

        tags = self._tags()
        if self.pretrained not in tags:
            raise TextTowerError(
                f'The weights {self.pretrained!r} of the text tower '
                f'{self._name} are neither a file nor one of its tags '
                f"{tags}; give the path of a state dict in open_clip's "
                'layout.'
            )
        tag = open_clip.get_pretrained_cfg(self.model_name, self.pretrained)
        if tag.get('quick_gelu', False) != config.get('quick_gelu', False):
            raise TextTowerError(
                f'The weights {self.pretrained!r} and the model {self._name} '
                'differ in their activation (QuickGELU); use the model '
                'with or without "-quickgelu" at the end of its name.'
            )
        if not self.allow_download:
            raise TextTowerError(
                f'The weights {self.pretrained!r} of the text tower '
                f'{self._name} would have to be downloaded; set '
                '"allow_download=True" or give the path of a file.'
            )
        try:
            return Path(open_clip.download_pretrained(tag))
        except Exception as error:  # whatever the hub's client raises
            raise TextTowerError(
                f'The weights {self.pretrained!r} of the text tower '
                f'{self._name} could not be downloaded ({error}); fetch them '
                'elsewhere and give the path of the file.'
            ) from error

    def _tags(self) -> list[str]:
        import open_clip

        if not isinstance(self.model_name, str):
            return []
        return open_clip.list_pretrained_tags_by_model(self.model_name)

    def _load_weights(self, model: nn.Module, file: Path) -> None:
        state = _read_state_dict(file)
        state = {
            name: value
            for name, value in state.items()
            if not name.startswith(_NOT_TEXT) and name not in _NOT_WEIGHTS
        }
        try:
            missing, unexpected = model.load_state_dict(state, strict=False)
        except RuntimeError as error:
            raise TextTowerError(
                f'The weights of {str(file)!r} have other sizes than the '
                f'text tower {self._name}: {error}; choose the model they '
                'were made with.'
            ) from error
        missing = [m for m in missing if not m.startswith(_NOT_TEXT)]
        if missing or unexpected:
            raise TextTowerError(
                f'The weights of {str(file)!r} do not fit the text tower '
                f'{self._name}: missing are {missing[:3]}, unknown are '
                f"{unexpected[:3]}; give a state dict in open_clip's layout "
                'of that model.'
            )

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


def _read_state_dict(file: Path) -> dict[str, Tensor]:
    """Read a plain state dict or open_clip's training checkpoint."""
    try:
        if file.suffix == '.safetensors':
            return load_file(file)
        state = torch.load(file, map_location='cpu', weights_only=True)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        OSError,
        SafetensorError,
    ) as error:
        raise TextTowerError(
            f'The weights file {str(file)!r} cannot be read safely '
            f'({error}); store its state dict with torch.save or as '
            '.safetensors.'
        ) from error
    state = state.get('state_dict', state)
    return {name.removeprefix('module.'): v for name, v in state.items()}
