# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Known names travel in the checkpoint."""

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from mmpose.registry import HOOKS

from projects.common.structures import KeypointCategory


@HOOKS.register_module()
class VocabularyHook(Hook):
    """Encodes the training data's names into the prompt encoder's buffers.

    A model trained with it needs no text model for these names. It runs
    before hooks that copy the model (EMA).
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Add the vocabulary of the training data set, if one is used."""
        if not isinstance(runner._train_loop, BaseLoop):
            return  # testing: asking for the loop would build it
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        records = runner.train_dataloader.dataset.metainfo['categories']
        categories = [KeypointCategory(**record) for record in records]
        count = model.prompt_encoder.add_vocabulary(categories)
        print_log(f'{count} texts added to the vocabulary', logger='current')
        if hasattr(model, 'fit_names') and model.fit_names(categories):
            # A checkpoint that has statistics brings them when it is loaded,
            # which is later.
            print_log('Separation of names fitted anew', logger='current')
