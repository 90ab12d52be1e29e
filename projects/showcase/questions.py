# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the demo asks: each question looks for a picture that suits it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from projects.common.structures import KeypointCategory
from projects.showcase.scenes import (
    Picture,
    Scene,
    Vocabulary,
    cut_picture,
    make_scene,
)

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
#: Share of an object's keypoints that must lie outside the picture, at least
#: and, where the picture is cut for it, at most.
OUTSIDE = (0.15, 0.7)


def _three_kinds(picture: Picture, _: Vocabulary) -> Scene | None:
    lists = {category.keypoints for category in picture.categories}
    if len(lists) < 3:
        return None
    counts = ', '.join(str(c.num_keypoints) for c in picture.categories)
    return make_scene(
        'text',
        'Three kinds of objects in one pass',
        f'Each has a keypoint list of its own ({counts} keypoints).',
        picture,
        picture.categories,
    )


def _another_kind(picture: Picture, vocabulary: Vocabulary) -> Scene | None:
    present = {category.supercategory for category in picture.categories}
    for category in vocabulary:
        if category.supercategory not in present:
            return make_scene(
                'text',
                'Something that is not in the picture',
                'Nothing should be found.',
                picture,
                [category],
            )
    return None


def _some_keypoints(picture: Picture, _: Vocabulary) -> Scene | None:
    category = picture.categories[0]
    if len(picture.categories) > 1 or category.num_keypoints < 8:
        return None
    return make_scene(
        'text',
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


def _other_words(picture: Picture, _: Vocabulary) -> Scene | None:
    category = picture.categories[0]
    word = OTHER_WORDS.get(category.name)
    if word is None or len(picture.categories) > 1:
        return None
    return make_scene(
        'text',
        'In other words',
        f'The training said "{category.name}", the prompt says "{word}".',
        picture,
        [replace(category, name=word)],
    )


def _similar(picture: Picture, vocabulary: Vocabulary) -> Scene | None:
    group = picture.categories[0].supercategory
    if len(picture.categories) > 1 or not group:
        return None
    alike = [c for c in vocabulary if c.supercategory == group]
    return make_scene(
        'text',
        'The right one among similar ones',
        f'All {len(alike)} categories of the group "{group}" are asked for.',
        picture,
        alike,
    )


def _everything(picture: Picture, vocabulary: Vocabulary) -> Scene | None:
    if len(picture.categories) < 2:
        return None
    return make_scene(
        'text',
        'Anything you know',
        f'All {len(vocabulary)} categories are asked for at once.',
        picture,
        vocabulary,
    )


def _style(picture: Picture, _: Vocabulary) -> Scene | None:
    style = picture.image.get('style')
    if not style or style == 'photo':
        return None
    return make_scene(
        'text',
        'The style is named',
        f'The prompt says that the picture is in the style "{style}".',
        picture,
        picture.categories,
        style=style,
    )


def _two_kinds(picture: Picture, _: Vocabulary) -> Scene | None:
    pair = _different_pair(picture)
    if pair is None:
        return None
    return make_scene(
        'text',
        'Two kinds with different keypoints',
        f'{_counts(pair)} keypoints, found in one pass.',
        picture,
        pair,
    )


def _different_pair(
    picture: Picture,
) -> tuple[KeypointCategory, KeypointCategory] | None:
    """The first two categories whose keypoint lists differ."""
    first, *others = picture.categories
    for second in others:
        if second.keypoints != first.keypoints:
            return first, second
    return None


def _counts(categories: Sequence[KeypointCategory]) -> str:
    return ' and '.join(str(c.num_keypoints) for c in categories)


def _one_example(picture: Picture, _: Vocabulary) -> Scene | None:
    if len(picture.categories) > 1:
        return None
    return make_scene(
        'visual',
        'One example',
        'No word is given: the example alone says what to find and which '
        'points to mark.',
        picture,
        picture.categories,
        ['visual'],
    )


def _two_examples(picture: Picture, _: Vocabulary) -> Scene | None:
    pair = _different_pair(picture)
    if pair is None:
        return None
    return make_scene(
        'visual',
        'Two kinds, an example of each',
        f'{_counts(pair)} keypoints, found in one pass.',
        picture,
        pair,
        ['visual', 'visual'],
    )


def _both(picture: Picture, _: Vocabulary) -> Scene | None:
    if len(picture.categories) > 1:
        return None
    return make_scene(
        'combined',
        'Words and an example of the same kind',
        'What the words say and what the example shows is put together.',
        picture,
        picture.categories,
        ['combined'],
    )


def _mixed(picture: Picture, _: Vocabulary) -> Scene | None:
    pair = _different_pair(picture)
    if pair is None:
        return None
    return make_scene(
        'combined',
        'One kind in words, another by example',
        f'"{pair[0].name}" is named, "{pair[1].name}" is shown, in one pass.',
        picture,
        pair,
        ['text', 'visual'],
    )


def _outside(picture: Picture, vocabulary: Vocabulary) -> Scene | None:
    """An object that the picture's border cuts off."""
    absent = _shares_outside(picture, vocabulary)
    target = int(absent.argmax())
    if not OUTSIDE[0] <= absent[target] < 1:
        return None
    category = vocabulary[picture.truth['gt_labels'][target]]
    return make_scene(
        'outside',
        "Beyond the picture's border",
        f'All {category.num_keypoints} keypoints of "{category.name}" are '
        'asked for, some of them lie outside.',
        picture,
        [category],
        target=target,
    )


def _shares_outside(picture: Picture, vocabulary: Vocabulary) -> np.ndarray:
    """Share of keypoints that are not labelled, of each object."""
    truth = picture.truth
    return np.array(
        [
            1 - np.mean(points[: vocabulary[label].num_keypoints, 2] > 0)
            for label, points in zip(truth['gt_labels'], truth['gt_keypoints'])
        ]
    )


def _cut_off(picture: Picture, vocabulary: Vocabulary) -> Scene | None:
    """An object that is all there, in a picture cut for the occasion."""
    truth, [category, *others] = picture.truth, picture.categories
    if others or len(truth['gt_labels']) > 1 or category.num_keypoints < 10:
        return None
    box, points = truth['gt_bboxes'][0], truth['gt_keypoints'][0]
    points = points[: category.num_keypoints]
    axis = int(box[3] - box[1] > box[2] - box[0])
    cut = cut_picture(picture, axis, round(np.median(points[:, axis])))
    share = _shares_outside(cut, vocabulary)[0]
    if (points[:, 2] == 0).any() or not OUTSIDE[0] <= share <= OUTSIDE[1]:
        return None
    return make_scene(
        'outside',
        'Cut in two',
        f'{"The right" if axis == 0 else "The lower"} part of the picture '
        f'was cut off; all {category.num_keypoints} keypoints of '
        f'"{category.name}" are asked for.',
        cut,
        [category],
        target=0,
    )


#: Those that suit the fewest pictures first.
QUESTIONS = (
    _three_kinds,
    _outside,
    _other_words,
    _two_kinds,
    _mixed,
    _two_examples,
    _everything,
    _cut_off,
    _some_keypoints,
    _one_example,
    _both,
    _similar,
    _style,
    _another_kind,
)
