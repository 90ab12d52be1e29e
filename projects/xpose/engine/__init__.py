# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""X-Pose in mmengine's runner."""

from projects.xpose.engine.vocabulary_hook import VocabularyHook

__all__ = ['VocabularyHook']
