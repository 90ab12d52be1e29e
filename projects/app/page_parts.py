# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What all parts of the page share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr

from projects.app.handlers import Asked, Handlers
from projects.common.models.prompt_encoders.text.base_text_tower import (
    TextTowerError,
)

#: Of every event: nobody can call it from outside the page.
PRIVATE = {'api_visibility': 'private'}
PICTURES = ['.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff']
VIDEOS = ['.mp4', '.mov', '.webm', '.mkv', '.avi']
#: What a visitor's tab holds is forgotten after this.
KEPT_SECONDS = 3600


@dataclass
class Prompt:
    """Parts that other parts of the page need."""

    model: gr.Dropdown
    asked: gr.State
    summary: gr.Markdown
    download: gr.DownloadButton

    @property
    def outputs(self) -> list[Any]:
        """What :func:`asking` fills."""
        return [self.asked, self.summary, self.download]


def choice(pictures: Sequence[Path], elem_id: str) -> gr.Gallery:
    """A row of pictures that ship, to take one of."""
    return gr.Gallery(
        [str(picture) for picture in pictures],
        show_label=False,
        columns=5,
        height=130,
        object_fit='contain',
        allow_preview=False,
        interactive=False,
        elem_id=elem_id,
        buttons=[],
    )


def clear(handlers: Handlers, function: Callable) -> Callable:
    """Show an error that a person can mend as what it says."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (OSError, ValueError, TypeError, TextTowerError) as error:
            message = handlers.workspace.plain(error)
            raise gr.Error(message, print_exception=False) from error

    return wrapped


def asking(handlers: Handlers, ask: Callable[..., Asked | None]) -> Callable:
    """Ask, and fill :attr:`Prompt.outputs`."""

    def asking(*args: Any) -> tuple[Any, ...]:
        asked = ask(*args)
        if asked is None:
            return None, 'Nothing is asked for yet.', gr.skip()
        path = str(handlers.prompt_file(asked))
        button = gr.DownloadButton(value=path, visible=True)
        return asked, asked.summary(), button

    return clear(handlers, asking)
