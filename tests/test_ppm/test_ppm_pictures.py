# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import importlib.util

import cv2
import numpy as np
import pytest

from tests.conftest import REPO_ROOT


@pytest.fixture(scope='module')
def tool():
    path = REPO_ROOT / 'tools/misc/ppm_pictures.py'
    spec = importlib.util.spec_from_file_location('tool_ppm_pictures', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pictures_of_captions(tool, model_folder, tmp_path):
    out = str(tmp_path / 'a.png')
    arguments = ['generate', str(model_folder), 'a', 'b', '--steps', '2']
    assert tool.main([*arguments, '--out', out]) == 0
    first = cv2.imread(out)
    assert first.shape == (128, 256, 3)
    assert tool.main([*arguments, '--out', out]) == 0
    assert np.array_equal(cv2.imread(out), first)
    assert tool.main([*arguments, '--out', out, '--seed', '1']) == 0
    assert not np.array_equal(cv2.imread(out), first)
    with pytest.raises(SystemExit):
        tool.main(['generate', str(tmp_path / 'x'), 'a', '--out', out])


def test_a_map_for_every_token(tool, model_folder, diffusion, tmp_path):
    assert diffusion.tokenize('ab') == ['a', 'b']
    picture = tmp_path / 'picture.png'
    cv2.imwrite(str(picture), np.full((20, 30, 3), 120, np.uint8))
    out = str(tmp_path / 'b.png')
    arguments = ['words', str(model_folder), str(picture), 'abc']
    assert tool.main([*arguments, '--size', '32', '--out', out]) == 0
    # Three tokens: two rows of two.
    assert cv2.imread(out).shape == (2 * (128 + 18), 256, 3)
