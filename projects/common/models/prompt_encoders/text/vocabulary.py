# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Known texts with their embeddings: as tensors, and as a file."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from projects.common.models.prompt_encoders.text.templates import (
    PromptTemplate,
)
from projects.common.utils.files import write_bytes

_FORMAT = 'anykeypoint.vocabulary.v1'


@dataclass(frozen=True)
class Vocabulary:
    """Texts and their embeddings by one text tower.

    Args:
        texts: V different texts without line breaks.
        embeddings: (V, D) floating point tensor.
        tower: Identity of the text tower; '' only for V = 0.

    Raises:
        ValueError: If the above does not hold.
    """

    texts: tuple[str, ...]
    embeddings: Tensor
    tower: str

    def __post_init__(self) -> None:
        shape = tuple(self.embeddings.shape)
        if len(shape) != 2 or shape[0] != len(self.texts):
            raise ValueError(
                f'A vocabulary of {len(self.texts)} texts has embeddings of '
                f'shape {shape}; it needs one row (D,) per text.'
            )
        if len(set(self.texts)) < len(self.texts):
            raise ValueError(
                'A vocabulary holds a text more than once; keep one of each.'
            )
        if self.texts and not self.tower:
            raise ValueError(
                f'A vocabulary of {len(self.texts)} texts does not say which '
                'text tower encoded it; encode it again.'
            )

    @property
    def embed_dims(self) -> int:
        """D, the length of the embeddings."""
        return self.embeddings.shape[1]

    def extended(self, other: Vocabulary) -> Vocabulary:
        """Append the texts of ``other`` that are not in this one.

        Raises:
            ValueError: If the two come from different text towers or have
                embeddings of different length.
        """
        if self.embed_dims != other.embed_dims:
            raise ValueError(
                f'Text embeddings of {self.embed_dims} and '
                f'{other.embed_dims} dimensions cannot be mixed; use one '
                'text tower and its "embed_dims" throughout.'
            )
        if self.texts and other.texts and self.tower != other.tower:
            raise ValueError(
                f'Text embeddings of {self.tower} and of {other.tower} '
                'cannot be mixed; use one text tower throughout.'
            )
        known = set(self.texts)
        new = [i for i, text in enumerate(other.texts) if text not in known]
        rows = other.embeddings[new].to(self.embeddings)
        return Vocabulary(
            self.texts + tuple(other.texts[i] for i in new),
            torch.cat([self.embeddings, rows]),
            self.tower or other.tower,
        )


def encode_strings(strings: Sequence[str]) -> Tensor:
    """Write strings without line breaks as one uint8 tensor of UTF-8."""
    data = '\n'.join(strings).encode()
    return torch.tensor(list(data), dtype=torch.uint8)


def decode_strings(data: Tensor) -> tuple[str, ...]:
    """Read what :func:`encode_strings` wrote; an empty tensor is ()."""
    text = bytes(data.cpu().tolist()).decode()
    return tuple(text.split('\n')) if text else ()


def save_vocabulary(
    path: str | os.PathLike,
    vocabulary: Vocabulary,
    template: PromptTemplate,
) -> None:
    """Write a vocabulary as .safetensors, completely or not at all.

    Args:
        path: The file; its folder is made.
        vocabulary: What to write.
        template: The template that made its texts.
    """
    data = save(
        {
            'texts': encode_strings(vocabulary.texts),
            'embeddings': vocabulary.embeddings.cpu().contiguous(),
        },
        metadata={
            'format': _FORMAT,
            'tower': vocabulary.tower,
            'template': json.dumps(asdict(template)),
        },
    )
    write_bytes(path, data)


def load_vocabulary(
    path: str | os.PathLike,
) -> tuple[Vocabulary, PromptTemplate]:
    """Read what :func:`save_vocabulary` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'The vocabulary file {str(path)!r} does not exist; make it with '
            'tools/misc/encode_vocabulary.py.'
        )
    try:
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(
            f'The vocabulary file {str(path)!r} is no safetensors file '
            f'({error}); make it with tools/misc/encode_vocabulary.py.'
        ) from error
    if metadata.get('format') != _FORMAT:
        raise ValueError(
            f'The file {str(path)!r} is no vocabulary (its format is '
            f'{metadata.get("format")!r}, not {_FORMAT!r}); make it with '
            'tools/misc/encode_vocabulary.py.'
        )
    tensors = load_file(path)
    vocabulary = Vocabulary(
        decode_strings(tensors['texts']),
        tensors['embeddings'],
        metadata['tower'],
    )
    return vocabulary, PromptTemplate(**json.loads(metadata['template']))
