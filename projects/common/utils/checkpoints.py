# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Checkpoint files: find them, hash them, and refuse those that do not fit."""

import hashlib
import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

# Enough to see what kind of difference it is.
MAX_PROBLEMS = 8

# What mmengine's runner stores besides weights and plain values: the logged
# numbers. Nobody who reads weights needs them.
_NOT_READ = (
    'builtins.bytes',  # how an empty array is written
    'builtins.getattr',
    'mmengine.logging.history_buffer.HistoryBuffer',
    'numpy.dtype',
    'numpy.ndarray',
    *(
        f'numpy.{core}.multiarray.{name}'
        for core in ('core', '_core')  # numpy 1 and 2
        for name in ('_reconstruct', 'scalar')
    ),
)
_REFUSED = re.compile(r'GLOBAL (\S+)')
_SIZE = re.compile(
    r'size mismatch for (\S+): copying a param with shape (.+) '
    r'from checkpoint, the shape in current model is (.+)\.'
)
_KEYS = re.compile(r'(Missing|Unexpected) key\(s\) in state_dict: (.*)\.')


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()


def require_checkpoint(path: str) -> None:
    """Raise FileNotFoundError if a local checkpoint does not exist.

    Addresses (``https://``, ``s3://``, ...) are left to mmengine.
    """
    if '://' not in path and not os.path.isfile(path):
        raise FileNotFoundError(
            f'The checkpoint "{path}" does not exist. Shipped ones lie under '
            'checkpoints/, those of a training in its --work-dir.'
        )


class _NotRead:
    """Stands in for an object of a checkpoint, and does nothing."""

    def __new__(cls, *args: Any) -> '_NotRead':
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        pass


def read_checkpoint(path: str | Path, trusted: bool = False) -> Any:
    """Read a checkpoint on the CPU, without running code that it may hold.

    Args:
        path: A file, or an address that mmengine can read. mmengine does not
            guard against code in what it reads from an address.
        trusted: Whether a file may run code while it is read.

    Returns:
        What the file holds. Unless it is trusted, the numbers that mmengine
        logs in a training checkpoint are left out.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is damaged, or holds objects that could run
            code.
    """
    path = str(path)
    require_checkpoint(path)
    if trusted or '://' in path:
        return CheckpointLoader.load_checkpoint(path, map_location='cpu')
    stand_ins = [(_NotRead, name) for name in _NOT_READ]
    try:
        with torch.serialization.safe_globals(stand_ins):
            return torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        refused = _REFUSED.search(str(error))
        what = f'the object {refused[1]}' if refused else 'foreign objects'
        raise ValueError(
            f'The checkpoint "{path}" was not read: it holds {what}, which '
            'could run code. If you trust whoever made it, give '
            '--trust-checkpoint (in Python trusted=True), or keep only its '
            'weights with tools/model_converters/publish_checkpoint.py '
            '--trust-checkpoint.'
        ) from error
    # What torch says of other bytes depends on what they happen to mean.
    except Exception as error:
        raise ValueError(
            f'The checkpoint "{path}" cannot be read: it is cut short or no '
            'file of torch.save; copy it again.'
        ) from error


def load_weights(path: str, trusted: bool = False) -> dict[str, Tensor]:
    """Read the model weights of a checkpoint file, on the CPU.

    Args:
        path: A file or address; either a whole checkpoint or a bare state
            dict.
        trusted: Whether it may run code, see :func:`read_checkpoint`.

    Returns:
        dict: Parameter names (without DDP's ``module.``) to tensors.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file holds no weights, or cannot be read safely.
    """
    content = read_checkpoint(path, trusted)
    weights = content
    if isinstance(content, Mapping):
        weights = content.get('state_dict', content)
    if not isinstance(weights, Mapping) or not any(
        isinstance(value, Tensor) for value in weights.values()
    ):
        raise ValueError(
            f'"{path}" holds no model weights (no tensors, neither at the '
            'top nor under "state_dict").'
        )
    return {re.sub(r'^module\.', '', k): v for k, v in weights.items()}


def check_compatible(
    model: nn.Module, checkpoint: str, trusted: bool = False
) -> None:
    """Load a checkpoint and refuse it unless every weight has its place.

    mmengine only warns of weights that do not fit and goes on with random
    ones; a result computed so means nothing.

    Args:
        model: The model (not wrapped by DDP). It holds the weights
            afterwards; after an error it must not be used.
        checkpoint: Path of the checkpoint.
        trusted: Whether it may run code, see :func:`read_checkpoint`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If keys are missing, left over or of another shape (the
            first ones are listed), or it cannot be read safely.
    """
    weights = load_weights(checkpoint, trusted)
    try:
        model.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        problems = _problems(str(error))
        shown = ''.join(f'\n  {line}' for line in problems[:MAX_PROBLEMS])
        more = len(problems) - MAX_PROBLEMS
        rest = f'\n  ... and {more} more' if more > 0 else ''
        raise ValueError(
            f'The checkpoint "{checkpoint}" does not fit the model of the '
            f'config; {len(problems)} weights differ:{shown}{rest}\n'
            'Use the config the checkpoint was trained with, or '
            '--allow-partial-load to load what fits.'
        ) from error


def _problems(text: str) -> list[str]:
    """One line for every weight that torch's message complains about."""
    shapes = [
        f'{key}: {have} in the checkpoint, {want} in the model'
        for key, have, want in _SIZE.findall(text)
    ]
    words = {
        'Missing': 'not in the checkpoint',
        'Unexpected': 'not in the model',
    }
    keys = [
        f'{key}: {words[kind]}'
        for kind, names in _KEYS.findall(text)
        for key in re.findall(r'"([^"]+)"', names)
    ]
    return shapes + keys or [text]
