# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Prompt encoders: from prompts to embeddings that a model attends to."""

from projects.common.prompt_encoders.base import (
    BasePromptEncoder,
    EncodedPrompts,
)
from projects.common.prompt_encoders.open_clip_tower import OpenCLIPTextTower
from projects.common.prompt_encoders.padding import pad_prompts
from projects.common.prompt_encoders.sentence_tower import SentenceTextTower
from projects.common.prompt_encoders.templates import PromptTemplate
from projects.common.prompt_encoders.text_prompt_encoder import (
    TextPromptEncoder,
)
from projects.common.prompt_encoders.text_tower import (
    TextTower,
    TextTowerError,
)
from projects.common.prompt_encoders.vocabulary import (
    Vocabulary,
    load_vocabulary,
    save_vocabulary,
)

__all__ = [
    'BasePromptEncoder',
    'EncodedPrompts',
    'OpenCLIPTextTower',
    'PromptTemplate',
    'SentenceTextTower',
    'TextPromptEncoder',
    'TextTower',
    'TextTowerError',
    'Vocabulary',
    'load_vocabulary',
    'pad_prompts',
    'save_vocabulary',
]
