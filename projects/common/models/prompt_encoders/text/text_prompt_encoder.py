# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Text prompts: names become sentences, sentences become embeddings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor

from projects.common.models.prompt_encoders.base_prompt_encoder import (
    BasePromptEncoder,
    CategoryRows,
    EncodedPrompts,
    require_modality,
)
from projects.common.models.prompt_encoders.padding import pad_rows
from projects.common.models.prompt_encoders.text.base_text_tower import (
    TextTower,
    TextTowerError,
)
from projects.common.models.prompt_encoders.text.templates import (
    PromptTemplate,
)
from projects.common.models.prompt_encoders.text.vocabulary import (
    Vocabulary,
    decode_strings,
    encode_strings,
    load_vocabulary,
)
from projects.common.structures import KeypointCategory, KeypointPrompt

_BUFFERS = ('vocabulary_embeddings', 'vocabulary_texts', 'vocabulary_tower')


@MODELS.register_module()
class TextPromptEncoder(BasePromptEncoder):
    """Encodes categories by their names (X-Pose, section 3.1).

    Each different text is encoded once. The known vocabulary lives in
    buffers and travels in the checkpoint, so that known names need no text
    model; other texts are encoded by the tower and remembered in the
    process. Nothing here is trained.

    Loading a state dict takes over its vocabulary, whatever its size, and
    keeps texts of the present one that it lacks. That of a model with
    :class:`MultiModalPromptEncoder` can be loaded, too.

    Args:
        tower: Config of a text tower, or the tower.
        embed_dims: D, the length of the tower's embeddings. It is known
            without loading the tower, and checked when that happens.
        template: See :meth:`PromptTemplate.from_config`.
        vocabulary_file: File of tools/misc/encode_vocabulary.py with
            embeddings made in advance.
        init_cfg: See ``mmengine.model.BaseModule``.

    Raises:
        FileNotFoundError: If the vocabulary file does not exist.
        ValueError: If the template is wrong, or the vocabulary file was
            made for other dimensions or another template.
    """

    vocabulary_embeddings: Tensor  # (V, D)
    vocabulary_texts: Tensor  # uint8, UTF-8 of the V lines
    vocabulary_tower: Tensor  # uint8, UTF-8 of the tower's identity

    def __init__(
        self,
        tower: dict[str, Any] | TextTower,
        embed_dims: int,
        template: str | Mapping[str, str] | PromptTemplate = 'hierarchical',
        vocabulary_file: str | os.PathLike | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(embed_dims, init_cfg)
        self.tower: TextTower = (
            tower if isinstance(tower, TextTower) else MODELS.build(tower)
        )
        self.template = PromptTemplate.from_config(template)
        # Texts that are not in the vocabulary: text -> (D,), fp32, CPU.
        self._cache: dict[str, Tensor] = {}
        for name in _BUFFERS:
            self.register_buffer(name, torch.zeros(0, dtype=torch.uint8))
        self.vocabulary_embeddings = torch.zeros(0, embed_dims)
        self._set_vocabulary(Vocabulary((), self.vocabulary_embeddings, ''))
        if vocabulary_file is not None:
            self._set_vocabulary(self._read(vocabulary_file))

    @property
    def vocabulary(self) -> Vocabulary:
        """The known texts; they need no text model."""
        return Vocabulary(
            tuple(self._vocabulary_rows),
            self.vocabulary_embeddings,
            self._vocabulary_identity,
        )

    def forward(self, prompts: list[KeypointPrompt]) -> EncodedPrompts:
        """Encode B prompts, on the device and in the type of the buffers.

        Raises:
            TextTowerError: If a text is not in the vocabulary and the text
                tower cannot be had, or is not the vocabulary's.
            ValueError: If there is no prompt, a category is asked for by
                example, or the tower's embeddings have another length than
                ``embed_dims``.
        """
        for prompt in prompts:
            require_modality(prompt, 'text')
        rows = self.embed_categories(
            (category, prompt.style)
            for prompt in prompts
            for category in prompt.categories
        )
        return pad_rows(rows, [len(prompt.categories) for prompt in prompts])

    def embed_categories(
        self, categories: Iterable[tuple[KeypointCategory, str | None]]
    ) -> CategoryRows:
        """Encode categories, each in a style or in none.

        Raises:
            TextTowerError: As :meth:`forward`.
            ValueError: As :meth:`forward`.
        """
        rows: dict[str, int] = {}  # text -> row of the table of texts
        object_rows, keypoint_rows, counts = [], [], []
        for category, style in categories:
            name, names = self.template.texts(category, style)
            for text in (name, *names):
                rows.setdefault(text, len(rows))
            object_rows.append(rows[name])
            keypoint_rows += [rows[text] for text in names]
            counts.append(len(names))
        table = self._embed(list(rows))
        objects, keypoints = (
            table[torch.tensor(index, dtype=torch.long).to(table.device)]
            for index in (object_rows, keypoint_rows)
        )
        shown = torch.ones(len(keypoint_rows), dtype=torch.bool)
        return CategoryRows(objects, keypoints, counts, shown)

    def embed_names(
        self, categories: Iterable[KeypointCategory]
    ) -> CategoryRows:
        """Encode categories without style; see :meth:`embed_categories`."""
        return self.embed_categories((one, None) for one in categories)

    def add_vocabulary(
        self,
        items: Iterable[KeypointPrompt | KeypointCategory],
        styles: Sequence[str] = (),
    ) -> int:
        """Put the texts of prompts or categories into the vocabulary.

        Args:
            items: Prompts (written in their own style) or categories
                (written without style).
            styles: Styles to write each of them in besides.

        Returns:
            Number of texts that are new.

        Raises:
            TextTowerError: As :meth:`forward`.
            ValueError: As :meth:`forward`.
        """
        texts = self._texts_of(items, styles)
        new = [text for text in texts if text not in self._vocabulary_rows]
        if not new:
            return 0
        embeddings = torch.stack(self._encode(new))
        self._set_vocabulary(
            self.vocabulary.extended(
                Vocabulary(tuple(new), embeddings, self.tower.identity)
            )
        )
        return len(new)

    def keep_vocabulary(
        self, items: Iterable[KeypointPrompt | KeypointCategory]
    ) -> int:
        """Forget all texts but those of prompts or categories.

        Args:
            items: As for :meth:`add_vocabulary`.

        Returns:
            Number of texts that are left.
        """
        kept = [t for t in self._texts_of(items) if t in self._vocabulary_rows]
        rows = [self._vocabulary_rows[text] for text in kept]
        self._set_vocabulary(
            Vocabulary(
                tuple(kept),
                self.vocabulary_embeddings[rows],
                self._vocabulary_identity,
            )
        )
        return len(kept)

    def _texts_of(
        self,
        items: Iterable[KeypointPrompt | KeypointCategory],
        styles: Sequence[str] = (),
    ) -> list[str]:
        """Every text once, in order; see :meth:`add_vocabulary`."""
        texts: dict[str, None] = {}
        for item in items:
            own_style, categories = None, (item,)
            if isinstance(item, KeypointPrompt):
                own_style, categories = item.style, item.categories
            for style in (own_style, *styles):
                for category in categories:
                    name, names = self.template.texts(category, style)
                    texts.update(dict.fromkeys((name, *names)))
        return list(texts)

    def _embed(self, texts: Sequence[str]) -> Tensor:
        """Look up or encode N texts: (N, D)."""
        buffer = self.vocabulary_embeddings
        table = buffer.new_zeros(len(texts), self.embed_dims)
        known = [text in self._vocabulary_rows for text in texts]
        rows = [self._vocabulary_rows[t] for t, k in zip(texts, known) if k]
        unknown = [t for t, k in zip(texts, known) if not k]
        mask = torch.tensor(known, dtype=torch.bool)
        if rows:
            index = mask.nonzero().squeeze(1).to(buffer.device)
            table[index] = buffer[torch.tensor(rows, device=buffer.device)]
        if unknown:
            index = (~mask).nonzero().squeeze(1).to(buffer.device)
            table[index] = torch.stack(self._encode(unknown)).to(buffer)
        return table

    def _encode(self, texts: Sequence[str]) -> list[Tensor]:
        """Encode texts that are not in the vocabulary: N tensors (D,)."""
        new = [text for text in texts if text not in self._cache]
        if new:
            self._check_tower(new)
            self._cache.update(zip(new, self.tower.encode_text(new)))
        return [self._cache[text] for text in texts]

    def _check_tower(self, texts: Sequence[str]) -> None:
        try:
            embed_dims = self.tower.embed_dims
        except TextTowerError as error:
            listed = ', '.join(map(repr, texts[:3]))
            more = f' and {len(texts) - 3} more' if len(texts) > 3 else ''
            raise TextTowerError(
                f'The texts {listed}{more} are not among the '
                f'{len(self._vocabulary_rows)} texts that the model knows, '
                f'and the text tower that could encode them is missing. '
                f'{error}'
            ) from error
        if embed_dims != self.embed_dims:
            raise ValueError(
                f'The text tower gives embeddings of {embed_dims} '
                f'dimensions, but embed_dims of the prompt encoder is '
                f'{self.embed_dims}; set embed_dims={embed_dims}.'
            )
        known = self._vocabulary_identity
        if known and known != self.tower.identity:
            raise TextTowerError(
                f'The texts that the model knows were encoded by {known}, '
                f'but its text tower is {self.tower.identity}; configure '
                'the same text model, or use known names instead of '
                f'{texts[0]!r}.'
            )

    def _read(self, file: str | os.PathLike) -> Vocabulary:
        vocabulary, template = load_vocabulary(file)
        if template != self.template:
            raise ValueError(
                f'The vocabulary file {str(file)!r} was made with the '
                f'template {template}, but the prompt encoder has '
                f'{self.template}; make the file again with that template.'
            )
        if vocabulary.embed_dims != self.embed_dims:
            raise ValueError(
                f'The vocabulary file {str(file)!r} has embeddings of '
                f'{vocabulary.embed_dims} dimensions, but embed_dims of the '
                f'prompt encoder is {self.embed_dims}; use a file of the '
                'configured text tower.'
            )
        return vocabulary

    def _set_vocabulary(self, vocabulary: Vocabulary) -> None:
        embeddings = self.vocabulary_embeddings
        device = embeddings.device
        # A buffer made in inference mode could not be trained with later.
        with torch.inference_mode(False), torch.no_grad():
            self.vocabulary_embeddings = (
                vocabulary.embeddings.detach().to(embeddings).clone()
            )
            self.vocabulary_texts = encode_strings(vocabulary.texts).to(device)
            self.vocabulary_tower = encode_strings(
                [vocabulary.tower] if vocabulary.tower else []
            ).to(device)
        # Read every iteration, so not from the buffers, which may be on an
        # accelerator.
        self._vocabulary_identity = vocabulary.tower
        self._vocabulary_rows = {t: i for i, t in enumerate(vocabulary.texts)}
        for text in vocabulary.texts:
            self._cache.pop(text, None)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        keys = [prefix + name for name in _BUFFERS]
        nested = [f'{prefix}text.{name}' for name in _BUFFERS]
        if all(key in state_dict for key in nested):
            # Of a model that takes examples as well: what encodes these has
            # no place here.
            state_dict = {
                **{
                    key: value
                    for key, value in state_dict.items()
                    if not key.startswith(prefix)
                },
                **{
                    key: state_dict[old]
                    for key, old in zip(keys, nested, strict=True)
                },
            }
        if all(key in state_dict for key in keys):
            embeddings, texts, tower = (state_dict[key] for key in keys)
            try:
                loaded = Vocabulary(
                    decode_strings(texts),
                    embeddings,
                    ''.join(decode_strings(tower)),
                )
                self._set_vocabulary(loaded.extended(self.vocabulary))
                # Encoded before it was known which tower the model needs.
                self._cache.clear()
            except ValueError as error:
                error_msgs.append(
                    f'The checkpoint\'s vocabulary ("{prefix}vocabulary_*") '
                    f'does not fit this model: {error}'
                )
            # What the checkpoint holds is in the buffers now.
            state_dict = {**state_dict}
            state_dict.update(
                (key, getattr(self, name)) for key, name in zip(keys, _BUFFERS)
            )
        super()._load_from_state_dict(
            state_dict,
            prefix,
            local_metadata,
            strict,
            missing_keys,
            unexpected_keys,
            error_msgs,
        )
