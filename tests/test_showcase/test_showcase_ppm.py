# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.episodes import EpisodeSource
from projects.ppm.apis import build_model, fit_prompts, locate
from projects.showcase.ppm import episode, part, render_part, run_part
from tests import episode_files
from tests.conftest import REPO_ROOT
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
        config, source, tmp_path, 'cat', out, queries=2
    )
    assert shown['category'] == 'cat' and shown['steps'] == 3
    assert shown['keypoints'] == ['nose', 'left ear', 'right ear']
    names = [shown['shot']]
    for query in shown['queries']:
        names += [query[key] for key in ('truth', 'picture', 'maps')]
    assert sorted(p.name for p in out.iterdir()) == sorted(names)
    for name in ('shot.png', 'truth1.png', 'query1.png'):
        assert cv2.imread(str(out / name)).shape == (512, 512, 3)
    # 3 maps: two rows of two.
    height, width, _ = cv2.imread(str(out / 'query0_maps.png')).shape
    assert width == 2 * 128 < height
    # What is said of the first query is so.
    first, second, _ = episode.choose_objects(source, 'cat', 3)
    assert first.image['id'] != second.image['id']
    model = build_model(config)
    picture = cv2.imread(str(tmp_path / first.image['file_name']))
    shot = episode._shot(first, picture, 32)
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


@pytest.fixture
def data(tmp_path, monkeypatch, model_folder):
    """SynthKPT's layout: 2 pictures of boats among 6 of cats; a config."""
    content = episode_files.content()
    content['annotations'] = [
        record
        for record in content['annotations']
        if record['category_id'] == 4 or record['image_id'] < 2
    ]
    path = episode_files.write(tmp_path, content)
    (tmp_path / 'annotations').mkdir()
    path.rename(tmp_path / 'annotations/novel.json')
    text = CONFIG.format(path=str(model_folder)) + (
        'test_dataloader = dict(dataset=dict('
        "dataset=dict(ann_file='annotations/novel.json')))"
    )
    (tmp_path / part.CONFIG).parent.mkdir(parents=True)
    (tmp_path / part.CONFIG).write_text(text)
    monkeypatch.setattr(part, 'config_root', lambda: tmp_path)
    return tmp_path


def test_the_part_of_the_demo(data, capsys):
    shown = run_part(data, data / 'page')
    assert shown['category'] == 'cat' and len(shown['queries']) == 3
    assert shown['folder'] == 'pictures/ppm'
    assert json.loads(json.dumps(shown)) == shown
    page = render_part(shown)
    names = {path.name for path in (data / 'page/pictures/ppm').iterdir()}
    assert len(names) == 10
    assert all(f'src="pictures/ppm/{name}"' in page for name in names)
    assert page.count('<img') == 10
    assert '3 steps of fitting' in page and '<li>left ear</li>' in page
    share = shown['queries'][2]['pck']
    assert f'found: {share:.0%} of the keypoints' in page
    assert f'cat 3: PCK@0.2 {share:.2f}' in capsys.readouterr().out


def test_few_pictures_and_a_name_to_escape(data):
    path = data / 'annotations/novel.json'
    content = json.loads(path.read_text())
    content['annotations'] = [
        record
        for record in content['annotations']
        if record['category_id'] == 2
    ]
    content['categories'][1]['name'] = '<boat>'
    path.write_text(json.dumps(content))
    source = EpisodeSource(CocoKeypointFile(str(path)))
    assert part.most_shown(source) == ('<boat>', 2)
    shown = run_part(data, data / 'page')
    assert len(shown['queries']) == 1
    page = render_part(shown)
    assert '<h3>&lt;boat&gt;</h3>' in page and '<boat>' not in page


def test_without_the_diffusion_model_the_part_says_so(data, capsys):
    with (data / part.CONFIG).open('a') as file:
        file.write("\nmodel['diffusion']['path'] = 'checkpoints/none'\n")
    shown = run_part(data, data / 'page')
    assert list(shown) == ['missing']
    assert 'There is no checkpoints/none here' in shown['missing']
    assert shown['missing'] in capsys.readouterr().out
    page = render_part({'missing': 'No <b>.'})
    assert '<p class="warning">No &lt;b&gt;.</p>' in page


def test_without_diffusers_the_part_says_so(data, monkeypatch):
    monkeypatch.setattr(part, 'find_spec', {'diffusers': None}.get)
    assert 'PPM needs diffusers' in run_part(data, data / 'page')['missing']


def test_the_shipped_config_of_the_part(monkeypatch):
    monkeypatch.delenv('SYNTHMP_SPLIT', raising=False)
    config = Config.fromfile(REPO_ROOT / 'configs' / part.CONFIG)
    assert config.model.maps.type == 'CachedPromptMaps'
    # The split's test categories, which the model has not seen.
    assert config.model.diffusion.path.endswith('ppm_tiny/split1')
    assert config.test_dataloader.dataset.dataset.ann_file == (
        'annotations/synthmp_split1_test.json'
    )
