# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.common.structures import object_area


@pytest.mark.parametrize('given', [{}, {'area': 0}, {'area': None}])
def test_an_unknown_area_is_a_share_of_the_box(given):
    # The whole box's, also where the box sticks out of the picture.
    area = object_area({'bbox': [-5, 3, 20, 10], **given})
    assert area == pytest.approx(106)


def test_a_known_area_is_taken_as_it_is():
    assert object_area({'bbox': [0, 0, 20, 10], 'area': 7.5}) == 7.5
    assert object_area({'area': 3}) == 3
