# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Configs as text, which may come with a checkpoint from anywhere.

mmengine runs such a text. Here it is only read.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mmengine.config import Config

# A registered name, perhaps of one of the packages' registries. mmengine
# would import any other dotted name and call what it finds there.
_REGISTERED = re.compile(r'((mmcv|mmdet|mmengine|mmpose)\.)?[A-Za-z_]\w*')


def read_config(text: str) -> dict[str, Any]:
    """The values of a dumped config; what is no plain value as its text."""
    return _read(text, ast.unparse)


def plain_config(text: str, source: str) -> Config:
    """A config that holds nothing but plain values and registered names.

    Args:
        text (str): The config, as mmengine writes it.
        source (str): Where it comes from, for errors.

    Raises:
        ValueError: If it holds anything else, which could run code.
    """

    def refuse(node: ast.AST) -> Any:
        raise ValueError(
            f'The config in "{source}" was not read: line '
            f'{getattr(node, "lineno", 1)}, "{ast.unparse(node)[:60]}", is '
            f'more than a value and could run code. {_REMEDY}'
        )

    try:
        values = _read(text, refuse, whole=True)
    except SyntaxError as error:
        raise ValueError(
            f'The config in "{source}" was not read: {error.msg} in line '
            f'{error.lineno}. {_REMEDY}'
        ) from error
    for name in _types(values):
        if not isinstance(name, str) or not _REGISTERED.fullmatch(name):
            raise ValueError(
                f'The config in "{source}" was not read: the type {name!r} '
                f'is no registered name and could run code. {_REMEDY}'
            )
    # What registers the names is imported by whoever asks.
    values.pop('custom_imports', None)
    return Config(values)


_REMEDY = (
    'Give the config file of the model as well or, if you trust whoever made '
    'the checkpoint, AnyKeypointInferencer(trust_config=True), --trust-config '
    'of demo/anykeypoint_demo.py.'
)


def _read(
    text: str, other: Callable[[ast.AST], Any], whole: bool = False
) -> dict[str, Any]:
    values = {}
    for statement in ast.parse(text).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]):
                values[name] = _value(statement.value, other)
            case _ if whole:
                other(statement)
    return values


def _value(node: ast.expr, other: Callable[[ast.AST], Any]) -> Any:
    match node:
        case ast.Call(func=ast.Name(id='dict'), args=[]):
            return {k.arg: _value(k.value, other) for k in node.keywords}
        case ast.Call(func=ast.Name(id='dict'), args=[ast.Dict() as inner]):
            return _value(inner, other)
        case ast.Dict():
            keys = (_value(k, other) if k else '**' for k in node.keys)
            values = (_value(v, other) for v in node.values)
            return dict(zip(keys, values, strict=True))
        case ast.Name(id='inf' | 'nan' as number):
            return float(number)
        case ast.List():
            return [_value(element, other) for element in node.elts]
        case ast.Tuple():
            return tuple(_value(element, other) for element in node.elts)
    try:
        return ast.literal_eval(node)
    except ValueError:
        return other(node)


def _types(node: Any) -> Iterator[Any]:
    """What is called a type anywhere in a config."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == 'type':
                yield value
            yield from _types(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _types(value)
