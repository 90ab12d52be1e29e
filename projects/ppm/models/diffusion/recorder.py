# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Reading cross-attention through diffusers' attention processors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from projects.ppm.models.diffusion.attention import (
    attention_maps,
    check_average,
    layer_shape,
    mean_map,
)

_PROCESSOR = '.processor'


def cross_attention_layers(
    unet: nn.Module, chosen: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Names of a UNet's cross-attention layers, in the order of the UNet.

    Args:
        unet: A diffusers UNet.
        chosen: Names, or beginnings of names at a dot, such as
            'up_blocks.1'; None means all.

    Raises:
        ValueError: If there is no cross-attention, nothing was chosen, a
            name fits no layer, or a layer is of an unknown kind.
    """
    layers = []
    for key in unet.attn_processors:
        name = key.removesuffix(_PROCESSOR)
        if unet.get_submodule(name).is_cross_attention:
            layers.append(name)
    if not layers:
        raise ValueError(
            'The UNet has no cross-attention, so no text guides it; give a '
            'text-to-image diffusion model.'
        )
    if chosen is not None:
        layers = _choose(layers, chosen)
    for name in layers:
        layer = unet.get_submodule(name)
        if any(
            getattr(layer, part, None) is not None
            for part in ('group_norm', 'spatial_norm', 'norm_q', 'norm_cross')
        ):
            raise ValueError(
                f'The cross-attention {name!r} normalises its inputs itself, '
                'which Stable Diffusion does not; its maps are not defined.'
            )
    return tuple(layers)


def _choose(layers: list[str], chosen: Sequence[str]) -> list[str]:
    chosen = [chosen] if isinstance(chosen, str) else list(chosen)
    if not chosen:
        raise ValueError(
            'No cross-attention layer is chosen; name at least one, or give '
            'None for all.'
        )
    for name in chosen:
        if not any(f'{layer}.'.startswith(f'{name}.') for layer in layers):
            raise ValueError(
                f'The UNet has no cross-attention layer {name!r}; it has '
                f'{", ".join(layers)}.'
            )
    return [
        layer
        for layer in layers
        if any(f'{layer}.'.startswith(f'{name}.') for name in chosen)
    ]


class CrossAttentionRecorder:
    """Records the maps of cross-attention layers while it is entered.

    Every recorded layer keeps the processor it had, which is called as
    before; what the UNet returns does not change. On leaving, also after an
    exception, the processors are those that were found. With activation
    checkpointing the backward pass has to come before leaving, because it
    runs the layers again.

    Args:
        unet: A diffusers UNet.
        layers: Names or beginnings of names, see
            :func:`cross_attention_layers`; None records all.
        average: Reading of Eq. 2, see ``attention.AVERAGES``.
        keep_queries: Also keep the queries, which take much more memory.

    Attributes:
        layers: Names of the recorded layers.
        maps: Layer names to (B, S, h, w) float32 in 0..1, of the last pass
            of the UNet; gradients flow through them.
        queries: Layer names to (B, T, C) of the last pass.

    Examples:
        >>> with CrossAttentionRecorder(unet) as recorder:
        ...     unet(latents, 10, context)
        ...     maps = recorder.mean_map(512)
    """

    def __init__(
        self,
        unet: nn.Module,
        layers: Sequence[str] | None = None,
        average: str = 'heads',
        keep_queries: bool = False,
    ) -> None:
        check_average(average)
        self.unet = unet
        self.layers = cross_attention_layers(unet, layers)
        self.average = average
        self.keep_queries = keep_queries
        self.maps: dict[str, Tensor] = {}
        self.queries: dict[str, Tensor] = {}
        self._latent_shape: tuple[int, int] = (0, 0)
        self._found: dict[str, Any] = {}
        self._hook: Any = None

    def __enter__(self) -> CrossAttentionRecorder:
        self._found = dict(self.unet.attn_processors)
        processors = dict(self._found)
        for name in self.layers:
            key = name + _PROCESSOR
            processors[key] = _Processor(self, name, processors[key])
        self.unet.set_attn_processor(processors)
        self._hook = self.unet.register_forward_pre_hook(
            self._start, with_kwargs=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()
        self.unet.set_attn_processor(dict(self._found))

    def mean_map(self, size: int) -> Tensor:
        """(B, S, size, size), the mean of all recorded layers, Eq. 3."""
        return mean_map(self.maps, size)

    def _start(
        self, unet: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Begin a pass: forget the last one."""
        sample = args[0] if args else kwargs['sample']
        self._latent_shape = tuple(sample.shape[-2:])
        self.maps = {}
        self.queries = {}

    def _record(self, name: str, layer: nn.Module, *sides: Tensor) -> None:
        query, key = layer.to_q(sides[0]), layer.to_k(sides[1])
        maps = attention_maps(query, key, layer.heads, self.average)
        shape = layer_shape(query.shape[1], self._latent_shape)
        # A checkpointed block runs again in the backward pass.
        self.maps.setdefault(name, maps.unflatten(-1, shape))
        if self.keep_queries:
            self.queries.setdefault(name, query)


class _Processor:
    """Records a layer and lets the processor it had do the work."""

    def __init__(
        self, recorder: CrossAttentionRecorder, name: str, processor: Any
    ) -> None:
        self._recorder = recorder
        self._name = name
        self._processor = processor

    def __call__(
        self,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        self._recorder._record(
            self._name, attn, hidden_states, encoder_hidden_states
        )
        return self._processor(
            attn,
            hidden_states,
            encoder_hidden_states=encoder_hidden_states,
            attention_mask=attention_mask,
            **kwargs,
        )
