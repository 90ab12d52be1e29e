# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Prompt encoders: from prompts to embeddings that a model attends to."""

from projects.common.prompt_encoders.base import (
    BasePromptEncoder,
    EncodedPrompts,
)
from projects.common.prompt_encoders.closed_vocabulary import (
    ClosedVocabularyPromptEncoder,
)
from projects.common.prompt_encoders.contrast import PromptContrast
from projects.common.prompt_encoders.conv_image_tower import ConvImageTower
from projects.common.prompt_encoders.fusion import PromptFusion
from projects.common.prompt_encoders.keypoint_tower import KeypointTower
from projects.common.prompt_encoders.multi_modal_prompt_encoder import (
    MultiModalPromptEncoder,
)
from projects.common.prompt_encoders.open_clip_image_tower import (
    OpenCLIPImageTower,
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
from projects.common.prompt_encoders.visual_prompt_encoder import (
    VisualPromptEncoder,
)
from projects.common.prompt_encoders.vocabulary import (
    Vocabulary,
    load_vocabulary,
    save_vocabulary,
)

__all__ = [
    'BasePromptEncoder',
    'ClosedVocabularyPromptEncoder',
    'ConvImageTower',
    'EncodedPrompts',
    'KeypointTower',
    'MultiModalPromptEncoder',
    'OpenCLIPImageTower',
    'OpenCLIPTextTower',
    'PromptContrast',
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
