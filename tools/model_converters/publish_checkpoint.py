# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
r"""Make a training checkpoint small enough to ship.

Keeps the weights (of the moving average, where the run had one) in half
precision, the config, what the model was trained to find, and a little plain
metadata, so that the file loads with ``torch.load(weights_only=True)`` and
needs no config beside it.

Example:
    python tools/model_converters/publish_checkpoint.py \
        work_dirs/xpose_tiny/epoch_4.pth checkpoints/xpose_tiny_synthkpt.pth
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects import xpose  # noqa: F401  registers prompt encoders
from projects.common.prompt_files import load_prompt
from projects.common.structures import KeypointCategory
from projects.common.utils.argument_types import share
from projects.common.utils.checkpoints import file_sha256, read_checkpoint
from projects.common.utils.config_text import plain_config
from projects.common.utils.files import replacing
from projects.common.utils.learnt import Learnt
from projects.common.version import __version__

import torch
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch import Tensor

#: Needed to go on training only: the base keypoints' prompts of PPM's CPT.
_LEFT_OUT = ('shared_prompt.base',)


def halve(name: str, weight: Tensor) -> Tensor:
    """A weight in half precision; integers stay as they are.

    Raises:
        ValueError: If a number is too large for it, or not finite.
    """
    if not weight.is_floating_point():
        return weight
    half = weight.half()
    if not half.isfinite().all():
        largest = torch.finfo(torch.float16).max
        raise ValueError(
            f'The weight "{name}" holds numbers that are not finite in half '
            f'precision, whose largest is {largest:.0f}; look for what went '
            'wrong in the training.'
        )
    return half


def without_own_paths(text: str, source: str) -> str:
    """A run's config without where it ran and what it started from."""
    config = plain_config(text, source)
    config.pop('work_dir', None)
    config.load_from = None
    return config.pretty_text


def words_of(
    encoder_cfg: dict,
    weights: Mapping[str, Tensor],
    categories: Sequence[KeypointCategory],
) -> dict[str, Tensor]:
    """The vocabulary's buffers with the words of some categories alone.

    Args:
        encoder_cfg (dict): Config of the prompt encoder.
        weights (Mapping): Weights of the model.
        categories (Sequence): Whose words to keep.
    """
    init_default_scope('mmpose')
    encoder = MODELS.build(encoder_cfg)
    prefix = 'prompt_encoder.'
    encoder.load_state_dict(
        {
            name.removeprefix(prefix): weight
            for name, weight in weights.items()
            if name.startswith(prefix)
        }
    )
    getattr(encoder, 'text', encoder).keep_vocabulary(categories)
    return {
        prefix + name: halve(name, weight)
        for name, weight in encoder.state_dict().items()
        if 'vocabulary_' in name
    }


def publish(
    source: Path,
    target: Path,
    trusted: bool = False,
    score_thr: float | None = None,
    prompt: Path | None = None,
) -> str:
    """Write the small file.

    Args:
        source (Path): A checkpoint of mmengine's runner.
        target (Path): Where to write; replaced only when complete.
        trusted (bool): Whether the source may run code while it is read.
        score_thr (float, optional): Score from which on objects are worth
            showing; by default the one that the source holds.
        prompt (Path, optional): Prompt file of what the model is for: its
            categories become those that the checkpoint looks for by default,
            and its words alone are kept.

    Returns:
        str: The sha256 of the file.

    Raises:
        ValueError: If the source is no checkpoint of a training run, is not
            safe to read, or does not fit half precision.
    """
    checkpoint = read_checkpoint(source, trusted)
    if not isinstance(checkpoint, dict) or 'state_dict' not in checkpoint:
        raise ValueError(
            f'{source} has no "state_dict"; give a checkpoint that '
            'tools/train.py wrote, for example epoch_4.pth.'
        )
    meta = checkpoint.get('meta', {})
    small = {
        'state_dict': {
            key: halve(key, value)
            for key, value in checkpoint['state_dict'].items()
            if key not in _LEFT_OUT
        },
        'meta': {
            'anykeypoint_version': __version__,
            'epoch': int(meta.get('epoch', 0)),
            'iter': int(meta.get('iter', 0)),
            'source_sha256': file_sha256(source),
        },
    }
    learnt = Learnt.of_meta(meta)
    if prompt is not None:
        learnt = replace(learnt, categories=load_prompt(prompt).categories)
        cfg = plain_config(meta['cfg'], str(source))
        small['state_dict'] |= words_of(
            cfg.model.prompt_encoder, small['state_dict'], learnt.categories
        )
    if score_thr is not None:
        learnt = replace(learnt, score_thr=score_thr)
    small['meta'] |= learnt.to_meta()
    if isinstance(meta.get('cfg'), str):
        small['meta']['cfg'] = without_own_paths(meta['cfg'], str(source))
    with replacing(target) as temporary:
        torch.save(small, temporary)
    return file_sha256(target)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('source', type=Path, help='training checkpoint')
    parser.add_argument('target', type=Path, help='file to write')
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='read a source that could run any code',
    )
    parser.add_argument(
        '--score-thr',
        type=share,
        help='score from which on objects are shown by default; by default '
        'what the last validation found best',
    )
    parser.add_argument(
        '--prompt',
        type=Path,
        help='prompt file (.json) of what the model is for, where it was '
        'trained for more: looked for by default, and no other words are kept',
    )
    args = parser.parse_args()
    try:
        digest = publish(
            args.source,
            args.target,
            args.trust_checkpoint,
            args.score_thr,
            args.prompt,
        )
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    size = args.target.stat().st_size / 2**20
    print(f'{args.target}: {size:.1f} MiB, sha256 {digest}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
