# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np


def test_a_row_of_one_height(load_tool, tmp_path):
    tool = load_tool('misc/image_row.py')
    for name, shape, value in (
        ('a', (40, 80), (10, 20, 30)),
        ('b', (10, 5), (0, 90, 200)),
    ):
        image = np.full((*shape, 3), value, np.uint8)  # BGR
        cv2.imwrite(str(tmp_path / f'{name}.png'), image)
    out = tmp_path / 'new' / 'row.png'
    images = [str(tmp_path / f'{name}.png') for name in 'ab']
    assert tool.main([*images, '--out', str(out), '--height', '20']) == 0
    row = cv2.imread(str(out))
    assert row.shape == (20, 40 + tool.GAP + 10, 3)
    assert (row[:, :40] == (10, 20, 30)).all()
    assert (row[:, -10:] == (0, 90, 200)).all()
    assert (row[:, 40:-10] == 255).all()
