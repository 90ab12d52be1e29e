# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from projects.common.structures import KeypointCategory
from projects.common.visualization import (
    DrawnInstance,
    keypoint_color,
    mosaic,
    overlay_map,
    prepend_examples,
)

CAT = KeypointCategory('cat', ('nose', 'tail'))


def example(width=100, height=60, visible=(2, 2)):
    """Grey, with the nose in the middle and the tail in a corner."""
    one = DrawnInstance(
        CAT,
        np.array([0, 0, width - 1, height - 1]),
        np.array([[width / 2, height / 2], [0, 0]]),
        np.array(visible),
    )
    return np.full((height, width, 3), 90, np.uint8), one


def test_an_example_is_left_of_the_picture():
    picture = np.full((600, 400, 3), 200, np.uint8)
    panel = prepend_examples(picture, [example()])
    # A square for the example, a gap, the picture as it was.
    assert panel.shape == (600, 600 + 12 + 400, 3)
    assert (panel[:, 612:] == 200).all() and (panel[:, 600:612] == 32).all()
    assert tuple(panel[300, 300]) == keypoint_color('nose')
    # 100 x 60 fills the width, with ground above and below.
    assert (panel[:115, :600] == 32).all() and panel[180, 20, 0] == 90
    # The name is written beside the point.
    named = panel[280:300, 304:400].min(-1) > 200
    assert named.sum() > 20


def test_many_examples_and_a_low_picture():
    picture = np.full((200, 700, 3), 200, np.uint8)
    examples = [example(visible=(2, i % 3)) for i in range(5)]
    panel = prepend_examples(picture, examples)
    side = 512 // 3
    assert panel.shape == (512, 2 * side + 12 + 700, 3)
    assert (panel[156:356, -700:] == 200).all()
    assert (panel[:156, -700:] == 32).all()
    for x, rows in ((0, 3), (1, 2)):
        for y in range(3):
            # Two in the second column are in its middle.
            top = y * side + (3 - rows) * (side // 2)
            middle = panel[top + side // 2, x * side + side // 2]
            if y < rows:
                assert tuple(middle) == keypoint_color('nose')


def test_large_examples_become_small():
    picture = np.full((512, 100, 3), 200, np.uint8)
    panel = prepend_examples(picture, [example(2048, 1024)])
    assert panel.shape == (512, 512 + 12 + 100, 3)
    assert tuple(panel[256, 256]) == keypoint_color('nose')


def test_a_map_lies_where_its_box_is():
    image = np.full((60, 90, 3), 100, np.uint8)
    values = np.zeros((8, 8))
    values[2, 6] = 3.0
    # Four pixels of the picture for one of the map, partly outside.
    drawn = overlay_map(image, values, (-8, 20, 24, 52))
    changed = (drawn != 100).any(-1)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max()) == (20, 51)
    assert (columns.min(), columns.max()) == (0, 23)
    red = drawn[..., 0].astype(int) - drawn[..., 2]
    y, x = np.unravel_index(red.argmax(), red.shape)
    assert abs(x - (-8 + 4 * 6)) <= 1 and abs(y - (20 + 4 * 2)) <= 1
    assert red[45, 4] < 0  # blue where low
    assert (image == 100).all()


@pytest.mark.parametrize('value', [0.0, 7.0])
def test_a_flat_map_is_low_everywhere(value):
    image = np.full((16, 16, 3), 100, np.uint8)
    drawn = overlay_map(image, np.full((4, 4), value), (0, 0, 16, 16))
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 1
    assert drawn[0, 0, 2] > drawn[0, 0, 0]


def test_mosaic_places_pictures_under_titles():
    tiles = [np.full((20, 30, 3), 10 * i, np.uint8) for i in range(3)]
    drawn = mosaic(tiles, ['a', 'b', 'c'])
    assert drawn.shape == (2 * 38, 60, 3)
    assert (drawn[18:38, 30:] == 10).all() and (drawn[56:, :30] == 20).all()
    assert (drawn[:18, :30] < 128).any()
    assert (drawn[38:, 30:] == 255).all()
    with pytest.raises(ValueError, match='zip'):
        mosaic(tiles, ['a'])
