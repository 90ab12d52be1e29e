# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""X-Pose asked by the supports of episodes: a small model, random weights."""

import json

import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS

from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.episodes import (
    EpisodeList,
    EpisodeSource,
    freeze_episodes,
)
from projects.common.models.prompt_encoders import ConvImageTower
from projects.common.utils.checkpoints import file_sha256
from tests import episode_files
from tests.conftest import REPO_ROOT
from tests.processes import run_script
from tests.test_xpose.conftest import perturb
from tests.test_xpose.test_config_models import shrink_with_encoder

FOLDER = REPO_ROOT / 'configs/category_agnostic_2d_keypoint/xpose'
FRAMES = ('crop', 'picture')


@pytest.fixture
def small(tmp_path, monkeypatch):
    """(frame) -> argv of tools/test.py: config and checkpoint."""
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    path = episode_files.write(tmp_path)
    source = EpisodeSource(CocoKeypointFile(str(path)))
    freeze_episodes(source, 2, 4, 2).save(tmp_path / 'e.json')

    def write(frame, **dataset):
        name = f'xpose_tiny_synthkpt-split1_1shot-{frame}.py'
        cfg = Config.fromfile(FOLDER / name)
        cfg.work_dir = str(tmp_path / 'work')
        shrink_with_encoder(cfg.model)
        loader = cfg.test_dataloader
        loader.batch_size, loader.num_workers = 3, 0
        loader.dataset.update(
            episodes=str(tmp_path / 'e.json'), support_size=32, **dataset
        )
        loader.dataset.dataset.update(
            data_root=str(tmp_path), ann_file='ann.json'
        )
        if frame == 'crop':
            loader.dataset.input_size = 64
        else:
            loader.dataset.pipeline[0].scale = (64, 64)
        config = tmp_path / f'{frame}.py'
        cfg.dump(str(config))
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
        perturb(model)
        weights = tmp_path / 'model.pth'
        torch.save({'state_dict': model.state_dict()}, weights)
        return [str(config), str(weights)]

    return write


@pytest.mark.parametrize('frame', FRAMES)
def test_every_query_is_answered_and_the_protocol_says_how(
    small, frame, load_tool
):
    metrics = load_tool('test.py').main(small(frame))
    assert metrics['num_queries'] == metrics['num_queries_total'] == 16
    assert metrics['num_unanswered'] == 0
    assert 0 < metrics['NME'] < 3
    expected = {
        'crop': "frame: crop (square of the query's box x 1.25), instance by "
        'score (highest score)',
        'picture': 'frame: picture (the whole one), instance by fit (highest '
        "score x IoU with the query's box, else nearest to it)",
    }
    assert expected[frame] in metrics['protocol']


def test_each_support_is_encoded_once(small, load_tool, monkeypatch, tmp_path):
    crops = []
    forward = ConvImageTower.forward

    def counted(self, images, *args):
        crops.append(len(images))
        return forward(self, images, *args)

    monkeypatch.setattr(ConvImageTower, 'forward', counted)
    load_tool('test.py').main(small('crop'))
    episodes = EpisodeList.load(tmp_path / 'e.json').episodes
    # 16 queries in 8 batches ask for the 2 shots of 4 episodes; a shot that
    # two episodes have in common is known already.
    assert [len(episode.supports) for episode in episodes] == [2] * 4
    assert sum(crops) == len({i for e in episodes for i in e.supports}) == 7


@pytest.mark.parametrize('frame', FRAMES)
def test_another_order_of_keypoints_does_not_move_the_score(
    small, frame, load_tool
):
    main = load_tool('test.py').main
    plain = main(small(frame))
    shuffled = main(
        small(frame, type='PerturbedEpisodes', perturbation='order')
    )
    assert 'PERTURBED: order' in shuffled['protocol']
    numbers = {k: v for k, v in plain.items() if not isinstance(v, str)}
    for key in ('data_time', 'time'):
        numbers.pop(key, None)
    for key, value in numbers.items():
        assert shuffled[key] == pytest.approx(value, abs=1e-5), key


def test_wrong_episodes_stop_before_anything_is_measured(
    small, load_tool, tmp_path, capsys
):
    argv = small('crop')
    annotations = json.loads((tmp_path / 'ann.json').read_text())
    annotations['annotations'][0]['keypoints'][0] += 1
    (tmp_path / 'ann.json').write_text(json.dumps(annotations))
    with pytest.raises(SystemExit) as stop:
        load_tool('test.py').main(argv)
    assert stop.value.code == 2
    assert 'another data set or has changed since' in capsys.readouterr().err


def test_every_result_file_says_the_protocol_and_the_hashes(
    small, load_tool, tmp_path
):
    config, weights = small('crop')
    out, scores = tmp_path / 'out.json', tmp_path / 'scores.json'
    metrics = load_tool('test.py').main(
        [config, weights, '--out', str(out), '--cfg-options']
        + [f'test_evaluator.outfile={scores}']
    )
    about = {'checkpoint': weights, 'checkpoint_sha256': file_sha256(weights)}
    assert json.loads(out.read_text()) == {**metrics, **about}
    stored = json.loads(scores.read_text())
    assert {name: stored[name] for name in about} == about
    for name in ('PCK@0.2', 'protocol', 'episodes_sha256'):
        assert stored[name] == metrics[name]
    assert set(stored['keypoints']) == {'cat', 'boat'}


def test_more_keypoints_than_the_model_knows_stop_before_a_run(
    small, load_tool, capsys, monkeypatch
):
    tool = load_tool('test.py')
    monkeypatch.setattr(tool.Runner, 'test', lambda self: {})
    argv = [*small('crop'), '--allow-partial-load', '--cfg-options']
    option = 'model.bbox_head.refiner.max_keypoints='
    assert tool.main([*argv, f'{option}3']) == {}
    with pytest.raises(SystemExit) as stop:
        tool.main([*argv, f'{option}2'])
    assert stop.value.code == 2
    assert (
        'error: The category "cat" has 3 keypoints, this model knows 2 at '
        'most. Split the category, leave it out'
    ) in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_give_the_very_same_figures(small, load_tool, tmp_path):
    argv = small('picture')
    alone = load_tool('test.py').main(argv)
    out = tmp_path / 'two.json'
    run_script('dist_test.sh', *argv, 2, '--out', out, cwd=tmp_path)
    stored = json.loads(out.read_text())
    assert {name: stored[name] for name in alone} == alone
    assert stored['checkpoint'] == argv[1]
