# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The web page: what it looks like and what happens on a click.

Import it after :meth:`Workspace.claim`: Gradio looks up its folder once.
"""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from projects.app.handlers import Handlers
from projects.app.page_example import example_tab
from projects.app.page_parts import (
    KEPT_SECONDS,
    PRIVATE,
    Prompt,
    asking,
)
from projects.app.page_search import search
from projects.app.samples import Sample

#: Of the page; Gradio's own fonts would be fetched from elsewhere.
THEME = gr.themes.Default(
    font=['system-ui', 'sans-serif'], font_mono=['ui-monospace', 'monospace']
)
CSS = """
.gradio-container {max-width: 1240px !important; margin: auto;}
#canvas img {cursor: crosshair; width: 100%; height: auto;}
#samples .grid-container, #queries .grid-container {
  grid-template-columns: repeat(5, minmax(0, 1fr)) !important;
}
#drawn .grid-wrap {min-height: 0; max-height: none;}
#drawn .thumbnail-lg {aspect-ratio: auto;}
#drawn .thumbnail-lg img {height: auto; object-fit: contain;}
@media (max-width: 640px) {
  .gradio-container {padding: 8px !important;}
  #samples, #queries {height: auto !important;}
  #points {max-width: calc(100vw - 72px); overflow-x: auto;}
}
"""


def build(handlers: Handlers, samples: Sequence[Sample]) -> gr.Blocks:
    """Make the page.

    Args:
        handlers: What the buttons do.
        samples: Pictures to try it with.
    """
    limits = handlers.workspace.limits
    names = handlers.models.names
    with gr.Blocks(
        title='AnyKeypoint',
        analytics_enabled=False,
        delete_cache=(KEPT_SECONDS, KEPT_SECONDS),
    ) as page:
        gr.Markdown(
            '# AnyKeypoint\nSay or show which points you mean, and find them '
            'in other pictures.'
        )
        with gr.Row():
            with gr.Column(min_width=300):
                gr.Markdown('## 1. What to look for')
                prompt = Prompt(
                    gr.Dropdown(names, value=names[0], label='Model'),
                    gr.State(time_to_live=KEPT_SECONDS),
                    gr.Markdown(
                        'Nothing is asked for yet.',
                        container=True,
                        render=False,
                    ),
                    gr.DownloadButton(
                        'Download the prompt file',
                        visible=False,
                        render=False,
                    ),
                )
                with gr.Tabs():
                    with gr.Tab('By an example'):
                        example_tab(handlers, prompt, samples)
                    with gr.Tab('In words'):
                        _words_tab(handlers, prompt)
                    with gr.Tab('From a file'):
                        _file_tab(handlers, prompt)
                prompt.summary.render()
                prompt.download.render()
            with gr.Column(min_width=300):
                gr.Markdown('## 2. Where to look')
                search(handlers, prompt, samples)
        gr.Markdown(
            f'Files of at most {limits.megabytes} MB, pictures of at most '
            f'{limits.megapixels} million pixels, '
            f'{limits.pictures} at a time, {limits.frames} frames of a '
            'video. Nobody else sees what you upload; it is deleted after '
            f'{KEPT_SECONDS // 3600} to {2 * KEPT_SECONDS // 3600} hours.'
        )
        prompt.model.input(
            asking(handlers, handlers.change_model),
            [prompt.model, prompt.asked],
            prompt.outputs,
            **PRIVATE,
        )
    return page


def _words_tab(handlers: Handlers, prompt: Prompt) -> None:
    text = gr.Textbox(
        label='Categories and their keypoints',
        lines=3,
        max_lines=12,
        placeholder='horse\nteapot: lid, handle, spout',
        info='One category a line: "horse" where the keypoints are known, '
        '"tapir like horse" for those of another object, or "teapot: lid, '
        'handle, spout" for your own.',
        elem_id='words',
    )
    gr.Examples(
        [['horse'], ['panda face'], ['chair; bicycle']],
        text,
        api_visibility='private',
    )
    button = gr.Button('Use these words', variant='primary')
    button.click(
        asking(handlers, handlers.ask_words),
        [prompt.model, text],
        prompt.outputs,
        **PRIVATE,
    )


def _file_tab(handlers: Handlers, prompt: Prompt) -> None:
    file = gr.File(
        label='Prompt file (.json or .safetensors)',
        file_types=['.json', '.safetensors'],
        height=120,
        elem_id='prompt-file',
    )
    button = gr.Button('Use this file', variant='primary')
    button.click(
        asking(handlers, handlers.ask_file),
        [prompt.model, file],
        prompt.outputs,
        **PRIVATE,
    )
