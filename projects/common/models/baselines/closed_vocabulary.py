# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a text model is worth: the same detector without one."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from mmpose.registry import MODELS
from torch import Tensor

from projects.common.models.prompt_encoders.text.text_prompt_encoder import (
    TextPromptEncoder,
)


@MODELS.register_module()
class ClosedVocabularyPromptEncoder(TextPromptEncoder):
    """Knows the texts of its checkpoint and no language, for comparison.

    Any other text takes the embedding of the known text that is spelt most
    like it (``difflib``), where its parent asks the sentence encoder. The
    arguments are those of :class:`TextPromptEncoder`.
    """

    def _encode(self, texts: Sequence[str]) -> list[Tensor]:
        """The embeddings of the known texts most alike: N tensors (D,)."""
        for text in texts:
            if text not in self._cache:
                (alike,) = get_close_matches(
                    text, self._vocabulary_rows, n=1, cutoff=0.0
                )
                row = self._vocabulary_rows[alike]
                self._cache[text] = self.vocabulary_embeddings[row].cpu()
        return [self._cache[text] for text in texts]
