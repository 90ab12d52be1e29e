# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Numbers and steadiness of objects in videos."""

import numpy as np
import pytest

from projects.common.apis import (
    FoundInstance,
    FoundKeypoint,
    InstanceTracker,
    KeypointResult,
    KeypointSmoother,
    OneEuroFilter,
)
from projects.common.structures import KeypointCategory

CAT = KeypointCategory('cat', ('ear', 'tail'), sigmas=(0.05, 0.05))
DOG = KeypointCategory('dog', ('ear', 'tail'))


def found(x, y=0.0, category='cat', side=20.0, tail=0.0):
    """An object of size ``side`` with its ear at (x, y)."""
    return FoundInstance(
        category,
        0.9,
        (x, y, x + side, y + side),
        (
            FoundKeypoint('ear', (x, y), 0.9),
            FoundKeypoint('tail', (x + side + tail, y + side), 0.8),
        ),
    )


def frame(*instances):
    return KeypointResult(None, 0, (200, 100), (CAT, DOG), instances)


def numbers(tracker, *instances):
    tracked = tracker.update(frame(*instances)).instances
    return [one.track_id for one in tracked]


@pytest.mark.parametrize('similarity', ['iou', 'oks'])
def test_objects_keep_their_numbers(similarity):
    tracker = InstanceTracker(similarity)
    assert numbers(tracker, found(0), found(50)) == [0, 1]
    # Whatever the order.
    assert numbers(tracker, found(52), found(2)) == [1, 0]
    # Gone for a frame, and something new far away.
    assert numbers(tracker, found(3), found(150)) == [0, 2]
    assert numbers(tracker, found(53), found(4)) == [1, 0]
    assert numbers(tracker) == []


def test_who_is_who_is_decided_for_all_together():
    tracker = InstanceTracker('iou', 0.2)
    numbers(tracker, found(0), found(12))
    # The first overlaps the second track most, but the other needs it more.
    assert numbers(tracker, found(7), found(20)) == [0, 1]


def test_other_categories_are_other_objects():
    tracker = InstanceTracker()
    assert numbers(tracker, found(0)) == [0]
    assert numbers(tracker, found(0, category='dog')) == [1]


def test_objects_of_the_same_box_differ_by_keypoints():
    tracker = InstanceTracker('oks', 0.5)
    numbers(tracker, found(0, tail=0), found(0, tail=-20))
    assert numbers(tracker, found(0, tail=-20), found(0, tail=0)) == [1, 0]


def test_what_is_gone_for_long_is_forgotten():
    tracker = InstanceTracker(max_age=2)
    numbers(tracker, found(0))
    numbers(tracker), numbers(tracker)
    assert numbers(tracker, found(0)) == [1]
    tracker = InstanceTracker(max_age=2)
    numbers(tracker, found(0))
    numbers(tracker)
    assert numbers(tracker, found(0)) == [0]
    with pytest.raises(ValueError, match="tracked by 'sort'; choose one of"):
        InstanceTracker('sort')


def test_the_filter_by_hand():
    # Weight of a frequency f at 10 values per second: r / (r + 1).
    def weight(cutoff):
        r = 2 * np.pi * cutoff / 10
        return r / (r + 1)

    smooth = OneEuroFilter(10, min_cutoff=1, beta=0.5, derivative_cutoff=2)
    assert smooth(np.array([[1.0, 2.0]])).tolist() == [[1, 2]]
    speed = weight(2) * 5.0  # 2 pixels in 0.1 s, in units of 4
    w = weight(1 + 0.5 * speed)
    wanted = [[1 + 2 * w, 2.0]]
    assert smooth(np.array([[3.0, 2.0]]), 4.0) == pytest.approx(
        np.array(wanted)
    )


def test_jitter_goes_and_movement_stays():
    draw = np.random.default_rng(0)
    noise = draw.normal(0, 1, (60, 2))
    tracker, smoother = InstanceTracker(), KeypointSmoother(30, beta=1.0)
    still, moving = [], []
    for i in range(60):
        x, y = noise[i] + 50
        result = tracker.update(
            frame(found(x, y), found(10 * i, 300, 'dog', side=40))
        )
        one, other = smoother.update(result).instances
        assert one.track_id == 0 and other.score == 0.9
        still.append(one.keypoints[0].xy)
        moving.append(other.bbox[0])
        # The box is smoothed with them, and the other object is steady in y.
        assert one.bbox[:2] == pytest.approx(one.keypoints[0].xy)
        assert other.keypoints[1].xy[1] == pytest.approx(340)
    assert np.std(still[20:]) < 0.5 * noise[20:].std()
    # Lags by less than half a frame's way.
    assert moving[-1] == pytest.approx(590, abs=10)


def test_smoothing_needs_numbers_and_forgets():
    smoother = KeypointSmoother(10, max_age=1)
    with pytest.raises(ValueError, match='give the result to an Instance'):
        smoother.update(frame(found(0)))
    tracker = InstanceTracker(threshold=0.01)
    smoother.update(tracker.update(frame(found(0))))
    smoother.update(frame())
    smoother.update(frame())
    [one] = smoother.update(tracker.update(frame(found(10)))).instances
    assert one.track_id == 0 and one.keypoints[0].xy == (10, 0)
