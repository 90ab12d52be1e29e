# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a family of models has to bring along to be asked by a person.

A family registers its backend in mmpose's ``INFERENCERS`` as the name of its
model class with "Backend" behind it, when its package is imported; configs
name that package in ``custom_imports``.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmpose.registry import INFERENCERS
from mmpose.structures import PoseDataSample
from torch import nn

from projects.common.prompt_files import PromptDescription
from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.common.utils.learnt import Learnt

PRECISIONS = {
    'float32': None,
    'bfloat16': torch.bfloat16,
    'float16': torch.float16,
}


@dataclass(frozen=True)
class PreparedPrompt:
    """A prompt that a model has taken in; it is never changed.

    Attributes:
        categories: C categories.
        state: What the model made of it, for its backend only.
        not_shown: Of categories asked for by example, the keypoints that no
            example shows; the model does not look for them.
        description: What it was made of; None if it was read encoded.
    """

    categories: tuple[KeypointCategory, ...]
    state: Any
    not_shown: Mapping[str, Sequence[str]] = field(default_factory=dict)
    description: PromptDescription | None = None


def usable_device(name: str) -> torch.device:
    """The device of a name.

    Raises:
        ValueError: If it is unknown, or not here.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f'The device {name!r} cannot be used here ({reason}); leave it '
            f'out for {get_device()!r}.'
        ) from error
    return device


class InferenceBackend(ABC):
    """A model, and how it is asked.

    Args:
        cfg: Config of the model.
        weights: Path of the checkpoint, if any.
        device: Such as 'cpu' or 'cuda:0'; None takes an accelerator if there
            is one.
        precision: 'float32', or 'bfloat16' or 'float16' for autocast.

    Raises:
        FileNotFoundError: If the checkpoint does not exist.
        ValueError: If the checkpoint does not fit, or an argument is wrong.
    """

    model: nn.Module
    #: What the checkpoint says that it was trained to find.
    learnt: Learnt
    #: Whether predictions hold attention maps.
    gives_maps: bool = False

    def __init__(
        self,
        cfg: Config,
        weights: str | None = None,
        device: str | None = None,
        precision: str = 'float32',
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(
                f'The precision is {precision!r}; choose one of '
                f'{", ".join(map(repr, PRECISIONS))}.'
            )
        self.cfg = cfg
        self.device = usable_device(device or get_device())
        self.dtype = PRECISIONS[precision]
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        self.learnt = Learnt() if weights is None else Learnt.of_file(weights)
        self.model = self.build(weights)

    @abstractmethod
    def build(self, weights: str | None) -> nn.Module:
        """The model on its device, ready to predict."""

    @property
    @abstractmethod
    def shot_size(self) -> int:
        """Side of the examples that the model takes, in pixels.

        Raises:
            ValueError: If it takes none.
        """

    @abstractmethod
    def category(self, name: str, like: str | None) -> KeypointCategory:
        """Find the keypoints that are known for an object.

        Args:
            name: What the category is called.
            like: The object whose keypoints to take; None: ``name``.

        Raises:
            ValueError: If there are none.
        """

    def prepare(self, description: PromptDescription) -> PreparedPrompt:
        """Take a prompt in; slow where a model learns from examples.

        Raises:
            ValueError: If the model does not take a prompt of this kind.
        """
        size = self.shot_size if description.has_examples else None
        prompt = description.prompt(size)
        not_shown = {
            category.name: unshown
            for category, shots, modality in zip(
                prompt.categories, prompt.supports, prompt.modalities
            )
            if modality == 'visual'
            and (unshown := _never_visible(category, shots))
        }
        return PreparedPrompt(
            prompt.categories, self.encode(prompt), not_shown, description
        )

    @abstractmethod
    def encode(self, prompt: KeypointPrompt) -> Any:
        """What the model makes of a prompt: the state of the prepared."""

    @abstractmethod
    def load(self, path: str | os.PathLike) -> PreparedPrompt:
        """Read a prompt that :meth:`save` has written.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is damaged or belongs to another model.
        """

    @abstractmethod
    def save(self, path: str | os.PathLike, prompt: PreparedPrompt) -> None:
        """Write a prepared prompt as .safetensors, bound to the model."""

    @abstractmethod
    def pack(
        self,
        picture: np.ndarray,
        prompt: PreparedPrompt,
        bboxes: np.ndarray | None,
    ) -> Any:
        """Make a picture ready for :meth:`predict`.

        Args:
            picture: (h, w, 3) uint8 BGR.
            prompt: What is asked.
            bboxes: (N, 4) xyxy boxes of the objects, pixels of the picture;
                None where they are not known.

        Raises:
            ValueError: If the model cannot take this picture or boxes.
        """

    @abstractmethod
    def predict(
        self, packed: Sequence[Any], prompt: PreparedPrompt
    ) -> list[PoseDataSample]:
        """Find what a prompt asks for.

        Args:
            packed: B results of :meth:`pack`.
            prompt: What is asked.

        Returns:
            list[PoseDataSample]: With ``pred_instances`` in pixels of the
            pictures: ``bboxes`` (M, 4) xyxy, ``scores`` (M,), ``labels``
            (M,) that index the prompt's categories, ``keypoints``
            (M, K, 2), ``keypoint_scores`` (M, K), ``keypoint_mask`` (M, K)
            and perhaps ``keypoints_visible`` (M, K). Where the model
            ``gives_maps``, also ``maps`` (M, K, h, w) and ``map_boxes``
            (M, 4), what each object's maps cover, xyxy.
        """

    def autocast(self) -> torch.autocast:
        """The context to run the model in, as ``precision`` says."""
        return torch.autocast(
            self.device.type, self.dtype, enabled=self.dtype is not None
        )


def _never_visible(category: KeypointCategory, shots: Sequence) -> list[str]:
    shown = torch.stack([shot.visible > 0 for shot in shots]).any(0)
    return [k for k, seen in zip(category.keypoints, shown) if not seen]


def backend_type(cfg: Config) -> type[InferenceBackend]:
    """The backend of a config's model.

    Raises:
        ValueError: If its family has none.
    """
    kind = cfg.model.type
    name = kind if isinstance(kind, str) else kind.__name__
    name = name.rpartition('.')[2]
    found = INFERENCERS.get(f'{name}Backend')
    if found is None:
        known = [
            key.removesuffix('Backend')
            for key, value in INFERENCERS.module_dict.items()
            if issubclass(value, InferenceBackend)
        ]
        raise ValueError(
            f'Models of type {name!r} cannot be asked by a prompt; there are '
            f'backends for {", ".join(sorted(known)) or "none"}. If it is of '
            'a package of its own, name that in custom_imports of the config.'
        )
    return found
