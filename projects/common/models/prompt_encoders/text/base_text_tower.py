# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The interface of frozen text models, loaded when first used."""

from __future__ import annotations

import hashlib
from abc import ABCMeta, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class TextTowerError(RuntimeError):
    """A text model cannot be had; the message says why and what to do."""


class TextTower(metaclass=ABCMeta):
    """A frozen text model that runs on the CPU in float32.

    It is deliberately no ``nn.Module``: a model that holds one neither
    stores its weights in checkpoints, nor trains, moves or averages them.
    Nothing is read before :meth:`encode_text`, :attr:`embed_dims` or
    :attr:`identity` is first used.

    Args:
        batch_size: Number of texts encoded at a time.
    """

    def __init__(self, batch_size: int = 128) -> None:
        self.batch_size = batch_size
        self._model: nn.Module | None = None
        self._identity: str | None = None

    def __deepcopy__(self, memo: dict) -> TextTower:
        # Frozen, so a moving average of the model may share it.
        return self

    @abstractmethod
    def _load(self) -> nn.Module:
        """Read the model (and the tokenizer).

        Raises:
            TextTowerError: If that fails.
        """

    @abstractmethod
    def _encode(self, model: nn.Module, texts: list[str]) -> Tensor:
        """Encode one batch of N texts to (N, D)."""

    @abstractmethod
    def _embed_dims(self, model: nn.Module) -> int:
        """D of a loaded model."""

    def _identity_parameters(self, model: nn.Module) -> list[Tensor]:
        """The weights that an embedding depends on, in a fixed order."""
        return list(model.parameters())

    @property
    def model(self) -> nn.Module:
        """The text model, loaded on first use.

        Raises:
            TextTowerError: If it cannot be loaded.
        """
        if self._model is None:
            # First use may be inside inference mode, whose tensors could
            # not take part in a later training step.
            with torch.inference_mode(False):
                model = self._load().float().cpu().eval()
            self._model = model.requires_grad_(False)
        return self._model

    @property
    def embed_dims(self) -> int:
        """D, the length of an embedding; loads the model."""
        return self._embed_dims(self.model)

    @property
    def identity(self) -> str:
        """Type and hash of the weights; loads the model.

        Equal for two towers whose embeddings may be mixed.
        """
        if self._identity is None:
            digest = hashlib.sha256()
            for parameter in self._identity_parameters(self.model):
                digest.update(str(tuple(parameter.shape)).encode())
                digest.update(parameter.detach().contiguous().numpy().data)
            name = type(self).__name__
            self._identity = f'{name}:{digest.hexdigest()[:16]}'
        return self._identity

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encode texts to embeddings.

        Args:
            texts: N texts; N may be 0.

        Returns:
            (N, D) float32 tensor on the CPU, without gradient.

        Raises:
            TextTowerError: If the model cannot be loaded.
        """
        texts = list(texts)
        model = self.model
        with (
            torch.inference_mode(False),
            torch.no_grad(),
            torch.autocast('cpu', enabled=False),
        ):
            batches = [
                self._encode(model, texts[i : i + self.batch_size])
                for i in range(0, len(texts), self.batch_size)
            ]
            return torch.cat([torch.zeros(0, self.embed_dims), *batches])
