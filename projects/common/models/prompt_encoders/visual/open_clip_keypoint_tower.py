# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""CLIP's image tower, extended by keypoints (X-Pose, section 3.1)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmpose.registry import MODELS
from torch import Tensor, nn

from projects.common.models.prompt_encoders.open_clip_weights import (
    OpenCLIPSource,
)
from projects.common.models.prompt_encoders.visual.base_keypoint_tower import (
    KeypointTower,
)

#: The text tower is dropped after building, so the smallest will do.
_SMALLEST_TEXT_TOWER = {
    'context_length': 1,
    'vocab_size': 1,
    'width': 64,
    'heads': 1,
    'layers': 1,
}


@MODELS.register_module()
class OpenCLIPImageTower(KeypointTower):
    """Image features of CLIP, not L2-normalised, and of keypoints.

    Keypoint tokens pass all blocks and attend to the class token, the
    patches and each other. The class token's and the keypoints' embeddings
    share CLIP's own last norm and projection.

    CLIP is frozen: it has seen far more objects than the training data, and
    unseen ones are what a picture is given for. What turns places into
    tokens (``fourier``, ``mask_token``) is new and always trains.

    Args:
        model_name: open_clip's name of a model with a plain vision
            transformer ('ViT-B-32-quickgelu', 'ViT-B-16', 'ViT-L-14'), or a
            dict with the keys of such a model's config ("embed_dim",
            "vision_cfg" and optionally "quick_gelu").
        pretrained: See :class:`OpenCLIPTextTower`; read by
            ``init_weights``, so that a checkpoint, which holds all weights,
            needs no other file.
        allow_download: Whether a tag may be fetched from the internet.
        trainable: Parts of CLIP's tower that train as well, as beginnings of
            its parameters' names: 'transformer.resblocks.11' is the last
            block of ViT-B, 'ln_post' the last norm, 'proj' the projection,
            '' everything.
        init_cfg: See ``mmengine.model.BaseModule``.

    Raises:
        ValueError: If open_clip does not know the model, it has another kind
            of image tower, or ``trainable`` names nothing in it; from
            ``init_weights`` if the weights cannot be had.
    """

    def __init__(
        self,
        model_name: str | dict[str, Any],
        pretrained: str | None = None,
        allow_download: bool = False,
        trainable: Sequence[str] = (),
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        import open_clip

        source = OpenCLIPSource(
            model_name, pretrained, allow_download, 'image tower', ValueError
        )
        visual = _build(source)
        super().__init__(
            width=visual.conv1.out_channels,
            image_size=visual.image_size[0],
            embed_dims=visual.output_dim,
            mean=[255 * value for value in open_clip.OPENAI_DATASET_MEAN],
            std=[255 * value for value in open_clip.OPENAI_DATASET_STD],
            init_cfg=init_cfg,
        )
        self.source = source
        self.visual = visual
        self._freeze(trainable)

    def _freeze(self, trainable: Sequence[str]) -> None:
        names = [name for name, _ in self.visual.named_parameters()]
        for part in trainable:
            if not any(_belongs(name, part) for name in names):
                raise ValueError(
                    f'trainable={part!r} names no part of the {self.source}; '
                    'take the beginning of a parameter, such as '
                    f'{names[-1]!r} or "transformer.resblocks.0".'
                )
        for name, parameter in self.visual.named_parameters():
            parameter.requires_grad_(
                any(_belongs(name, part) for part in trainable)
            )

    def init_weights(self) -> None:
        """Load the pretrained weights, if any are asked for."""
        super().init_weights()
        file = self.source.weights_file()
        if file is None:
            print_log(
                f'The {self.source} starts from random weights; set '
                '"pretrained" to a file or a tag.',
                logger='current',
                level=logging.WARNING,
            )
            return
        prefix = 'visual.'
        state = {
            name.removeprefix(prefix): value
            for name, value in self.source.read(file).items()
            if name.startswith(prefix)
        }
        self.source.load(self.visual, state, file)

    def train(self, mode: bool = True) -> OpenCLIPImageTower:
        """Set the mode; CLIP stays in eval."""
        super().train(mode)
        # It has neither dropout nor batch norm, but PyTorch's attention sums
        # in another order when it trains.
        self.visual.eval()
        return self

    def _image_tokens(
        self, images: Tensor, keypoints: Tensor
    ) -> tuple[Tensor, None]:
        visual = self.visual
        patches = visual.conv1(images).flatten(2).transpose(1, 2)
        first = visual.class_embedding.to(patches).expand(len(images), 1, -1)
        tokens = torch.cat([first, patches], 1)
        return self._start(tokens + visual.positional_embedding), None

    def _start(self, tokens: Tensor) -> Tensor:
        # Also for keypoint tokens: frozen blocks expect its scale.
        return self.visual.ln_pre(tokens)

    @property
    def _blocks(self) -> Iterable[nn.Module]:
        return self.visual.transformer.resblocks

    def _project(self, tokens: Tensor) -> Tensor:
        return self.visual.ln_post(tokens) @ self.visual.proj


def _belongs(name: str, part: str) -> bool:
    """Whether ``part`` is ``name`` or whole words at its beginning."""
    return part == '' or f'{name}.'.startswith(f'{part}.')


def _build(source: OpenCLIPSource) -> nn.Module:
    """Build open_clip's VisionTransformer with random weights."""
    import open_clip
    from open_clip.transformer import (
        ResidualAttentionBlock,
        VisionTransformer,
    )

    config = source.config()
    refused = ValueError(
        f'The {source} is no plain vision transformer with a class token; '
        'take one such as "ViT-B-32-quickgelu", "ViT-B-16" or "ViT-L-14".'
    )
    vision = config['vision_cfg']
    if vision.get('timm_model_name') or vision.get('patch_dropout'):
        raise refused
    visual = open_clip.CLIP(
        embed_dim=config['embed_dim'],
        vision_cfg=vision,
        text_cfg=dict(_SMALLEST_TEXT_TOWER),
        quick_gelu=config.get('quick_gelu', False),
    ).visual
    plain = (
        isinstance(visual, VisionTransformer)
        and visual.attn_pool is None
        and visual.pool_type == 'tok'
        and visual.image_size[0] == visual.image_size[1]
        and all(
            isinstance(block, ResidualAttentionBlock)
            for block in visual.transformer.resblocks
        )
    )
    if not plain:
        raise refused
    return visual
