# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Puts configs, indices and the weights that ship into the wheel."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class BuildWithConfigs(build_py):
    def run(self):
        super().run()
        if self.editable_mode:  # a checkout has them at its root
            return
        target = Path(self.build_lib, 'projects', 'common', '.mim')
        shutil.rmtree(target, ignore_errors=True)
        for folder in ('configs', 'checkpoints'):
            shutil.copytree(
                ROOT / folder,
                target / folder,
                ignore=shutil.ignore_patterns('__pycache__'),
            )
        for name in ('model-index.yml', 'dataset-index.yml'):
            shutil.copy(ROOT / name, target)


setup(cmdclass={'build_py': BuildWithConfigs})
