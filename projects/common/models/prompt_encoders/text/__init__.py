# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Prompts of words."""

from .base_text_tower import TextTower, TextTowerError
from .open_clip_text_tower import OpenCLIPTextTower
from .sentence_text_tower import SentenceTextTower
from .templates import PromptTemplate
from .text_prompt_encoder import TextPromptEncoder
from .vocabulary import Vocabulary, load_vocabulary, save_vocabulary

__all__ = [
    'OpenCLIPTextTower',
    'PromptTemplate',
    'SentenceTextTower',
    'TextPromptEncoder',
    'TextTower',
    'TextTowerError',
    'Vocabulary',
    'load_vocabulary',
    'save_vocabulary',
]
