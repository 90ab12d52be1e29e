# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Many pictures and videos, one after the other, into one folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from mmengine.structures import InstanceData
from rich.progress import Progress

from projects.common.apis.inferencer import AnyKeypointInferencer
from projects.common.apis.inputs import (
    Video,
    camera_number,
    is_video,
    list_pictures,
)
from projects.common.apis.outputs import OutputFolder
from projects.common.apis.results import KeypointResult
from projects.common.apis.video.smoothing import KeypointSmoother
from projects.common.apis.video.tracking import InstanceTracker

_SCORE_SOURCES = {
    'alignment': 'how much they resemble their prompts (not calibrated)',
    'instance': 'the object, whose score they repeat',
}


class CannotWrite(Exception):
    """Results could not be written, so it makes no sense to go on."""


@contextmanager
def writing() -> Iterator[None]:
    """Turn errors of the file system into :class:`CannotWrite`."""
    try:
        yield
    except OSError as error:
        raise CannotWrite(
            f'The results cannot be written: {error}. Is there permission '
            'and space? What was finished is kept.'
        ) from error


@dataclass(frozen=True)
class RunOptions:
    """How inputs are done.

    Attributes:
        score_thr: Objects with a lower score are left out.
        kpt_thr: Of drawings and COCO files.
        batch_size: Pictures or frames at a time.
        show_names: Whether drawings name keypoints.
        bboxes: (N, 4) xyxy boxes of the objects in every picture, or None.
        save_coco: Whether to write a COCO-style file of all pictures.
        track: 'iou', 'oks' or None, for videos.
        smooth: Whether to smooth videos; needs ``track``.
        max_frames: Stop a video after so many frames.
        panel: Whether drawings have the examples beside the picture.
        nms_thr: See :class:`AnyKeypointInferencer`.
        save_maps: Whether to write the attention maps of pictures.
    """

    score_thr: float = 0.3
    kpt_thr: float = 0.3
    batch_size: int = 1
    show_names: bool = False
    bboxes: Sequence[Sequence[float]] | None = None
    save_coco: bool = False
    track: str | None = None
    smooth: bool = False
    max_frames: int | None = None
    panel: bool = False
    nms_thr: float = 0.5
    save_maps: bool = False


def plan(
    inputs: Iterable[str], out: str | os.PathLike
) -> tuple[dict[str, str], dict[str, str]]:
    """Sort inputs into pictures and videos, and name their results.

    Args:
        inputs: Pictures, folders, videos and "webcam:0".
        out: The folder to write to; pictures in it are no inputs.

    Returns:
        tuple: The name of the results of each picture, and of each video
        and camera.

    Raises:
        ValueError: If two inputs would write the same results, or a folder
            holds no pictures.
    """
    pictures: dict[str, str] = {}
    videos: dict[str, str] = {}
    own = Path(out).resolve()
    for source in inputs:
        path = Path(source)
        if camera_number(source) is not None:
            _add(videos, source, source.replace(':', '_') + '.mp4')
        elif path.is_dir():
            for picture in list_pictures(path):
                if not picture.resolve().is_relative_to(own):
                    name = picture.relative_to(path).as_posix()
                    _add(pictures, str(picture), name)
        elif is_video(source):
            name = path.name if path.suffix == '.mp4' else f'{path.name}.mp4'
            _add(videos, source, name)
        else:
            _add(pictures, source, path.name)
    return pictures, videos


def _add(names: dict[str, str], source: str, name: str) -> None:
    for other, taken in names.items():
        if taken == name and other != source:
            raise ValueError(
                f'"{other}" and "{source}" would write the same results, '
                f'{name}; give them in two calls with different --out, or '
                'the folder that both are in.'
            )
    names[source] = name


