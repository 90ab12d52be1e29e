# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""CLIP inside the released checkpoint: a file for ``OpenCLIPTextTower``.

open_clip has taken over the names of OpenAI's layout, so nothing is renamed.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from projects.common.models.prompt_encoders import (
    OpenCLIPTextTower,
    TextTowerError,
)
from projects.common.utils.files import replacing

_BLOCKS = 'transformer.resblocks.'
# Every CLIP of OpenAI has heads of this size.
_HEAD_WIDTH = 64


def tower_config(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """Sizes of a text tower, in open_clip's words.

    Args:
        weights (Mapping): OpenAI's names to tensors.

    Raises:
        ValueError: If a tensor that tells a size is missing.
    """
    try:
        context_length, width = weights['positional_embedding'].shape
        vocabulary = weights['token_embedding.weight'].shape[0]
        embed_dims = weights['text_projection'].shape[1]
    except KeyError as error:
        raise ValueError(
            f'CLIP\'s text tower lacks "{error.args[0]}".'
        ) from error
    layers = {
        name.removeprefix(_BLOCKS).split('.')[0]
        for name in weights
        if name.startswith(_BLOCKS)
    }
    return dict(
        embed_dim=embed_dims,
        quick_gelu=True,
        text_cfg=dict(
            context_length=context_length,
            vocab_size=vocabulary,
            width=width,
            heads=max(width // _HEAD_WIDTH, 1),
            layers=len(layers),
        ),
    )


def write_tower(
    path: str | os.PathLike,
    weights: Mapping[str, Tensor],
    metadata: Mapping[str, str],
) -> OpenCLIPTextTower:
    """Write CLIP's weights as .safetensors and load its text tower.

    Args:
        path (str | os.PathLike): The file.
        weights (Mapping): OpenAI's names to tensors, the image tower's
            included.
        metadata (Mapping): Put into the file's header.

    Returns:
        OpenCLIPTextTower: Loaded from the new file.

    Raises:
        ValueError: If a tensor is missing, too many, or of a wrong shape;
            no file is left then.
    """
    tensors = {k: v.float().contiguous() for k, v in weights.items()}
    config = tower_config(tensors)
    with replacing(path, suffix='.safetensors') as temporary:
        temporary.write_bytes(save(tensors, metadata=dict(metadata)))
        tower = OpenCLIPTextTower(config, str(temporary))
        try:
            tower.model  # noqa: B018  loads and checks the weights
        except TextTowerError as error:
            raise ValueError(
                str(error).replace(str(temporary), Path(path).name)
            ) from error
    return tower
