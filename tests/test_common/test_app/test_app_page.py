# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The page without a browser; tests/test_tools/test_web_page.py has one."""

from types import SimpleNamespace

import numpy as np
import pytest

from projects.common.app import Draft, Handlers, Models, Workspace

pytest.importorskip('gradio', reason='the extra "app" is not installed')

from projects.common.app import page, page_example, page_parts


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
