# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Prompt encoders: from prompts to embeddings that a model attends to."""

from projects.common.models.prompt_encoders.base_prompt_encoder import (
    BasePromptEncoder,
    EncodedPrompts,
)
from projects.common.models.prompt_encoders.multi_modal_prompt_encoder import (
    MultiModalPromptEncoder,
)
from projects.common.models.prompt_encoders.padding import pad_prompts
from projects.common.models.prompt_encoders.prompt_fusion import PromptFusion
from projects.common.models.prompt_encoders.text import (
    OpenCLIPTextTower,
    PromptTemplate,
    SentenceTextTower,
    TextPromptEncoder,
    TextTower,
    TextTowerError,
    Vocabulary,
    load_vocabulary,
    save_vocabulary,
)
from projects.common.models.prompt_encoders.visual import (
    ConvImageTower,
    KeypointTower,
    OpenCLIPImageTower,
    VisualPromptEncoder,
)

__all__ = [
    'BasePromptEncoder',
    'ConvImageTower',
    'EncodedPrompts',
    'KeypointTower',
    'MultiModalPromptEncoder',
    'OpenCLIPImageTower',
    'OpenCLIPTextTower',
    'PromptFusion',
    'PromptTemplate',
    'SentenceTextTower',
    'TextPromptEncoder',
    'TextTower',
    'TextTowerError',
    'VisualPromptEncoder',
    'Vocabulary',
    'load_vocabulary',
    'pad_prompts',
    'save_vocabulary',
]
