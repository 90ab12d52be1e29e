# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""One object that answers: here is my picture, here is what I mean."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from mmengine.config import Config
from mmpose.registry import INFERENCERS

from projects.common.apis.base_backend import (
    InferenceBackend,
    PreparedPrompt,
    backend_type,
)
from projects.common.apis.inputs import Frame, OnError, iterate
from projects.common.apis.model_index import (
    load_model_config,
    set_text_weights,
)
from projects.common.apis.results import KeypointResult
from projects.common.prompt_files import describe, save_prompt

#: Where a checkpoint does not say what its training found best.
DEFAULT_SCORE_THR = 0.3


@INFERENCERS.register_module()
class AnyKeypointInferencer:
    """Finds the keypoints that a prompt asks for.

    Arguments are called as in mmpose's inferencers; calls return a list, and
    :meth:`stream` is the generator.

    Args:
        model: Name in the model index ('xpose_tiny'), path of a config, or a
            config; None takes the config that ``weights`` holds. A config is
            Python code: use only those that you trust.
        weights: Path of a checkpoint; by default that of the model index.
            Without any the model is random.
        device: Such as 'cpu' or 'cuda:0'; by default an accelerator if there
            is one.
        precision: 'float32', 'bfloat16' or 'float16'.
        cfg_options: Settings of the config to change, dotted keys and values.
        text_weights: Text model for words that the checkpoint does not know:
            weights of CLIP, or the folder of a sentence encoder.
        trust_config: Whether the config that ``weights`` holds may run code;
            else it is read as plain values, which those of our trainings
            are.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the name is unknown or the weights do not fit.

    Examples:
        >>> inferencer = AnyKeypointInferencer('xpose_tiny')
        >>> inferencer.set_prompt({'teapot': ['lid', 'handle', 'spout']})
        >>> [result] = inferencer('picture.jpg', score_thr=0.1)
        >>> result.instances[0].keypoints[0].xy
    """

    def __init__(
        self,
        model: str | os.PathLike | Config | None = None,
        weights: str | os.PathLike | None = None,
        device: str | None = None,
        precision: str = 'float32',
        cfg_options: Mapping[str, Any] | None = None,
        text_weights: str | None = None,
        trust_config: bool = False,
    ) -> None:
        cfg, weights = load_model_config(
            model, weights, cfg_options, trust_config
        )
        if text_weights is not None:
            set_text_weights(cfg, text_weights)
        self.name = model if isinstance(model, str) else (weights or '')
        self.weights = weights
        self.backend: InferenceBackend = backend_type(cfg)(
            cfg, weights, device, precision
        )
        self.prompt: PreparedPrompt | None = None

    def prepare(
        self, prompt: Any, modality: str | None = None
    ) -> PreparedPrompt:
        """Take a prompt in without making it the inferencer's own.

        For many prompts at once: give the result to the calls as ``prompt``.

        Args:
            prompt: See :func:`projects.common.prompt_files.describe`; also
                the path of a .safetensors file of :meth:`save_prompt`.
            modality: How categories with examples are asked for: 'visual'
                (the default) or 'combined', which uses their names as well.

        Raises:
            FileNotFoundError: If a file does not exist.
            OSError: If a picture cannot be read.
            TypeError: If the prompt is nothing that is understood.
            ValueError: If a name is unknown, the prompt contradicts itself,
                or the model does not take a prompt of this kind.
        """
        path = isinstance(prompt, (str, os.PathLike))
        if path and str(prompt).endswith('.safetensors'):
            return self.backend.load(prompt)
        description = describe(prompt, self.backend.category, modality)
        return self.backend.prepare(description)

    def set_prompt(
        self, prompt: Any, modality: str | None = None
    ) -> AnyKeypointInferencer:
        """Say what to look for from now on; see :meth:`prepare`."""
        self.prompt = self.prepare(prompt, modality)
        return self

    def save_prompt(self, path: str | os.PathLike) -> None:
        """Write the prompt: .json for any model, .safetensors for this one.

        Raises:
            OSError: If it cannot be written.
            ValueError: If no prompt is set, the name ends otherwise, or a
                prompt that was read from .safetensors is to become .json.
        """
        prompt = self._prompt(None)
        suffix = os.path.splitext(path)[1]
        if suffix == '.safetensors':
            self.backend.save(path, prompt)
        elif suffix != '.json':
            raise ValueError(
                f'The prompt is to be written to "{path}"; give a name that '
                'ends in .json or .safetensors.'
            )
        elif prompt.description is None:
            raise ValueError(
                'The prompt was read encoded and has no names and pictures '
                'to write; keep the .json file that it was made of.'
            )
        else:
            save_prompt(path, prompt.description)

    def __call__(
        self,
        inputs: Any,
        prompt: PreparedPrompt | None = None,
        batch_size: int = 1,
        score_thr: float | None = None,
        bboxes: Any = None,
        nms_thr: float = 0.5,
        maps: bool = False,
    ) -> list[KeypointResult]:
        """Find keypoints; all results at once.

        Args:
            inputs: See :func:`projects.common.apis.iterate`: a picture, a
                list of them, a folder, a video, a camera or an array in BGR.
            prompt: What :meth:`prepare` gave; by default that of
                :meth:`set_prompt`.
            batch_size: How many pictures the model gets at a time.
            score_thr: Objects with a lower score are left out; by default
                those below :attr:`score_thr`.
            bboxes: For models that are told where the objects are: (N, 4)
                xyxy for every picture, or a list with one such for each.
            nms_thr: Of two boxes of a category that overlap (IoU) more than
                this, the one with the lower score is left out. Of two boxes
                of different categories it is left out if they overlap more
                than 0.7 and more than this: one object has one label. Lower
                than in evaluation, where a second guess costs little. 1
                leaves none out, nor do ``bboxes`` that are given.
            maps: Whether results hold the attention maps of their keypoints;
                PPM has some.

        Returns:
            list[KeypointResult]: One for each picture or frame. Those of
            files do not keep their pictures.

        Raises:
            FileNotFoundError: If something does not exist.
            OSError: If a picture or video cannot be read.
            ValueError: If no prompt is set, an input is not possible, or the
                model has no maps.
        """
        return [
            result if result.picture is None else replace(result, image=None)
            for result in self.stream(
                inputs, prompt, batch_size, score_thr, bboxes, nms_thr, maps
            )
        ]

    def stream(
        self,
        inputs: Any,
        prompt: PreparedPrompt | None = None,
        batch_size: int = 1,
        score_thr: float | None = None,
        bboxes: Any = None,
        nms_thr: float = 0.5,
        maps: bool = False,
        on_error: OnError | None = None,
    ) -> Iterator[KeypointResult]:
        """Find keypoints, one result after the other.

        Memory does not grow with the number of pictures.

        Args:
            inputs: As in a call.
            prompt: As in a call.
            batch_size: As in a call.
            score_thr: As in a call.
            bboxes: As in a call.
            nms_thr: As in a call.
            maps: As in a call.
            on_error: Called with the name and the error of each picture that
                cannot be used, to go on without it; by default it is raised.

        Returns:
            Iterator[KeypointResult]: With their pictures.

        Raises:
            ValueError: At once, if no prompt is set or the model has no
                maps.
        """
        if maps:
            self.check_maps()
        if batch_size < 1:
            raise ValueError(
                f'The batch size is {batch_size}; give at least 1.'
            )
        prompt = self._prompt(prompt)
        packed = self._packed(
            iterate(inputs, on_error), prompt, bboxes, on_error
        )
        # Boxes that somebody gave are meant, however near they are.
        if score_thr is None:
            score_thr = self.score_thr
        reading = (score_thr, 1.0 if bboxes is not None else nms_thr, maps)
        return self._stream(packed, prompt, batch_size, reading)

    @property
    def score_thr(self) -> float:
        """Score from which on objects are shown if nothing else is said.

        The one that the checkpoint's training found best, see
        ``best_score_threshold``, or 0.3 where it does not say.
        """
        found = self.backend.learnt.score_thr
        return DEFAULT_SCORE_THR if found is None else found

    def check_maps(self) -> None:
        """Raise ValueError if the model has no attention maps."""
        if not self.backend.gives_maps:
            raise ValueError(
                f'{type(self.backend.model).__name__} has no attention maps '
                'of keypoints; take a PPM model, or ask without maps.'
            )

    def _prompt(self, prompt: PreparedPrompt | None) -> PreparedPrompt:
        prompt = prompt or self.prompt
        if prompt is not None:
            return prompt
        if not self.backend.learnt.categories:
            raise ValueError(
                'Nothing is asked for yet, and the checkpoint does not say '
                'what it was trained to find; call set_prompt() first, for '
                "example set_prompt('horse')."
            )
        return self.set_prompt(list(self.backend.learnt.categories)).prompt

    def _stream(
        self,
        packed: Iterator[tuple[Frame, Any]],
        prompt: PreparedPrompt,
        batch_size: int,
        reading: tuple[float, float, bool],
    ) -> Iterator[KeypointResult]:
        while batch := list(islice(packed, batch_size)):
            samples = self.backend.predict([one for _, one in batch], prompt)
            for (frame, _), sample in zip(batch, samples, strict=True):
                yield KeypointResult.of_sample(sample, frame, prompt, *reading)

    def _packed(
        self,
        frames: Iterable[Frame],
        prompt: PreparedPrompt,
        bboxes: Any,
        on_error: OnError | None,
    ) -> Iterator[tuple[Frame, Any]]:
        for frame in frames:
            try:
                boxes = _boxes_of(bboxes, frame.number)
                packed = self.backend.pack(frame.image, prompt, boxes)
            except ValueError as error:
                message = f'{_name(frame)}: {error}'
                if on_error is None:
                    raise ValueError(message) from error
                on_error(_name(frame), error)
                continue
            yield frame, packed


def _boxes_of(bboxes: Any, number: int) -> np.ndarray | None:
    """Boxes (N, 4) of one picture."""
    if bboxes is None:
        return None
    every = all(np.ndim(b) == 1 and len(b) == 4 for b in bboxes)
    if not every and number >= len(bboxes):
        raise ValueError(
            f'There are boxes for {len(bboxes)} pictures only; give (N, 4) '
            'for all pictures, or a list with the boxes of each.'
        )
    boxes = np.asarray(bboxes if every else bboxes[number], np.float32)
    boxes = boxes.reshape(-1, 4) if boxes.size % 4 == 0 else boxes
    if boxes.ndim != 2 or not (boxes[:, :2] < boxes[:, 2:]).all():
        raise ValueError(
            f'The boxes {boxes.tolist()} are no boxes; give rows x1, y1, x2, '
            'y2 in pixels with x1 < x2 and y1 < y2.'
        )
    return boxes


def _name(frame: Frame) -> str:
    name = frame.source or 'The picture'
    return name if frame.index is None else f'{name}, frame {frame.index}'
