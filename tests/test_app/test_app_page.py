# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The page without a browser; tests/test_tools/test_web_page.py has one."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from projects.app import Draft, Found, Handlers, Models, Workspace
from projects.common.apis import (
    AttentionMaps,
    FoundInstance,
    FoundKeypoint,
    KeypointResult,
)
from projects.common.prompt_files import Example, PromptDescription
from projects.common.structures import KeypointCategory

pytest.importorskip('gradio', reason='the extra "app" is not installed')

from projects.app import page, page_example, page_parts, page_search


@pytest.fixture
def handlers(tmp_path):
    return Handlers(Models([['xpose_tiny']]), Workspace(tmp_path / 'work'))


def test_nothing_of_the_page_can_be_called_from_outside(handlers):
    functions = page.build(handlers, []).fns.values()
    ours = [f for f in functions if f.fn is not None]
    assert len(ours) >= 15
    assert {f.api_visibility for f in ours} == {'private'}


def test_clicks_do_what_the_mode_says():
    draft = Draft(np.full((480, 960, 3), 90, np.uint8))
    steps = [
        (page_example._ADD, [100, 100]),
        (page_example._ADD, [300, 100]),
        (page_example._MOVE, [310, 120]),
        (page_example._LINE, [100, 100]),
        (page_example._LINE, [300, 120]),
        (page_example._BOX, [10, 20]),
        (page_example._BOX, [400, 300]),
    ]
    for mode, index in steps:
        shown = page_example._click(draft, mode, SimpleNamespace(index=index))
        draft = shown[0]
    assert [(p.x, p.y) for p in draft.points] == [(100, 100), (310, 120)]
    assert (draft.edges, draft.box) == (((0, 1),), (10, 20, 400, 300))
    _, canvas, chosen, name, visible = shown
    assert canvas.shape == (480, 960, 3)
    assert chosen.choices == [('1. point 1', 0), ('2. point 2', 1)]
    assert (name, visible) == ('point 2', 2)


def test_errors_are_shown_without_paths(handlers):
    import gradio as gr

    def fail():
        raise OSError(f'"{handlers.workspace.folder}/a/b.png" is bad.')

    with pytest.raises(gr.Error, match='"b.png" is bad.') as error:
        page_parts.clear(handlers, fail)()
    assert str(handlers.workspace.folder) not in str(error.value)


def test_leaving_the_name_of_no_point_changes_nothing():
    draft = Draft(np.zeros((10, 10, 3), np.uint8))
    assert (
        len(page_example._rename(None, ''))
        == len(page_example._rename(draft, ''))
        == 5
    )
    with pytest.raises(ValueError, match='Choose an example picture'):
        page_example._edited(None)


def test_controls_that_do_nothing_are_not_there():
    category = KeypointCategory('pot', ('lid', 'foot'))
    picture = np.zeros((20, 30, 3), np.uint8)
    example = Example(picture, [[5, 5], [9, 12]])
    shown = PromptDescription.of_examples({category: [example]})
    maps = AttentionMaps(np.zeros((2, 4, 4)), (0, 0, 30, 20))
    points = tuple(FoundKeypoint(k, (5, 5), 0.9) for k in category.keypoints)
    one = FoundInstance('pot', 0.9, (0, 0, 9, 9), points, maps=maps)
    full = KeypointResult('a.png', None, (30, 20), (category,), (one,))
    full = replace(full, description=shown)
    bare = replace(
        full, instances=(replace(one, maps=None),), description=None
    )

    def parts(result):
        panel, maps = page_search._extras(Found((result,), (Path('a.png'),)))
        return panel.visible, maps.visible, [name for name, _ in maps.choices]

    none = page_search._ALL
    assert parts(full) == (True, True, [none, 'lid', 'foot'])
    assert parts(bare) == (False, False, [none])
