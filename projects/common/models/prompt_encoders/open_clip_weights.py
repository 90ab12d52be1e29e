# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Where the towers of CLIP get their config and weights, with open_clip."""

from __future__ import annotations

import pickle
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn


@dataclass(frozen=True)
class OpenCLIPSource:
    """A model of open_clip, of which one tower is used.

    Args:
        model_name: open_clip's name, or a dict with the keys of such a
            model's config ("embed_dim", "vision_cfg" or "text_cfg" and
            optionally "quick_gelu").
        pretrained: File with weights in open_clip's (= OpenAI's) layout,
            .safetensors or read with ``weights_only=True``; or one of
            open_clip's tags, such as 'openai'; or None for random weights.
        allow_download: Whether a tag may be fetched from the internet.
        tower: 'text tower' or 'image tower', for messages.
        error: Type of the errors that are raised.
    """

    model_name: str | dict[str, Any]
    pretrained: str | None
    allow_download: bool
    tower: str
    error: type[Exception]

    def __str__(self) -> str:
        named = isinstance(self.model_name, str)
        name = repr(self.model_name) if named else 'given as a dict'
        return f'{self.tower} {name}'

    def config(self) -> dict[str, Any]:
        """Look up the model's config.

        Raises:
            Exception: ``error``, if open_clip does not know the name.
        """
        import open_clip

        if not isinstance(self.model_name, str):
            return deepcopy(dict(self.model_name))
        if self.model_name not in open_clip.list_models():
            raise self.error(
                f'open_clip {open_clip.__version__} knows no model '
                f'{self.model_name!r}; take a name of '
                'open_clip.list_models(), such as "ViT-B-32-quickgelu".'
            )
        return open_clip.get_model_config(self.model_name)

    def weights_file(self) -> Path | None:
        """Find or fetch the weights; None for random ones.

        Raises:
            Exception: ``error``, if that fails or is not allowed, or if the
                tag's activation is not the model's.
        """
        if self.pretrained is None:
            return None
        if Path(self.pretrained).is_file():
            return Path(self.pretrained)
        import open_clip

        tags = []
        if isinstance(self.model_name, str):
            tags = open_clip.list_pretrained_tags_by_model(self.model_name)
        if self.pretrained not in tags:
            raise self.error(
                f'The weights {self.pretrained!r} of the {self} are neither '
                f'a file nor one of its tags {tags}; give the path of a '
                "state dict in open_clip's layout."
            )
        tag = open_clip.get_pretrained_cfg(self.model_name, self.pretrained)
        quick = self.config().get('quick_gelu', False)
        if tag.get('quick_gelu', False) != quick:
            raise self.error(
                f'The weights {self.pretrained!r} and the {self} differ in '
                'their activation (QuickGELU); use the model with or '
                'without "-quickgelu" at the end of its name.'
            )
        if not self.allow_download:
            raise self.error(
                f'The weights {self.pretrained!r} of the {self} would have '
                'to be downloaded; set "allow_download=True" or give the '
                'path of a file.'
            )
        try:
            return Path(open_clip.download_pretrained(tag))
        except Exception as error:  # whatever the hub's client raises
            raise self.error(
                f'The weights {self.pretrained!r} of the {self} could not be '
                f'downloaded ({error}); fetch them elsewhere and give the '
                'path of the file.'
            ) from error

    def read(self, file: Path) -> dict[str, Tensor]:
        """Read a plain state dict or open_clip's training checkpoint.

        Raises:
            Exception: ``error``, if the file is something else.
        """
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
            raise self.error(
                f'The weights file {str(file)!r} cannot be read safely '
                f'({error}); store its state dict with torch.save or as '
                '.safetensors.'
            ) from error
        state = state.get('state_dict', state)
        return {name.removeprefix('module.'): v for name, v in state.items()}

    def load(
        self,
        model: nn.Module,
        state: dict[str, Tensor],
        file: Path,
        optional: tuple[str, ...] = (),
    ) -> None:
        """Put the weights of ``file`` into the tower.

        Args:
            model: The tower.
            state: Its entries of the file.
            file: For messages.
            optional: Prefixes of parameters that may be missing.

        Raises:
            Exception: ``error``, if they do not fit.
        """
        try:
            missing, unexpected = model.load_state_dict(state, strict=False)
        except RuntimeError as error:
            raise self.error(
                f'The weights of {str(file)!r} have other sizes than the '
                f'{self}: {error}; choose the model they were made with.'
            ) from error
        missing = [m for m in missing if not m.startswith(optional)]
        if missing or unexpected:
            raise self.error(
                f'The weights of {str(file)!r} do not fit the {self}: '
                f'missing are {missing[:3]}, unknown are {unexpected[:3]}; '
                "give a state dict in open_clip's layout of that model."
            )
