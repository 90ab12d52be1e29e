# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The finder of squares behind the inferencer."""

import pytest

from projects.common.apis import AnyKeypointInferencer
from tests.square_finder import CONFIG


@pytest.fixture(scope='module')
def finder(tmp_path_factory):
    path = tmp_path_factory.mktemp('config') / 'finder.py'
    path.write_text(CONFIG)
    return AnyKeypointInferencer(str(path), device='cpu')


@pytest.fixture
def red(finder):
    return finder.set_prompt('red')
