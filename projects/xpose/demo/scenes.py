# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which pictures the demo shows, and what it asks of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from projects.common.datasets import CocoKeypointFile
from projects.common.structures import KeypointCategory, KeypointPrompt

NUM_SCENES = 10
#: Words that the training never saw, for categories that it did.
OTHER_WORDS = {
    'airplane': 'aircraft',
    'bicycle': 'bike',
    'cabinet': 'cupboard',
    'car': 'automobile',
    'child': 'kid',
    'jacket': 'coat',
    'ladybird': 'ladybug',
    'person': 'human',
    'sailing boat': 'sailboat',
    'sofa': 'couch',
    'trousers': 'pants',
    'truck': 'lorry',
}


@dataclass(frozen=True)
class Picture:
    """One picture and its ground truth.

    Attributes:
        image (Mapping): COCO image.
        truth (Mapping): See ``CocoKeypointFile.instances``.
        categories (tuple): The present categories, each once.
    """

    image: Mapping[str, Any]
    truth: Mapping[str, np.ndarray]
    categories: tuple[KeypointCategory, ...]

    @property
    def clarity(self) -> float:
        """Share of the picture that the smallest object's box covers."""
        boxes = self.truth['gt_bboxes']
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        return float(areas.min() / self.image['width'] / self.image['height'])


@dataclass(frozen=True)
class Scene:
    """A picture and a question.

    Attributes:
        title (str): What is asked, in a few words.
        note (str): What to look at.
        picture (Picture): The picture.
        prompt (KeypointPrompt): What the model is asked for.
    """

    title: str
    note: str
    picture: Picture
    prompt: KeypointPrompt


def choose_scenes(source: CocoKeypointFile) -> list[Scene]:
    """Choose pictures that suit the questions, each picture once.

    Args:
        source (CocoKeypointFile): The validation pictures.

    Returns:
        list[Scene]: At most ten; a question that suits no picture is left
        out, the rest ask for what is in the picture.
    """
    pictures = sorted(_pictures(source), key=lambda p: -p.clarity)
    questions = (  # those that suit the fewest pictures first
        _three_kinds,
        _other_words,
        _everything,
        _some_keypoints,
        _similar,
        _style,
        _absent,
    )
    scenes, groups = [], set()
    for question in questions:
        found = _first(question, pictures, source.categories)
        if found is not None:
            scenes.append(found)
            pictures.remove(found.picture)
    # What is left over is asked plainly, other groups of categories first.
    for scene in scenes:
        groups.update(c.supercategory for c in scene.picture.categories)
    while pictures and len(scenes) < NUM_SCENES:
        picture = next(
            (
                p
                for p in pictures
                if p.categories[0].supercategory not in groups
            ),
            pictures[0],
        )
        groups.update(c.supercategory for c in picture.categories)
        pictures.remove(picture)
        scenes.append(_plain(picture))
    return scenes


def _pictures(source: CocoKeypointFile) -> Iterator[Picture]:
    for image in source.images:
        truth = source.instances(image)
        labels = np.unique(truth['gt_labels'])
        if len(labels):
            categories = tuple(source.categories[i] for i in labels)
            yield Picture(image, truth, categories)


_Vocabulary = Sequence[KeypointCategory]
_Question = Callable[[Picture, _Vocabulary], Scene | None]


def _first(
    question: _Question, pictures: Sequence[Picture], vocabulary: _Vocabulary
) -> Scene | None:
    """The question about the first picture that it suits."""
    scenes = (question(picture, vocabulary) for picture in pictures)
    return next((scene for scene in scenes if scene is not None), None)


def _scene(
    title: str,
    note: str,
    picture: Picture,
    categories: Sequence[KeypointCategory],
    style: str | None = None,
) -> Scene:
    prompt = KeypointPrompt.from_categories(categories, style)
    return Scene(title, note, picture, prompt)


def _three_kinds(picture: Picture, _: _Vocabulary) -> Scene | None:
    lists = {category.keypoints for category in picture.categories}
    if len(lists) < 3:
        return None
    counts = ', '.join(str(c.num_keypoints) for c in picture.categories)
    return _scene(
        'Three kinds of objects in one pass',
        f'Each has a keypoint list of its own ({counts} keypoints).',
        picture,
        picture.categories,
    )


def _absent(picture: Picture, vocabulary: _Vocabulary) -> Scene | None:
    present = {category.supercategory for category in picture.categories}
    for category in vocabulary:
        if category.supercategory not in present:
            return _scene(
                'Something that is not in the picture',
                'Nothing should be found.',
                picture,
                [category],
            )
    return None


def _some_keypoints(picture: Picture, _: _Vocabulary) -> Scene | None:
    category = picture.categories[0]
    if len(picture.categories) > 1 or category.num_keypoints < 8:
        return None
    return _scene(
        'Some of the keypoints',
        f'Every third of the {category.num_keypoints} keypoints of '
        f'"{category.name}" is asked for.',
        picture,
        [keep_keypoints(category, range(0, category.num_keypoints, 3))],
    )


def keep_keypoints(
    category: KeypointCategory, indices: Sequence[int]
) -> KeypointCategory:
    """A category with some of its keypoints.

    Args:
        category (KeypointCategory): With K keypoints.
        indices (Sequence[int]): Which of them, in the new order.

    Returns:
        KeypointCategory: Lines and swap pairs that lost an end are dropped.
    """
    place = {old: new for new, old in enumerate(indices)}

    def renumber(
        pairs: Sequence[tuple[int, int]],
    ) -> tuple[tuple[int, int], ...]:
        return tuple(
            (place[a], place[b]) for a, b in pairs if a in place and b in place
        )

    return replace(
        category,
        keypoints=tuple(category.keypoints[i] for i in indices),
        parts=tuple(category.parts[i] for i in indices),
        sigmas=tuple(category.sigmas[i] for i in indices),
        skeleton=renumber(category.skeleton),
        swap_pairs=renumber(category.swap_pairs),
    )


def _other_words(picture: Picture, _: _Vocabulary) -> Scene | None:
    category = picture.categories[0]
    word = OTHER_WORDS.get(category.name)
    if word is None or len(picture.categories) > 1:
        return None
    return _scene(
        'In other words',
        f'The training said "{category.name}", the prompt says "{word}".',
        picture,
        [replace(category, name=word)],
    )


def _similar(picture: Picture, vocabulary: _Vocabulary) -> Scene | None:
    group = picture.categories[0].supercategory
    if len(picture.categories) > 1 or not group:
        return None
    alike = [c for c in vocabulary if c.supercategory == group]
    return _scene(
        'The right one among similar ones',
        f'All {len(alike)} categories of the group "{group}" are asked for.',
        picture,
        alike,
    )


def _everything(picture: Picture, vocabulary: _Vocabulary) -> Scene | None:
    if len(picture.categories) < 2:
        return None
    return _scene(
        'Anything you know',
        f'All {len(vocabulary)} categories are asked for at once.',
        picture,
        vocabulary,
    )


def _style(picture: Picture, _: _Vocabulary) -> Scene | None:
    style = picture.image.get('style')
    if not style or style == 'photo':
        return None
    return _scene(
        'The style is named',
        f'The prompt says that the picture is in the style "{style}".',
        picture,
        picture.categories,
        style,
    )


def _plain(picture: Picture) -> Scene:
    return _scene(
        'What is in the picture',
        'The categories that are there are asked for.',
        picture,
        picture.categories,
    )
