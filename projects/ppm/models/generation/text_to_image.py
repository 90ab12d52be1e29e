# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Second stage: latents from noise and a caption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.model import BaseModel
from mmpose.registry import MODELS
from torch import Tensor

from projects.ppm.models.diffusion.loading import load_part
from projects.ppm.models.generation.captions import caption_words
from projects.ppm.models.generation.tokenizer import build_tokenizer


@MODELS.register_module()
class TextToImageDiffusion(BaseModel):
    """Trains a diffusers UNet and CLIP's kind of text encoder together.

    The loss is the squared error of the predicted noise (Eq. 1 of the PPM
    paper). What is trained is written as a diffusers folder, which
    ``LatentDiffusion`` reads as it reads Stable Diffusion.

    Args:
        vae: Folder with ``vae/``, as ``LatentAutoencoder`` or anyone wrote
            it; it goes into what :meth:`save_pretrained` writes and has no
            other use here, as the inputs are latents already.
        unet: Arguments of ``UNet2DConditionModel``; the width of its contexts
            is the text encoder's.
        text_encoder: Arguments of ``CLIPTextConfig`` but those that follow
            from the vocabulary.
        scheduler: Arguments of ``DDPMScheduler``.
        words: Annotation file whose words are the vocabulary.
        max_tokens: Tokens of a caption with start and end.
        empty_captions: Share of captions that are replaced by '', so that
            pictures can be guided.
        data_preprocessor: Config.

    Raises:
        FileNotFoundError: If there is no annotation file.
    """

    def __init__(
        self,
        vae: str,
        unet: ConfigDict,
        text_encoder: ConfigDict,
        scheduler: ConfigDict,
        words: str,
        max_tokens: int = 32,
        empty_captions: float = 0.1,
        data_preprocessor: ConfigDict | None = None,
    ) -> None:
        from diffusers import DDPMScheduler, UNet2DConditionModel
        from transformers import CLIPTextConfig, CLIPTextModel

        super().__init__(data_preprocessor)
        self.vae = Path(vae)
        self.tokenizer = build_tokenizer(caption_words(words), max_tokens)
        self.text_encoder = CLIPTextModel(
            CLIPTextConfig(
                **text_encoder,
                vocab_size=len(self.tokenizer),
                max_position_embeddings=max_tokens,
                bos_token_id=self.tokenizer.bos_token_id,
                eos_token_id=self.tokenizer.eos_token_id,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        )
        width = text_encoder['hidden_size']
        self.unet = UNet2DConditionModel(**unet, cross_attention_dim=width)
        self.scheduler = DDPMScheduler(**scheduler)
        self.max_tokens = max_tokens
        self.empty_captions = empty_captions

    def forward(
        self,
        inputs: Tensor,
        captions: Sequence[str],
        mode: str = 'tensor',
    ) -> Any:
        """Loss of the predicted noise for 'loss', else the contexts.

        Args:
            inputs: (B, 4, h, w) latents of a standard deviation near 1.
            captions: B texts.
            mode: 'loss', or anything else.

        Returns:
            ``loss_noise``, or (B, S, c).
        """
        if mode != 'loss':
            return self.encode(captions)
        count = len(inputs)
        dropped = torch.rand(count) < self.empty_captions
        texts = ['' if d else c for c, d in zip(captions, dropped)]
        steps = self.scheduler.config.num_train_timesteps
        timesteps = torch.randint(steps, (count,), device=inputs.device)
        noise = torch.randn_like(inputs)
        noisy = self.scheduler.add_noise(inputs, noise, timesteps)
        predicted = self.unet(noisy, timesteps, self.encode(texts)).sample
        return {'loss_noise': F.mse_loss(predicted.float(), noise)}

    def encode(self, captions: Sequence[str]) -> Tensor:
        """Contexts (B, S, c) of B captions."""
        tokens = self.tokenizer(
            list(captions),
            padding='max_length',
            max_length=self.max_tokens,
            truncation=True,
            return_tensors='pt',
        )['input_ids']
        device = next(self.unet.parameters()).device
        return self.text_encoder(tokens.to(device)).last_hidden_state

    def save_pretrained(self, folder: Path) -> None:
        """Write a diffusers folder, weights in half precision.

        Raises:
            ValueError: If the VAE cannot be read.
        """
        from diffusers import StableDiffusionPipeline

        StableDiffusionPipeline(
            vae=load_part(self.vae, 'vae', None, torch.float16),
            text_encoder=self.text_encoder.half(),
            tokenizer=self.tokenizer,
            unet=self.unet.half(),
            scheduler=self.scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        ).save_pretrained(folder)
