# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which pictures the demo shows, and what it asks of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from projects.common.datasets import CocoKeypointFile
from projects.common.structures import KeypointCategory, KeypointPrompt


@dataclass(frozen=True)
class Picture:
    """One picture, or what is left of it, and its ground truth.

    Attributes:
        image (Mapping): COCO image.
        truth (Mapping): See ``CocoKeypointFile.instances``; in pixels of
            what is left.
        categories (tuple): The present categories, each once.
        window (tuple | None): (width, height) of the upper left part that
            is shown, None for all of it.
    """

    image: Mapping[str, Any]
    truth: Mapping[str, np.ndarray]
    categories: tuple[KeypointCategory, ...]
    window: tuple[int, int] | None = None

    @property
    def clarity(self) -> float:
        """Share of the picture that the smallest object's box covers."""
        boxes = self.truth['gt_bboxes']
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        return float(areas.min() / self.image['width'] / self.image['height'])

    @property
    def groups(self) -> set[str]:
        """The supercategories of what is in it."""
        return {category.supercategory for category in self.categories}


@dataclass(frozen=True)
class Scene:
    """A picture and a question.

    Attributes:
        section (str): Key of ``SECTIONS`` of the page.
        title (str): What is asked, in a few words.
        note (str): What to look at.
        picture (Picture): The picture.
        prompt (KeypointPrompt): What the model is asked for, in words.
        modalities (tuple): Of 'text', 'visual' and 'combined', one for each
            category of the prompt; the examples are found later.
        target (int | None): The object whose single keypoint scores are
            shown, an index into the picture's ground truth.
    """

    section: str
    title: str
    note: str
    picture: Picture
    prompt: KeypointPrompt
    modalities: tuple[str, ...]
    target: int | None = None


Vocabulary = Sequence[KeypointCategory]
Question = Callable[[Picture, Vocabulary], Scene | None]


def make_scene(
    section: str,
    title: str,
    note: str,
    picture: Picture,
    categories: Sequence[KeypointCategory],
    modalities: Sequence[str] = (),
    style: str | None = None,
    target: int | None = None,
) -> Scene:
    """A scene; see there.

    Args:
        section (str): Of the page.
        title (str): What is asked.
        note (str): What to look at.
        picture (Picture): The picture.
        categories (Sequence): Of the prompt.
        modalities (Sequence): By default all are asked for by text.
        style (str | None): Named in the prompt.
        target (int | None): Object whose keypoint scores are shown.
    """
    prompt = KeypointPrompt.from_categories(categories, style)
    modalities = tuple(modalities) or prompt.modalities
    return Scene(section, title, note, picture, prompt, modalities, target)


def choose_scenes(
    source: CocoKeypointFile, questions: Sequence[Question]
) -> list[Scene]:
    """Find a picture for every question, each picture once.

    Args:
        source (CocoKeypointFile): The validation pictures.
        questions (Sequence): The pickiest first. They see the pictures with
            large objects of groups that no scene has shown first.

    Returns:
        list[Scene]: In the order of the questions; one that suits no
        picture is left out.
    """
    pictures, groups = list(_pictures(source)), set()
    scenes = []
    for question in questions:
        pictures.sort(key=lambda p: (bool(p.groups & groups), -p.clarity))
        for picture in pictures:
            scene = question(picture, source.categories)
            if scene is not None:
                scenes.append(scene)
                pictures.remove(picture)
                groups |= picture.groups
                break
    return scenes


def _pictures(source: CocoKeypointFile) -> Iterator[Picture]:
    for image in source.images:
        truth = source.instances(image)
        labels = np.unique(truth['gt_labels'])
        if len(labels):
            categories = tuple(source.categories[i] for i in labels)
            yield Picture(image, truth, categories)


def cut_picture(picture: Picture, axis: int, stop: int) -> Picture:
    """Cut off what lies to the right or below.

    Args:
        picture (Picture): Whole.
        axis (int): 0 keeps ``stop`` columns, 1 ``stop`` rows.
        stop (int): So that every object keeps a part.

    Returns:
        Picture: Boxes end at the cut, keypoints beyond it are not labelled.
    """
    window = [picture.image['width'], picture.image['height']]
    window[axis] = stop
    truth = dict(picture.truth)
    truth['gt_bboxes'] = np.minimum(truth['gt_bboxes'], 2 * window)
    keypoints = truth['gt_keypoints']
    kept = (keypoints[..., :2] <= np.array(window) - 1).all(-1)
    truth['gt_keypoints'] = keypoints * kept[..., None]
    return replace(picture, truth=truth, window=tuple(window))
