# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A frozen latent diffusion model: pictures to latents to predicted noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from projects.ppm.models.diffusion.folder import (
    REQUIRED,
    check_folder,
    check_kind,
    find_model,
    has_text_encoder,
    hub_commit,
    weight_files,
    weights_identity,
)
from projects.ppm.models.diffusion.loading import (
    load_part,
    load_scheduler,
    load_single_file,
    load_text_encoder,
)
from projects.ppm.models.diffusion.recorder import CrossAttentionRecorder

_DTYPES = ('float32', 'float16', 'bfloat16')


@MODELS.register_module()
class LatentDiffusion(nn.Module):
    """VAE, UNet and forward process of Stable Diffusion 1, 2 or XL.

    All is frozen. The parts follow ``to(device)`` but are no submodules:
    their parameters are neither listed, nor saved in checkpoints, nor
    switched to training, nor sent around by distributed training.

    Args:
        path: A diffusers folder (as save_pretrained writes it), a single
            .safetensors file, or the hub's 'owner/name'. Nothing is
            downloaded unless ``allow_download``.
        revision: Branch, tag or commit, for an id of the hub.
        config: For a single file: a diffusers folder of the same
            architecture; its config files are read, and its scheduler and
            text encoder used.
        variant: Such as 'fp16' for ``*.fp16.safetensors``.
        dtype: Of the UNet: 'float32', 'float16' or 'bfloat16'. The VAE
            stays in float32: it runs once a picture, and some overflow in
            half precision.
        checkpointing: Keep less of the UNet's forward pass for the backward
            one, and compute it again.
        allow_download: Whether the hub may be asked for an id that is not
            on this machine.

    Raises:
        FileNotFoundError: If there is no such model, or it lacks files.
        ValueError: If weights are missing or do not fit, or the model is of
            a kind that PPM cannot use.
    """

    def __init__(
        self,
        path: str,
        revision: str | None = None,
        config: str | None = None,
        variant: str | None = None,
        dtype: str = 'float32',
        checkpointing: bool = False,
        allow_download: bool = False,
    ) -> None:
        super().__init__()
        if dtype not in _DTYPES:
            raise ValueError(
                f'The dtype of the diffusion model is {dtype!r}; choose one '
                f'of {", ".join(map(repr, _DTYPES))}.'
            )
        self.path = str(path)
        found = find_model(self.path, revision, variant, allow_download)
        #: Commit of a model of the hub, None for any other.
        self.revision = hub_commit(found)
        if found.is_file():
            folder = _config_folder(found, config)
            self._files = [found]
            load = self._single_file_loader(found, folder)
        else:
            folder = found
            check_folder(folder, variant)
            self._files = [
                file
                for part in ('unet', 'vae')
                for file in weight_files(folder, part, variant)
            ]
            load = self._folder_loader(folder, variant)
        check_kind(folder)
        self._folder = folder
        self.config, self.variant = config, variant
        self._scheduler = load_scheduler(folder)
        # A plain dict hides them from torch; see _apply.
        self._parts: dict[str, nn.Module] = {}
        self._add('unet', load('unet', getattr(torch, dtype)))
        self._add('vae', load('vae', torch.float32))
        self._tokenizer: Any = None
        self._check_unet()
        if checkpointing:
            self.unet.enable_gradient_checkpointing()

    @staticmethod
    def _single_file_loader(file: Path, config: Path) -> Callable:
        return lambda part, dtype: load_single_file(file, config, part, dtype)

    @staticmethod
    def _folder_loader(folder: Path, variant: str | None) -> Callable:
        return lambda part, dtype: load_part(folder, part, variant, dtype)

    def _add(self, name: str, part: nn.Module) -> None:
        self._parts[name] = part.requires_grad_(False).eval()

    def _apply(self, fn: Callable, recurse: bool = True) -> LatentDiffusion:
        super()._apply(fn, recurse)
        for part in self._parts.values():
            part._apply(fn)
        return self

    def _check_unet(self) -> None:
        config = self.unet.config
        if not isinstance(config.cross_attention_dim, int):
            raise ValueError(
                f'The UNet of "{self.path}" has contexts of widths '
                f'{config.cross_attention_dim} at its levels; PPM needs one '
                'width.'
            )
        if config.addition_embed_type not in (None, 'text_time'):
            raise ValueError(
                f'The UNet of "{self.path}" also takes '
                f'{config.addition_embed_type!r}; PPM supports Stable '
                'Diffusion 1, 2 and XL.'
            )
        channels = self.vae.config.latent_channels
        if config.in_channels != channels:
            raise ValueError(
                f'The UNet of "{self.path}" takes {config.in_channels} '
                f'channels but its VAE makes {channels}; inpainting and '
                'depth models cannot be used.'
            )

    @property
    def unet(self) -> nn.Module:
        """The diffusers ``UNet2DConditionModel``."""
        return self._parts['unet']

    @property
    def vae(self) -> nn.Module:
        """The diffusers ``AutoencoderKL``."""
        return self._parts['vae']

    @property
    def embed_dims(self) -> int:
        """c, the width of a context token (768 for Stable Diffusion 1)."""
        return self.unet.config.cross_attention_dim

    @property
    def stride(self) -> int:
        """Picture pixels per latent, 8 for Stable Diffusion."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def num_timesteps(self) -> int:
        """Noise levels: 0 (nearly none) to this minus one (only noise)."""
        return self._scheduler.config.num_train_timesteps

    @property
    def device(self) -> torch.device:
        """Where the parts are."""
        return self.unet.device

    @cached_property
    def identity(self) -> str:
        """sha256 over the weight files of UNet and VAE; read once."""
        return weights_identity(self._files)

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """Latents of pictures, one at a time: the most likely ones.

        Args:
            pictures: (B, 3, H, W) RGB in -1..1; sides divisible by
                ``stride``.

        Returns:
            Tensor: (B, 4, H / stride, W / stride) float32, scaled as the
            UNet expects.

        Raises:
            ValueError: If a side is not divisible by ``stride``.
        """
        height, width = pictures.shape[-2:]
        if height % self.stride or width % self.stride:
            raise ValueError(
                f'A picture of {width} x {height} (w x h) cannot be encoded; '
                'choose a size that is divisible by '
                f'{self.stride}.'
            )
        config = self.vae.config
        pictures = pictures.to(self.device, torch.float32)
        latents = torch.cat(
            [
                self.vae.encode(picture).latent_dist.mode()
                for picture in pictures.split(1)
            ]
        )
        shift = getattr(config, 'shift_factor', None) or 0.0
        return (latents - shift) * config.scaling_factor

    def add_noise(
        self,
        latents: Tensor,
        timestep: int,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Latents with the noise of a time step.

        Args:
            latents: (B, 4, h, w).
            timestep: 0 to ``num_timesteps`` - 1; larger is noisier.
            generator: On the CPU, so that every device has the same noise.

        Returns:
            tuple: Noisy latents and the noise, each (B, 4, h, w).

        Raises:
            ValueError: If the time step is out of range.
        """
        noise = torch.randn(latents.shape, generator=generator).to(latents)
        steps = self._steps(timestep, len(latents))
        return self._scheduler.add_noise(latents, noise, steps), noise

    def target(self, latents: Tensor, noise: Tensor, timestep: int) -> Tensor:
        """What the UNet is meant to predict, (B, 4, h, w).

        The noise itself, or what the model's config says instead.

        Raises:
            ValueError: If that is unknown.
        """
        kind = self._scheduler.config.prediction_type
        if kind == 'epsilon':
            return noise
        if kind == 'sample':
            return latents
        if kind == 'v_prediction':
            steps = self._steps(timestep, len(latents))
            return self._scheduler.get_velocity(latents, noise, steps)
        raise ValueError(
            f'The scheduler of "{self.path}" says prediction_type={kind!r}; '
            'known are epsilon, sample and v_prediction.'
        )

    def forward(
        self, noisy_latents: Tensor, timestep: int, context: Tensor
    ) -> Tensor:
        """Prediction of the UNet; gradients reach latents and context.

        Args:
            noisy_latents: (B, 4, h, w).
            timestep: See :meth:`add_noise`.
            context: (B, S, c) tokens.

        Returns:
            Tensor: (B, 4, h, w) float32.

        Raises:
            ValueError: If the context has another width than c, or the time
                step is out of range.
        """
        if context.shape[-1] != self.embed_dims:
            raise ValueError(
                f'The prompts are {context.shape[-1]} wide, but the diffusion '
                f'model "{self.path}" takes {self.embed_dims}; they belong '
                'to another model.'
            )
        dtype = self.unet.dtype
        return self.unet(
            noisy_latents.to(dtype),
            self._steps(timestep, len(noisy_latents)),
            context.to(dtype),
            added_cond_kwargs=self._added(noisy_latents),
        ).sample.float()

    def _steps(self, timestep: int, count: int) -> Tensor:
        if not 0 <= timestep < self.num_timesteps:
            raise ValueError(
                f'The time step {timestep} is out of range; choose 0 '
                f'(nearly no noise) to {self.num_timesteps - 1}.'
            )
        return torch.full((count,), timestep, device=self.device)

    def _added(self, latents: Tensor) -> dict[str, Tensor] | None:
        """What SDXL takes besides: no pooled text, the picture uncropped."""
        config = self.unet.config
        if config.addition_embed_type is None:
            return None
        width = config.projection_class_embeddings_input_dim
        width -= 6 * config.addition_time_embed_dim
        height, breadth = (side * self.stride for side in latents.shape[-2:])
        ids = latents.new_tensor([height, breadth, 0, 0, height, breadth])
        dtype = self.unet.dtype
        return {
            'text_embeds': latents.new_zeros(len(latents), width, dtype=dtype),
            'time_ids': ids.to(dtype).expand(len(latents), -1),
        }

    def recorder(
        self,
        layers: Sequence[str] | None = None,
        average: str = 'heads',
        keep_queries: bool = False,
    ) -> CrossAttentionRecorder:
        """A recorder of this UNet; see :class:`CrossAttentionRecorder`."""
        return CrossAttentionRecorder(self.unet, layers, average, keep_queries)

    @torch.no_grad()
    def encode_texts(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Contexts of texts.

        Returns:
            tuple: (T, S, c) all tokens, padded as the model was trained, and
            (T, c) each text's last one, which has seen all of the text.

        Raises:
            ValueError: If the model comes without a text encoder, or has
                more than one.
        """
        encoder = self._text_encoder()
        tokens = self._tokenizer(
            list(texts),
            padding='max_length',
            max_length=encoder.config.max_position_embeddings,
            truncation=True,
            return_tensors='pt',
        )
        states = encoder(tokens['input_ids'].to(self.device))
        states = states.last_hidden_state.float()
        last = tokens['attention_mask'].sum(1).to(self.device) - 1
        return states, states[torch.arange(len(states)), last]

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text, without start and end; see above."""
        self._text_encoder()
        return [
            token.removesuffix('</w>')
            for token in self._tokenizer.tokenize(text)
        ]

    def _text_encoder(self) -> nn.Module:
        if 'text_encoder' not in self._parts:
            if self.unet.config.addition_embed_type is not None:
                raise ValueError(
                    f'"{self.path}" (SDXL) has two text encoders; texts are '
                    'encoded for Stable Diffusion 1 and 2 only. Start from '
                    'random prompts.'
                )
            if not has_text_encoder(self._folder):
                raise ValueError(
                    f'"{self._folder}" holds no text encoder; add '
                    'text_encoder/ and tokenizer/, or start from random '
                    'prompts.'
                )
            encoder, self._tokenizer = load_text_encoder(
                self._folder, self.variant
            )
            self._add('text_encoder', encoder.to(self.device))
        return self._parts['text_encoder']


def _config_folder(file: Path, config: str | None) -> Path:
    if config is None:
        raise ValueError(
            f'The diffusion model "{file}" is a single file, which does not '
            'say what it holds; give config=FOLDER, a diffusers folder of '
            'the same architecture (its weights are not read).'
        )
    folder = Path(config)
    missing = [
        part
        for part in REQUIRED
        if not any((folder / part).glob('*config.json'))
    ]
    if missing:
        raise FileNotFoundError(
            f'The folder "{config}" lacks the config of '
            f'{", ".join(missing)}; give a diffusers folder.'
        )
    return folder