class Run:
    """Does inputs and writes what was found.

    Args:
        inferencer: With its prompt set.
        output: Where to write.
        options: How.
        progress: Shows how far it is.

    Attributes:
        failed: Names of inputs that could not be read or used.
    """

    def __init__(
        self,
        inferencer: AnyKeypointInferencer,
        output: OutputFolder,
        options: RunOptions,
        progress: Progress,
    ) -> None:
        self.inferencer = inferencer
        self.output = output
        self.options = options
        self.progress = progress
        self.failed: list[str] = []
        self._told_of_scores = False
        self._best = 0.0

    def pictures(self, names: Mapping[str, str]) -> None:
        """Do the pictures that are not done yet.

        Args:
            names: See :func:`plan`.

        Raises:
            CannotWrite: If results cannot be written.
        """
        todo = [p for p, n in names.items() if not self.output.is_done(n)]
        if len(todo) < len(names):
            print(f'{len(names) - len(todo)} pictures are done already')
        task = self.progress.add_task('pictures', total=len(todo))
        objects = done = 0
        for result in self._stream(todo, self.options.save_maps):
            with writing():
                self.output.write(
                    names[result.picture], result, **self._drawing()
                )
            done, objects = done + 1, objects + len(result.instances)
            self.progress.update(task, completed=done + len(self.failed))
        self.progress.update(task, completed=len(todo))
        if todo:
            print(f'{done} pictures, {objects} objects')
            self._tell_of_none(objects)
        if self.options.save_coco:
            self._write_coco(names)

    def _write_coco(self, names: Mapping[str, str]) -> None:
        there = [
            name
            for path, name in names.items()
            if path not in self.failed
            and self.output.predictions(name).is_file()
        ]
        with writing():
            path = self.output.write_coco(there, self.options.kpt_thr)
        print(f'{path}: {len(there)} pictures')

    def video(self, source: str, name: str) -> None:
        """Do a video or what a camera shows, unless it is done.

        Args:
            source: The path, or "webcam:0".
            name: Of the results.

        Raises:
            CannotWrite: If results cannot be written.
        """
        camera = camera_number(source)
        if camera is None and self.output.is_done(name):
            print(f'{source} is done already')
            return
        try:
            video = Video(source if camera is None else camera)
        except OSError as error:
            self._fail(source, error)
            return
        results = self._results(video)
        first = next(results, None)
        if first is None:
            if source not in self.failed:
                self._fail(source, OSError('it has no frame'))
            return
        frames, objects = self._write_video(
            chain([first], results), video, name
        )
        print(f'{self.output.drawn(name)}: {frames} frames, {objects} objects')
        self._tell_of_none(objects)

    def _results(self, video: Video) -> Iterator[KeypointResult]:
        results = self._stream(video)
        if self.options.track is not None:
            results = map(InstanceTracker(self.options.track).update, results)
        if self.options.smooth:
            results = map(KeypointSmoother(video.fps).update, results)
        return islice(results, self.options.max_frames)

    def _write_video(
        self, results: Iterator[KeypointResult], video: Video, name: str
    ) -> tuple[int, int]:
        """Number of frames, and of objects in all of them."""
        objects = 0
        total = self.options.max_frames or video.expected
        task = self.progress.add_task(name, total=total)
        with writing(), self.output.video(name, video.fps) as out:
            try:
                for result in results:
                    # A video keeps its size.
                    drawn = result.draw(**self._drawing(), min_side=0)
                    out.write(result, drawn)
                    objects += len(result.instances)
                    self.progress.update(task, completed=out.count)
            except KeyboardInterrupt:
                # This is how one stops a camera; what it saw is kept.
                if video.expected is not None:
                    raise
        return out.count, objects

    def _stream(
        self, inputs: Any, maps: bool = False
    ) -> Iterator[KeypointResult]:
        for result in self.inferencer.stream(
            inputs,
            batch_size=self.options.batch_size,
            score_thr=self.options.score_thr,
            bboxes=self.options.bboxes,
            nms_thr=self.options.nms_thr,
            maps=maps,
            on_error=self._fail,
        ):
            found = result.data_sample.pred_instances
            self._best = max(self._best, *found.scores.tolist(), 0.0)
            self._tell_of_scores(found)
            yield result

    def _drawing(self) -> dict[str, Any]:
        return {
            'kpt_thr': self.options.kpt_thr,
            'show_names': self.options.show_names,
            'panel': self.options.panel,
        }

    def _fail(self, name: str, error: Exception) -> None:
        self.failed.append(name)
        self.progress.console.print(
            f'failed: {name}: {error}',
            style='red',
            highlight=False,
            markup=False,
            soft_wrap=True,
        )

    def _tell_of_none(self, objects: int) -> None:
        if not objects and self._best:
            print(f'the best score is {self._best:.3f}; lower --score-thr')

    def _tell_of_scores(self, found: InstanceData) -> None:
        source = found.get('keypoint_score_source')
        if source in _SCORE_SOURCES and not self._told_of_scores:
            self._told_of_scores = True
            print(
                'warning: this model does not score its keypoints; their '
                f'scores come from {_SCORE_SOURCES[source]}.',
                file=sys.stderr,
            )
