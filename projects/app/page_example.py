# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The part of the page where keypoints are clicked in an example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from projects.app.canvas import clicked, draw_canvas
from projects.app.draft import Draft
from projects.app.handlers import Handlers
from projects.app.page_parts import (
    KEPT_SECONDS,
    PICTURES,
    PRIVATE,
    Prompt,
    asking,
    choice,
    clear,
)
from projects.app.samples import Sample

# Clicks of one person are done one after the other: all have this id.
_DRAFT = {
    'concurrency_id': 'draft',
    'concurrency_limit': 1,
    'trigger_mode': 'multiple',
    'show_progress': 'hidden',
}
_ADD, _MOVE, _LINE, _BOX = (
    'Add points',
    'Move the chosen point',
    'Draw lines',
    'Draw the box',
)
_SHOWN = [('visible', 2), ('hidden', 1), ('not in the picture', 0)]


@dataclass
class _Editor:
    """Parts that show a draft; the first is the draft itself."""

    draft: gr.State
    canvas: gr.Image
    chosen: gr.Radio
    name: gr.Textbox
    shown: gr.Radio

    @property
    def outputs(self) -> list[Any]:
        return [self.draft, self.canvas, self.chosen, self.name, self.shown]


def _edited(draft: Draft | None) -> tuple[Any, ...]:
    """Values of :attr:`_Editor.outputs`."""
    if draft is None:
        raise ValueError('Choose an example picture first.')
    choices = [
        (f'{number}. {point.name}', number - 1)
        for number, point in enumerate(draft.points, 1)
    ]
    point = None if draft.chosen is None else draft.points[draft.chosen]
    return (
        draft,
        draw_canvas(draft),
        gr.Radio(choices=choices, value=draft.chosen, visible=bool(choices)),
        '' if point is None else point.name,
        None if point is None else point.visible,
    )


def _click(
    draft: Draft | None, mode: str, event: gr.SelectData
) -> tuple[Any, ...]:
    if draft is None:
        raise ValueError('Choose an example picture first.')
    act = {
        _ADD: draft.add,
        _MOVE: draft.move,
        _LINE: draft.connect,
        _BOX: draft.corner,
    }[mode]
    return _edited(act(*clicked(draft, *event.index)))


def _editor() -> _Editor:
    return _Editor(
        gr.State(time_to_live=KEPT_SECONDS),
        gr.Image(
            label='The example',
            interactive=False,
            format='png',
            elem_id='canvas',
            buttons=[],
        ),
        gr.Radio([], label='Chosen point', visible=False, elem_id='chosen'),
        gr.Textbox(label='Its name', max_lines=1, elem_id='name'),
        gr.Radio(_SHOWN, label='It is', elem_id='shown'),
    )


def _buttons(handlers: Handlers, editor: _Editor) -> None:
    """Add the buttons, and what all parts but the canvas do."""
    with gr.Row():
        undo = gr.Button('Undo', min_width=90, size='sm')
        remove = gr.Button('Remove', min_width=90, size='sm')
        absent = gr.Button('Add one not shown', min_width=150, size='sm')

    def edit(act: Callable[..., Draft]) -> Callable:
        def edited(draft: Draft | None, *values: Any) -> tuple[Any, ...]:
            return _edited(None if draft is None else act(draft, *values))

        return clear(handlers, edited)

    options = {'outputs': editor.outputs, **_DRAFT, **PRIVATE}
    editor.chosen.input(
        edit(Draft.choose), [editor.draft, editor.chosen], **options
    )
    for event in (editor.name.submit, editor.name.blur):
        event(clear(handlers, _rename), [editor.draft, editor.name], **options)
    editor.shown.input(
        edit(Draft.show), [editor.draft, editor.shown], **options
    )
    undo.click(edit(Draft.undo), editor.draft, **options)
    remove.click(edit(Draft.remove), editor.draft, **options)
    absent.click(
        edit(lambda draft: draft.add(0, 0, 0)), editor.draft, **options
    )


def example_tab(
    handlers: Handlers, prompt: Prompt, samples: Sequence[Sample]
) -> None:
    """Add this part to the page."""
    gr.Markdown('Choose a picture with one object, or upload yours:')
    gallery = choice([sample.example for sample in samples], 'samples')
    upload = gr.UploadButton(
        'Upload an example', file_types=PICTURES, elem_id='upload-example'
    )
    mode = gr.Radio(
        [_ADD, _MOVE, _LINE, _BOX],
        value=_ADD,
        label='Clicks in the picture',
        elem_id='mode',
    )
    editor = _editor()
    _buttons(handlers, editor)
    with gr.Row():
        name = gr.Textbox(
            'object', label='Name of the object', elem_id='object-name'
        )
        with_names = gr.Checkbox(
            label='Use the names as well as the picture', value=False
        )
    use = gr.Button('Use this example', variant='primary')

    def start(path: str | None) -> tuple[Any, ...]:
        return _edited(Draft(handlers.workspace.picture(path)))

    def start_sample(event: gr.SelectData) -> tuple[Any, ...]:
        sample = samples[event.index]
        picture = handlers.workspace.picture(sample.example)
        return (*_edited(Draft(picture, box=sample.box)), sample.name)

    options = {'outputs': editor.outputs, **_DRAFT, **PRIVATE}
    upload.upload(clear(handlers, start), upload, **options)
    gallery.select(
        clear(handlers, start_sample),
        None,
        [*editor.outputs, name],
        **_DRAFT,
        **PRIVATE,
    )
    editor.canvas.select(
        clear(handlers, _click), [editor.draft, mode], **options
    )
    use.click(
        asking(handlers, handlers.ask_example),
        [prompt.model, editor.draft, name, with_names],
        prompt.outputs,
        concurrency_id='draft',
        concurrency_limit=1,
        **PRIVATE,
    )


def _rename(draft: Draft | None, name: str) -> tuple[Any, ...]:
    """Leaving the empty field of an example without points is no mistake."""
    if draft is None or draft.chosen is None:
        return (gr.skip(),) * 5
    return _edited(draft.rename(name))
