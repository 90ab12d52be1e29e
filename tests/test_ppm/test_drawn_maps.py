# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from projects.ppm.visualization import draw_maps


def test_mosaic():
    image = np.full((32, 32, 3), 100, np.uint8)
    maps = np.zeros((3, 16, 16), np.float32)
    maps[0, 4:8, 8:12] = 1
    maps[1] = 0.5  # flat
    drawn = draw_maps(image, maps, ['a', 'b', 'c'], side=64)
    assert drawn.shape == (2 * (64 + 18), 2 * 64, 3)
    high = drawn[18 + 4 * 6, 4 * 10].astype(int)
    low = drawn[18 + 4 * 14, 4 * 3].astype(int)
    assert high[0] > high[2] and low[2] > low[0]  # red, blue
    assert (drawn[:18, :64] < 128).any()  # title
    row = draw_maps(image, maps, ['a', 'b', 'c'], columns=3, side=64)
    assert row.shape == (64 + 18, 3 * 64, 3)


def test_crosses_and_names():
    image = np.zeros((8, 8, 3), np.uint8)
    maps = np.zeros((1, 16, 16), np.float32)
    drawn = draw_maps(image, maps, ['a'], np.array([[4.0, 8.0]]), side=64)
    assert drawn[18 + 4 * 8 + 1, 4 * 4 + 1].tolist() == [255] * 3
    with pytest.raises(ValueError, match='1 maps have 2 names'):
        draw_maps(image, maps, ['a', 'b'])
