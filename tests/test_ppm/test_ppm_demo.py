# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest
from mmengine.config import Config

from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.episodes import EpisodeSource
from projects.ppm.apis import build_model, fit_prompts, locate
from projects.ppm.demo import episode
from tests import episode_files
from tests.test_ppm.test_ppm_fit import CONFIG


@pytest.fixture
def source(tmp_path):
    path = episode_files.write(tmp_path)
    return EpisodeSource(CocoKeypointFile(str(path)))


def test_an_episode_is_shown(tmp_path, source, model_folder):
    (tmp_path / 'ppm.py').write_text(CONFIG.format(path=str(model_folder)))
    config = Config.fromfile(tmp_path / 'ppm.py')
    out = tmp_path / 'out'
    shown = episode.show_episode(
        config, source.path, tmp_path, 'cat', out, queries=2
    )
    assert shown['category'] == 'cat' and shown['steps'] == 3
    names = [shown['shot']]
    for query in shown['queries']:
        names += [query['picture'], query['maps']]
    assert sorted(p.name for p in out.iterdir()) == sorted(names)
    height, width, _ = cv2.imread(str(out / 'query1.png')).shape
    assert width * 48 == height * 64
    # 3 maps: two rows of two.
    maps = cv2.imread(str(out / 'query0_maps.png'))
    assert maps.shape == (2 * (128 + 18), 2 * 128, 3)
    # What is said of the first query is so.
    first, second, _ = episode.choose_objects(source, 'cat', 3)
    assert first.image['id'] != second.image['id']
    model = build_model(config)
    shot = episode._shot(first, tmp_path, 32)
    file = fit_prompts(model, source.category('cat'), [shot])
    picture = cv2.imread(str(tmp_path / second.image['file_name']))
    found = locate(file, model.maps, model.decoder, picture, second.box)
    near = np.linalg.norm(found.keypoints - second.keypoints[:, :2], axis=1)
    size = (second.box[2:] - second.box[:2]).max()
    labelled = found.scores > 0
    expected = (near < 0.2 * size)[labelled].mean()
    assert shown['queries'][0]['pck'] == pytest.approx(expected, abs=1e-4)


def test_too_few_pictures(source):
    with pytest.raises(ValueError, match="'cat' in 6 pictures; 9 are needed"):
        episode.choose_objects(source, 'cat', 9)
    with pytest.raises(ValueError, match="no category 'bird'"):
        episode.choose_objects(source, 'bird', 2)
