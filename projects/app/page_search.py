# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The part of the page that looks for what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from projects.app.found import Found, Thresholds, rows, told
from projects.app.handlers import MIN_SCORE, Asked, Handlers
from projects.app.page_parts import (
    KEPT_SECONDS,
    PICTURES,
    PRIVATE,
    VIDEOS,
    Prompt,
    choice,
    clear,
)
from projects.app.samples import Sample

_ALL = 'all keypoints, without a map'
_ATTENTION = 'Where the model looks (attention map)'
_HEADERS = ['picture', 'object', 'score', 'keypoint', 'x', 'y', 'point score']


@dataclass
class _Results:
    """Parts that show what was found."""

    found: gr.State
    message: gr.Markdown
    drawn: gr.Gallery
    video: gr.Video
    points: gr.DownloadButton
    coco: gr.DownloadButton
    table: gr.Dataframe
    panel: gr.Checkbox
    attention: gr.Dropdown

    @property
    def outputs(self) -> list[Any]:
        """What :func:`_shown` fills."""
        return [self.message, self.drawn, self.points, self.coco, self.table]

    @property
    def extras(self) -> list[Any]:
        """Parts that only some searches need, see :func:`_extras`."""
        return [self.panel, self.attention]


def _sliders() -> list[Any]:
    """The parts that give :class:`Thresholds`."""
    score = gr.Slider(
        MIN_SCORE, 0.95, 0.1, step=0.05, label='Objects from this score on'
    )
    with gr.Row():
        keypoint = gr.Slider(
            0, 0.95, 0.3, step=0.05, label='Keypoints from this score on'
        )
        names = gr.Checkbox(label='Names in the picture', value=True)
    return [score, keypoint, names]


def _results() -> _Results:
    found = gr.State(time_to_live=KEPT_SECONDS)
    message = gr.Markdown()
    with gr.Row():
        panel = gr.Checkbox(
            label='Example beside the picture',
            visible=False,
            elem_id='panel',
        )
        attention = gr.Dropdown(
            [], label=_ATTENTION, visible=False, elem_id='attention'
        )
    drawn = gr.Gallery(
        label='Found',
        columns=1,
        height='auto',
        object_fit='contain',
        format='jpeg',
        interactive=False,
        visible=False,
        elem_id='drawn',
    )
    video = gr.Video(label='Found', visible=False, interactive=False)
    with gr.Row():
        points = gr.DownloadButton('Points (json)', visible=False)
        coco = gr.DownloadButton('Points (COCO)', visible=False)
    table = gr.Dataframe(
        headers=_HEADERS,
        visible=False,
        interactive=False,
        max_height=320,
        elem_id='points',
    )
    return _Results(
        found, message, drawn, video, points, coco, table, panel, attention
    )


def search(
    handlers: Handlers, prompt: Prompt, samples: Sequence[Sample]
) -> None:
    """Add this part to the page."""
    files = gr.File(
        label='Pictures, or a video',
        file_count='multiple',
        file_types=[*PICTURES, *VIDEOS],
        height=140,
        elem_id='files',
    )
    gr.Markdown('Or take one of these:')
    queries = choice([sample.query for sample in samples], 'queries')
    sliders = _sliders()
    button = gr.Button('Find the keypoints', variant='primary')
    results = _results()
    outputs = results.outputs

    def show(found: Found | None, *values: Any) -> tuple[Any, ...]:
        if found is None:
            return (gr.skip(),) * len(outputs)
        return _shown(handlers, found, Thresholds(*values))

    def find(
        asked: Asked | None,
        paths: list[str] | None,
        score: float,
        keypoint: float,
        names: bool,
        panel: bool,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        thresholds = Thresholds(score, keypoint, names, panel)
        found = handlers.find(
            asked,
            paths,
            thresholds,
            lambda done, what: progress(done, desc=what),
        )
        clip = str(found.clips[0]) if found.clips else None
        return (
            found,
            gr.Video(value=clip, visible=clip is not None),
            *_extras(found),
            *_shown(handlers, found, thresholds),
        )

    def choose(event: gr.SelectData) -> list[str]:
        return [str(samples[event.index].query)]

    queries.select(choose, None, files, **PRIVATE)
    button.click(
        clear(handlers, find),
        [prompt.asked, files, *sliders, results.panel],
        [results.found, results.video, *results.extras, *outputs],
        show_progress_on=results.message,
        **PRIVATE,
    )
    score, keypoint, names = sliders
    for event in (
        score.release,
        keypoint.release,
        names.input,
        results.panel.input,
        results.attention.input,
    ):
        inputs = [results.found, *sliders, *results.extras]
        event(clear(handlers, show), inputs, outputs, **PRIVATE)


def _extras(found: Found) -> tuple[Any, ...]:
    """Controls that do nothing for these results are not there."""
    names = found.map_names
    return (
        gr.Checkbox(visible=found.has_examples),
        gr.Dropdown([_ALL, *names], value=_ALL, visible=bool(names)),
    )


def _shown(
    handlers: Handlers, found: Found, thresholds: Thresholds
) -> tuple[Any, ...]:
    pictures = handlers.draw(found, thresholds)
    points, coco = handlers.files(found, thresholds)
    wide = thresholds.panel and found.has_examples
    return (
        told(found, thresholds),
        gr.Gallery(
            value=pictures,
            visible=bool(pictures),
            columns=1 if wide else min(2, len(pictures)) or 1,
        ),
        gr.DownloadButton(value=str(points), visible=True),
        gr.DownloadButton(value=str(coco), visible=True),
        gr.Dataframe(value=rows(found, thresholds), visible=True),
    )
