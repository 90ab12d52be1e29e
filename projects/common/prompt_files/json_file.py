# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Prompts as .json files that can be moved, read and written by hand.

``prompt.schema.json`` beside this module is the schema, the guide on
inference says the same in words.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from projects.common.prompt_files.description import PromptDescription
from projects.common.prompt_files.example import Example
from projects.common.structures import KeypointCategory
from projects.common.utils.files import write_text
from projects.common.utils.pictures import read_picture

FORMAT = 'anykeypoint.prompt.v1'
#: Longest side of a picture in a file that is written, pixels.
MAX_SIDE = 512
_PNG = 'data:image/png;base64,'
_CATEGORY_KEYS = {field.name for field in fields(KeypointCategory)}
_KEYS = _CATEGORY_KEYS | {'modality', 'examples'}
_EXAMPLE_KEYS = {'picture', 'keypoints', 'bbox'}


def save_prompt(path: str | os.PathLike, prompt: PromptDescription) -> None:
    """Write a prompt file, whole or not at all.

    Pictures of examples are part of it: the object and what a model sees
    around it, as PNG, at most 512 pixels wide and high.

    Raises:
        OSError: If it cannot be written.
        ValueError: If an example cannot be cut out.
    """
    categories = ',\n'.join(
        '  ' + json.dumps(_record(prompt, number), ensure_ascii=False)
        for number in range(len(prompt.categories))
    )
    write_text(
        path,
        f'{{"format": "{FORMAT}",\n'
        f' "style": {json.dumps(prompt.style, ensure_ascii=False)},\n'
        f' "categories": [\n{categories}\n ]}}\n',
    )


def _record(prompt: PromptDescription, number: int) -> dict[str, Any]:
    category = prompt.categories[number]
    record = {
        field.name: getattr(category, field.name)
        for field in fields(category)
        if getattr(category, field.name) != field.default
    }
    if not any(category.parts):
        record.pop('parts')
    record['modality'] = prompt.modalities[number]
    if prompt.examples[number]:
        record['examples'] = [
            _example_record(example) for example in prompt.examples[number]
        ]
    return record


def _example_record(example: Example) -> dict[str, Any]:
    small = example.cropped.limited(MAX_SIDE)
    _, png = cv2.imencode('.png', small.picture)
    points = np.column_stack([small.keypoints, small.visible])
    return {
        'picture': _PNG + base64.b64encode(png.tobytes()).decode('ascii'),
        'keypoints': [
            [round(float(x), 3), round(float(y), 3), int(v)]
            for x, y, v in points
        ],
        'bbox': [round(float(value), 3) for value in small.bbox],
    }


def load_prompt(path: str | os.PathLike) -> PromptDescription:
    """Read a prompt file.

    Args:
        path: The file. Pictures that it names by a path are looked for from
            its folder.

    Raises:
        FileNotFoundError: If the file or a picture does not exist.
        OSError: If a picture cannot be read.
        ValueError: If the file is no prompt file or contradicts itself.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'The prompt file "{path}" does not exist; '
            'tools/misc/make_prompt.py writes one.'
        )
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'"{path}" is no json file ({error}).') from error
    if not isinstance(content, dict) or content.get('format') != FORMAT:
        raise ValueError(
            f'"{path}" is no prompt file: it lacks "format": "{FORMAT}". '
            'tools/misc/make_prompt.py makes one from a COCO-style file.'
        )
    try:
        return _description(content, path.parent)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f'The prompt file "{path}" is not complete or a value has the '
            f'wrong type: {error}.'
        ) from error
    except ValueError as error:
        raise ValueError(f'The prompt file "{path}": {error}') from error


def is_prompt_file(path: str | os.PathLike) -> bool:
    """Whether a file says that it is a prompt file."""
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get('format') == FORMAT


def _description(content: Mapping, folder: Path) -> PromptDescription:
    records = content['categories']
    categories, examples = [], []
    for record in records:
        _check_keys('a category', record, _KEYS)
        fields_ = {k: v for k, v in record.items() if k in _CATEGORY_KEYS}
        categories.append(KeypointCategory(**fields_))
        examples.append(
            [_example(item, folder) for item in record.get('examples', ())]
        )
    modalities = [
        record.get('modality') or ('visual' if some else 'text')
        for record, some in zip(records, examples)
    ]
    return PromptDescription(
        tuple(categories), tuple(examples), modalities, content.get('style')
    )


def _example(record: Mapping, folder: Path) -> Example:
    _check_keys('an example', record, _EXAMPLE_KEYS)
    points = np.array(record['keypoints'], np.float32)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(
            'the keypoints of an example are not rows [x, y, visibility]; '
            'write [0, 0, 0] for a keypoint that it does not show.'
        )
    return Example(
        _picture(record['picture'], folder),
        points[:, :2],
        points[:, 2],
        record.get('bbox'),
    )


def _check_keys(what: str, record: Mapping, known: set[str]) -> None:
    unknown = sorted(set(record) - known)
    if unknown:
        raise ValueError(
            f'{what} has the unknown entries {", ".join(unknown)}; known are '
            f'{", ".join(sorted(known))}.'
        )


def _picture(value: str, folder: Path) -> np.ndarray:
    if not value.startswith('data:'):
        return read_picture(
            folder / value, 'it is looked for from the folder of the file'
        )
    try:
        data = base64.b64decode(value.partition(',')[2], validate=True)
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except (binascii.Error, cv2.error):
        picture = None
    if picture is None:
        raise ValueError(
            'the picture of an example is cut short or damaged; make the '
            'file again.'
        )
    return picture
