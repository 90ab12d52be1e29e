# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The folder that a run writes to, and what of it is done already."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from projects.common.apis.coco import results_to_coco
from projects.common.apis.results import KeypointResult
from projects.common.utils.files import replacing, write_json, write_text
from projects.common.visualization import write_image

FORMAT = 'anykeypoint.run.v1'


class OutputFolder:
    """Drawn pictures and predictions of one run; called as mmpose does.

    ``visualizations/NAME``, ``predictions/NAME.json`` (of a video
    ``.jsonl``, one frame a line), ``predictions.coco.json``,
    ``maps/NAME.png`` and ``run.json``, the settings of the run. Files are
    whole or absent.

    Args:
        path: The folder; it is made.
        settings: All that decides the results, plain values. A folder of a
            run with other settings is refused.
        save_json: Whether predictions are written.
        overwrite: Do everything again, whatever is there.

    Raises:
        OSError: If the folder cannot be written to.
        ValueError: If it holds results of other settings.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        settings: Mapping[str, Any],
        save_json: bool = True,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        self.save_json = save_json
        self.overwrite = overwrite
        # As they come back from the file: tuples are lists.
        settings = json.loads(json.dumps(dict(settings)))
        content = {'format': FORMAT, 'settings': settings}
        run = self.path / 'run.json'
        if run.is_file() and not overwrite:
            self._check(run, content)
        write_json(run, content)

    def _check(self, run: Path, content: dict[str, Any]) -> None:
        try:
            before = json.loads(run.read_text(encoding='utf-8'))['settings']
        except (ValueError, KeyError, TypeError):
            before = {}
        now = content['settings']
        other = [
            key
            for key in sorted({*before, *now})
            if before.get(key) != now.get(key)
        ]
        if other:
            raise ValueError(
                f'"{self.path}" holds results of a run with other settings '
                f'({", ".join(other)}); give another --out, or --overwrite '
                'to do everything again.'
            )

    def drawn(self, name: str) -> Path:
        """Where the drawn picture or video goes."""
        path = self.path / 'visualizations' / name
        if not cv2.haveImageWriter(name) and path.suffix != '.mp4':
            path = path.with_name(path.name + '.png')
        return path

    def predictions(self, name: str) -> Path:
        """Where the predictions of a picture or video go."""
        suffix = '.jsonl' if name.endswith('.mp4') else '.json'
        return self.path / 'predictions' / (name + suffix)

    def maps(self, name: str) -> Path:
        """Where the attention maps of a picture go."""
        return self.path / 'maps' / f'{name}.png'

    def is_done(self, name: str) -> bool:
        """Whether all files of a picture or video are there."""
        wanted = [self.drawn(name)]
        if self.save_json:
            wanted.append(self.predictions(name))
        return not self.overwrite and all(path.is_file() for path in wanted)

    def write(self, name: str, result: KeypointResult, **drawing: Any) -> None:
        """Write what was found in a picture, with its maps if it has some.

        Args:
            name: Of the picture, relative, with its extension.
            result: The result.
            drawing: Arguments of :meth:`KeypointResult.draw`.

        Raises:
            OSError: If it cannot be written.
        """
        # The drawing last: a picture with one is done.
        if self.save_json:
            path = self.predictions(name)
            write_text(path, result.to_json() + '\n')
        if result.map_names:
            write_image(str(self.maps(name)), result.draw_maps())
        write_image(str(self.drawn(name)), result.draw(**drawing))

    def write_coco(self, names: Iterable[str], kpt_thr: float) -> Path:
        """Write one COCO-style file of predictions that were written.

        Args:
            names: Of the pictures to include; become their ``file_name``.
            kpt_thr: See :func:`results_to_coco`.

        Raises:
            OSError: If it cannot be written.
        """
        path = self.path / 'predictions.coco.json'
        write_json(path, results_to_coco(self._read(names), kpt_thr))
        return path

    def _read(self, names: Iterable[str]) -> Iterator[KeypointResult]:
        for name in names:
            text = self.predictions(name).read_text(encoding='utf-8')
            content = json.loads(text)
            yield KeypointResult.from_dict({**content, 'picture': name})

    @contextmanager
    def video(self, name: str, fps: float) -> Iterator[VideoOutput]:
        """Open the files of a video; they appear when the block ends.

        Args:
            name: Ends in .mp4.
            fps: Frames per second.

        Raises:
            OSError: If they cannot be written.
        """
        lines = self.predictions(name) if self.save_json else Path(os.devnull)
        with (
            replacing(self.drawn(name), suffix='.mp4') as drawn,
            _lines(lines) as file,
        ):
            output = VideoOutput(drawn, fps, file)
            try:
                yield output
            finally:
                output.close()
            output.check()


@contextmanager
def _lines(path: Path) -> Iterator[Any]:
    if path == Path(os.devnull):
        yield None
        return
    with (
        replacing(path) as temporary,
        open(temporary, 'w', encoding='utf-8') as file,
    ):
        yield file


class VideoOutput:
    """Frames of a drawn video and lines of predictions.

    Args:
        path: The video.
        fps: Frames per second.
        lines: Text file for the predictions, or None.
    """

    def __init__(self, path: Path, fps: float, lines: Any = None) -> None:
        self.path = path
        self.fps = fps
        self.lines = lines
        self.count = 0
        self._writer: cv2.VideoWriter | None = None

    def write(self, result: KeypointResult, image: np.ndarray) -> None:
        """Add a frame.

        Args:
            result: What was found in it.
            image: (H, W, 3) uint8 RGB, the drawn frame; all of one size.

        Raises:
            OSError: If no video can be written here.
        """
        if self._writer is None:
            size = image.shape[1::-1]
            code = cv2.VideoWriter_fourcc(*'mp4v')
            self._writer = cv2.VideoWriter(
                str(self.path), code, self.fps, size
            )
            if not self._writer.isOpened():
                raise OSError(
                    f'No video can be written to "{self.path.parent}"; is '
                    'there permission and space?'
                )
        self._writer.write(np.ascontiguousarray(image[..., ::-1]))
        if self.lines is not None:
            self.lines.write(result.to_json() + '\n')
        self.count += 1

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()

    def check(self) -> None:
        """Raise OSError unless the file holds every frame.

        OpenCV does not say when the disk is full.
        """
        capture = cv2.VideoCapture(str(self.path))
        held = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
        if held != self.count or not self.count:
            raise OSError(
                f'The video in "{self.path.parent}" holds {held} of '
                f'{self.count} frames; is the disk full?'
            )
