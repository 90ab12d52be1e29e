# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Prompts as people write, keep and pass them on."""

from projects.common import compat  # noqa: F401
from projects.common.prompt_files.coco import describe_coco
from projects.common.prompt_files.description import PromptDescription
from projects.common.prompt_files.encoded import (
    EncodedPromptFile,
    load_encoded,
    model_hash,
    save_encoded,
)
from projects.common.prompt_files.example import Example
from projects.common.prompt_files.json_file import (
    is_prompt_file,
    load_prompt,
    save_prompt,
)
from projects.common.prompt_files.spoken import describe
from projects.common.prompt_files.text import parse_prompt_text

__all__ = [
    'EncodedPromptFile',
    'Example',
    'PromptDescription',
    'describe',
    'describe_coco',
    'is_prompt_file',
    'load_encoded',
    'load_prompt',
    'model_hash',
    'parse_prompt_text',
    'save_encoded',
    'save_prompt',
]
