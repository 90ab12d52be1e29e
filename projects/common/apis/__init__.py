# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""For people: ask a model about pictures, folders and videos."""

from projects.common import compat  # noqa: F401
from projects.common.apis.base_backend import (
    InferenceBackend,
    PreparedPrompt,
)
from projects.common.apis.coco import results_to_coco
from projects.common.apis.default_prompt import DefaultPrompt
from projects.common.apis.inferencer import AnyKeypointInferencer
from projects.common.apis.inputs import Frame, Video, iterate
from projects.common.apis.matching_backend import FeatureMatchingBackend
from projects.common.apis.model_index import (
    load_model_config,
    model_names,
    set_text_weights,
)
from projects.common.apis.outputs import OutputFolder
from projects.common.apis.results import (
    AttentionMaps,
    FoundInstance,
    FoundKeypoint,
    KeypointResult,
)
from projects.common.apis.video.smoothing import (
    KeypointSmoother,
    OneEuroFilter,
)
from projects.common.apis.video.tracking import InstanceTracker

__all__ = [
    'AnyKeypointInferencer',
    'AttentionMaps',
    'DefaultPrompt',
    'FeatureMatchingBackend',
    'FoundInstance',
    'FoundKeypoint',
    'Frame',
    'InferenceBackend',
    'InstanceTracker',
    'KeypointResult',
    'KeypointSmoother',
    'OneEuroFilter',
    'OutputFolder',
    'PreparedPrompt',
    'Video',
    'iterate',
    'load_model_config',
    'model_names',
    'results_to_coco',
    'set_text_weights',
]
