# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Reading a checkpoint file that somebody else made, without running it."""

import pickle
import pickletools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from projects.common.utils.checkpoints import file_sha256

from .key_map import CLIP_PREFIX


class UnsafeFileError(ValueError):
    """A file holds more than tensors; the message names what."""


@dataclass(frozen=True)
class OfficialFile:
    """Content of a checkpoint in the released layout.

    Attributes:
        path (Path): Where it was read from.
        sha256 (str): Of the file's bytes.
        weights (dict): The detector's tensors, names without ``module.``.
        clip (dict): CLIP's tensors, names without ``clip_model.``.
        others (dict): The file's other top-level entries.
    """

    path: Path
    sha256: str
    weights: dict[str, Tensor]
    clip: dict[str, Tensor]
    others: dict[str, Any]


def read_official(
    path: str | Path, allow_pickle: bool = False
) -> OfficialFile:
    """Read ``{'model': state_dict, ...}``.

    Args:
        path (str | Path): A file of ``torch.save``.
        allow_pickle (bool): Go on with a file that holds Python objects
            besides tensors; reading them may run any code.

    Raises:
        FileNotFoundError: If there is no such file.
        UnsafeFileError: If it holds Python objects and ``allow_pickle`` is
            not set.
        ValueError: If it is damaged or holds no state dict.
    """
    content = load_foreign(path, allow_pickle)
    state = content.get('model') if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not state:
        raise ValueError(
            f'"{path}" has no state dict under "model", where the released '
            'checkpoint has it. Give the file as it was downloaded.'
        )
    strange = [k for k, v in state.items() if not isinstance(v, Tensor)]
    if strange:
        raise ValueError(
            f'The state dict of "{path}" holds {len(strange)} entries that '
            f'are no tensors, such as "{strange[0]}".'
        )
    state = {k.removeprefix('module.'): v for k, v in state.items()}
    return OfficialFile(
        Path(path),
        file_sha256(path),
        {k: v for k, v in state.items() if not k.startswith(CLIP_PREFIX)},
        {
            k.removeprefix(CLIP_PREFIX): v
            for k, v in state.items()
            if k.startswith(CLIP_PREFIX)
        },
        {k: v for k, v in content.items() if k != 'model'},
    )


def load_foreign(path: str | Path, allow_pickle: bool = False) -> Any:
    """Load a file of ``torch.save`` on the CPU, tensors only if possible.

    Args:
        path (str | Path): The file.
        allow_pickle (bool): See :func:`read_official`.

    Raises:
        FileNotFoundError: If there is no such file.
        UnsafeFileError: As :func:`read_official`.
        ValueError: If the file is damaged or something else.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'The checkpoint "{path}" does not exist.')
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # whatever a strange file provokes
        names = _python_objects(path)
        if not names:
            raise ValueError(
                f'"{path}" cannot be read: it is damaged or no file of '
                'torch.save. Compare its size and sha256 with the source.'
            ) from error
        if not allow_pickle:
            raise UnsafeFileError(
                f'"{path}" was not loaded: besides tensors it refers to '
                f'{", ".join(names)}, and reading that can run any code. '
                'If you trust where the file comes from, repeat with '
                '--allow-pickle.'
            ) from error
    return torch.load(path, map_location='cpu', weights_only=False)


def _python_objects(path: str | Path) -> list[str]:
    """Names of what a pickle refers to and safe loading refuses."""
    try:
        return torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except ValueError:  # not a zip file: old torch.save or a bare pickle
        return _globals_of_pickle(path)
    except RuntimeError:  # a broken zip file
        return []


def _globals_of_pickle(path: str | Path) -> list[str]:
    """Names in the pickles that a file starts with, without running them."""
    names: dict[str, None] = {}
    with open(path, 'rb') as file:
        try:
            while True:
                names.update(dict.fromkeys(_globals_of_stream(file)))
        except (ValueError, pickle.UnpicklingError):
            pass  # no further pickle: tensor data or the end
    return [name for name in names if not _is_harmless(name)]


def _globals_of_stream(file: Any) -> list[str]:
    names, texts = [], []
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name == 'GLOBAL':
            names.append(argument.replace(' ', '.'))
        elif opcode.name == 'STACK_GLOBAL':
            names.append('.'.join(texts[-2:]))
        elif isinstance(argument, str):
            texts.append(argument)
    return names


def _is_harmless(name: str) -> bool:
    # The parts of every old state dict.
    return name.startswith(('torch.', 'torch._utils.')) or name in (
        'collections.OrderedDict',
    )
