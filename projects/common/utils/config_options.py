# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Check ``--cfg-options`` before they are merged into a config.

mmengine merges any key, so a misspelt option changes nothing and is never
noticed. Here a key must exist in the config or be an argument of the class
that the config builds at that place.
"""

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mmpose.registry
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import Registry
from mmengine.runner import Runner
from torch.utils.data import DataLoader

# What a part of the config builds where it names no type itself.
_IMPLICIT_TYPES = {
    'train_dataloader': DataLoader,
    'val_dataloader': DataLoader,
    'test_dataloader': DataLoader,
    'optim_wrapper': OptimWrapper,
}
# Read by the runner from the config as a whole, not from its arguments.
_RUNNER_KEYS = (
    'auto_scale_lr',
    'find_unused_parameters',
    'sync_bn',
    'model_wrapper_cfg',
    'custom_imports',
)
# Understood by mmengine at every place.
_ANYWHERE = ('type', 'init_cfg', '_delete_')


def check_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Refuse options that nothing would read.

    A key is known if it exists in the config, or if it is an argument of the
    class that its parent names as ``type``, of the runner (at the top) or of
    the data loader. Everything below an empty dict is allowed. A variable of
    the config file (``data_root``) is refused: its value has been used when
    the file was read, so changing it afterwards changes nothing.

    Args:
        cfg: The config before the options are merged.
        options: What ``--cfg-options`` gave: dotted keys and values.

    Raises:
        ValueError: On the first unknown key, with similar known keys.
    """
    for option in options:
        if option in cfg and option not in _arguments(cfg._cfg_dict, ''):
            raise ValueError(
                f'--cfg-options {option}: "{option}" is a variable of the '
                'config file that has been used already; set the places '
                'that it went to, for example train_dataloader.dataset.'
                f'{option}.'
            )
        _check_option(cfg, option)


def _check_option(cfg: Config, option: str) -> None:
    node, path = cfg._cfg_dict, ''
    for key in option.split('.'):
        if isinstance(node, (list, tuple)):
            if not key.isdigit() or int(key) >= len(node):
                raise ValueError(
                    f'--cfg-options {option}: "{path}" is a list of '
                    f'{len(node)} entries; "{key}" must be an index from 0 '
                    f'to {len(node) - 1}.'
                )
            node = node[int(key)]
        elif isinstance(node, Mapping):
            if key not in node:
                _check_new_key(node, path, key, option)
                return
            node = node[key]
        elif node is None:
            return  # an optional part that the option fills
        else:
            raise ValueError(
                f'--cfg-options {option}: "{path}" is {node!r}, not a dict, '
                f'so it cannot have an entry "{key}".'
            )
        path = f'{path}.{key}' if path else key


def _check_new_key(node: Mapping, path: str, key: str, option: str) -> None:
    if path and not node:
        return  # an empty dict takes anything
    known = {*node, *_ANYWHERE, *_arguments(node, path)}
    if key in known:
        return
    close = difflib.get_close_matches(key, sorted(known), n=3)
    hint = (
        f'did you mean {" or ".join(close)}?'
        if close
        else f'known are {", ".join(sorted(known))}.'
    )
    raise ValueError(
        f'--cfg-options {option}: unknown, "{path or "the config"}" has no '
        f'option "{key}"; {hint} (--allow-new-options adds it all the same.)'
    )


def _arguments(node: Mapping, path: str) -> set[str]:
    """Names of the arguments of what ``node`` builds."""
    if not path:
        return {*_parameters(Runner), *_RUNNER_KEYS}
    if 'type' not in node:
        return _parameters(_IMPLICIT_TYPES.get(path))
    return {
        name
        for builder in _find_types(node['type'])
        for name in _parameters(builder)
    }


def _find_types(name: Any) -> Sequence[Callable]:
    """Everything registered under a name, in any of mmpose's registries."""
    if not isinstance(name, str):
        return [name]
    registries = [
        r for r in vars(mmpose.registry).values() if isinstance(r, Registry)
    ]
    found = (registry.get(name) for registry in registries)
    return [builder for builder in found if builder is not None]


def _parameters(builder: Callable | None) -> set[str]:
    """Argument names of a function or of a class and its parents."""
    if builder is None:
        return set()
    parts = (
        [c.__init__ for c in builder.__mro__ if '__init__' in vars(c)]
        if inspect.isclass(builder)
        else [builder]
    )
    names = set()
    for part in parts:
        if part is object.__init__:
            continue
        parameters = inspect.signature(part).parameters.values()
        names.update(
            p.name
            for p in parameters
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        )
        # Without **kwargs, arguments of the parents cannot get through.
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return names - {'self'}
