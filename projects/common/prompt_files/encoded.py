# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Encoded prompts as .safetensors files, bound to the model they are for."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from projects.common.models.prompt_encoders import EncodedPrompts
from projects.common.structures import KeypointCategory
from projects.common.utils.files import write_bytes

FORMAT = 'anykeypoint.encoded_prompt.v1'
_TENSORS = (
    'object_embeddings',
    'keypoint_embeddings',
    'category_mask',
    'keypoint_mask',
)


@dataclass(frozen=True)
class EncodedPromptFile:
    """A prompt after the prompt encoder.

    Attributes:
        categories: C categories.
        encoded: Their embeddings, B = 1.
        identity: :func:`model_hash` of the model.
        model: What the model is called; a hint for people.
    """

    categories: tuple[KeypointCategory, ...]
    encoded: EncodedPrompts
    identity: str
    model: str = ''

    def check_model(self, identity: str) -> None:
        """Raise ValueError if the embeddings belong to another model."""
        if identity != self.identity:
            called = f' ("{self.model}")' if self.model else ''
            raise ValueError(
                'The prompt was encoded for the model '
                f'{self.identity[:12]}{called}, but this one is '
                f'{identity[:12]}; its embeddings mean nothing to it. Use '
                'that model, or encode the prompt again with '
                'tools/misc/make_prompt.py --encode.'
            )


def model_hash(model: nn.Module) -> str:
    """SHA-256 of a model's weights.

    Texts that the model knows do not count: more of them change nothing.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if '.vocabulary_' in name:
            continue
        array = tensor.detach().cpu().contiguous()
        digest.update(f'{name} {array.dtype} {tuple(array.shape)}'.encode())
        digest.update(array.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save_encoded(path: str | os.PathLike, file: EncodedPromptFile) -> None:
    """Write an encoded prompt, whole or not at all.

    Raises:
        OSError: If it cannot be written.
    """
    data = save(
        {name: getattr(file.encoded, name).cpu().clone() for name in _TENSORS},
        metadata={
            'format': FORMAT,
            'identity': file.identity,
            'model': file.model,
            'categories': json.dumps(list(map(asdict, file.categories))),
        },
    )
    write_bytes(path, data)


def load_encoded(path: str | os.PathLike) -> EncodedPromptFile:
    """Read an encoded prompt.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or no file of :func:`save_encoded`.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'The prompt file "{path}" does not exist; '
            'tools/misc/make_prompt.py --encode writes one.'
        )
    try:
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
            if metadata.get('format') != FORMAT:
                raise ValueError(
                    f'"{path}" holds no encoded prompt (its format is '
                    f'{metadata.get("format")!r}); tools/misc/make_prompt.py '
                    '--encode writes such files.'
                )
            tensors = {name: file.get_tensor(name) for name in _TENSORS}
        categories = tuple(
            KeypointCategory(**record)
            for record in json.loads(metadata['categories'])
        )
        _check(tensors, categories)
        return EncodedPromptFile(
            categories,
            EncodedPrompts(**tensors),
            metadata['identity'],
            metadata['model'],
        )
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(
            f'The prompt file "{path}" cannot be read ({error}); it is cut '
            'short or damaged.'
        ) from error


def _check(
    tensors: dict[str, torch.Tensor], categories: Sequence[KeypointCategory]
) -> None:
    count = len(categories)
    longest = max(category.num_keypoints for category in categories)
    width = tensors['object_embeddings'].shape[-1]
    expected = (
        (1, count, width),
        (1, count, longest, width),
        (1, count),
        (1, count, longest),
    )
    found = tuple(tuple(tensors[name].shape) for name in _TENSORS)
    if found != expected:
        raise TypeError(
            f'{count} categories with up to {longest} keypoints, but tensors '
            f'of the shapes {found}'
        )
