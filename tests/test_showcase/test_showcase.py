# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from projects.common.structures import KeypointCategory
from projects.showcase import evaluation, run, settings
from projects.showcase.page import render_page
from projects.showcase.parts import DemoPart
from projects.showcase.progress import (
    Progress,
    StageLog,
    TrainProgressHook,
)
from projects.showcase.questions import QUESTIONS, keep_keypoints
from projects.showcase.scenes import choose_scenes
from projects.showcase.summary import summarise
from projects.showcase.training import moving_ends, read_losses
from tests.conftest import REPO_ROOT

CAT = KeypointCategory(
    'cat',
    ('left eye', 'right eye', 'nose', 'tail'),
    skeleton=((0, 2), (2, 3)),
    swap_pairs=((0, 1),),
    supercategory='animal',
)


class Tags(HTMLParser):
    """Open tags, and everything that a page refers to."""

    void = ('meta', 'img', 'br')

    def __init__(self, text):
        super().__init__()
        self.open, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.links += [v for k, v in attrs if k in ('src', 'href')]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def asked(name, keypoints, modality='text', examples=(), not_shown=()):
    return {
        'name': name,
        'keypoints': keypoints,
        'modality': modality,
        'examples': list(examples),
        'not_shown': list(not_shown),
    }


def point(state, score, visibility):
    return {
        'name': f'{state} point',
        'state': state,
        'score': score,
        'visibility': visibility,
    }


def scene(**changes):
    return {
        'section': 'text',
        'title': 'One <thing>',
        'note': 'Look & see',
        'picture': 'synthkpt/val/000000.jpg',
        'window': None,
        'style': None,
        'prompt': [asked('cat', ['left eye', 'tail'])],
        'point_scores': None,
        'objects': [{'name': 'cat', 'score': 0.912}],
        'best_score': 0.912,
        'score_thr': 0.3,
        'truth': 'pictures/01_truth.jpg',
        'prediction': 'pictures/01_prediction.jpg',
        **changes,
    }


@pytest.fixture
def summary(tmp_path):
    metrics = {
        'keypoint/AP': 0.61,
        'keypoint/AP50': 0.8,
        'keypoint/AP75': 0.7,
        'keypoint/AP/cat': 0.55,
        'keypoint/AP/super/animal': 0.655,
        'bbox/AP': 0.5,
        'PCK@0.2': 0.9,
        'PCK@0.2/cat': 0.91,
    }
    return summarise(
        settings.DemoSettings.reduced(tmp_path),
        {'data': 1.0, 'train': 2.25, 'evaluate': 3.0, 'predict': 4.0},
        {
            'iterations': 12,
            'iterations_planned': 20,
            'batch_size': 4,
            'learnable_parameters': 5_600_000,
            'loss': [[2, 90.0], [4, 70.0]],
            'checkpoint': 'trained.pth',
        },
        {
            'checkpoint': 'some.pth',
            'sha256': 64 * 'a',
            'shipped': True,
            'note': 'The shipped checkpoint.',
            'metrics': metrics,
        },
        [
            scene(),
            scene(
                style='sketch',
                prompt=4 * [asked('dog', ['nose'])],
                objects=[],
                best_score=0.07,
            ),
            scene(
                section='combined',
                prompt=[
                    asked('cat', ['tail']),
                    asked(
                        'dog',
                        ['nose', 'tail'],
                        'visual',
                        [{'picture': 'pictures/e.jpg', 'annotation_id': 7}],
                        ['tail'],
                    ),
                ],
            ),
            scene(
                section='outside',
                point_scores=[
                    point('visible', 0.9, 0.8),
                    point('visible', 0.7, 0.6),
                    point('outside', 0.1, 0.2),
                ],
            ),
        ],
    )


def test_keypoint_scores_are_averaged_by_their_label(summary):
    assert summary['mean_point_scores'] == {
        'visible': {'count': 2, 'score': 0.8, 'visibility': 0.7},
        'outside': {'count': 1, 'score': 0.1, 'visibility': 0.2},
    }


def test_results_are_written_whole(summary, tmp_path):
    sizes = settings.DemoSettings.reduced(tmp_path)
    run.write_results(sizes, summary)
    stored = json.loads((tmp_path / 'summary.json').read_text())
    assert stored == summary
    assert stored['seconds']['total'] == 10.2
    assert stored['data'] == {'seed': 0, 'train': 96, 'val': 24}
    assert stored['versions']['python'].startswith('3.1')
    assert {'torch', 'mmpose'} <= set(stored['versions'])
    assert '<svg' in (tmp_path / run.CURVE).read_text()
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {'summary.json', 'index.html', 'pictures'}
    assert [p.name for p in (tmp_path / 'pictures').iterdir()] == ['loss.svg']


def test_page_is_well_formed_escaped_and_stands_alone(summary):
    text = render_page(summary, run.CURVE)
    page = Tags(text)
    assert page.open == []
    assert page.links == [
        'summary.json',
        'pictures/loss.svg',
        *2 * ['pictures/01_truth.jpg', 'pictures/01_prediction.jpg'],
        'pictures/e.jpg',
        *2 * ['pictures/01_truth.jpg', 'pictures/01_prediction.jpg'],
    ]
    assert 'One &lt;thing&gt;' in text
    assert 'Look &amp; see' in text
    assert '<thing>' not in text


def test_page_says_what_was_measured(summary):
    text = render_page(summary, run.CURVE)
    for shown in (
        '<td>keypoint AP</td><td class="number">0.610</td>',
        '<td>animal</td><td class="number">0.655</td>',
        '<td>cat</td><td class="number">0.550</td>',
        '<td>Training from scratch</td><td class="number">2.2</td>',
        'went from 90.0 to 70.0',
        'the time was over',
        'prediction: cat 0.91',
        'prediction: nothing (the best score is 0.07',
        '<b>cat</b>: left eye, tail',
        'style sketch; 4 categories',
        'example: dog (training annotation 7)',
        '<b>dog</b> (by example, its names unread): nose, tail; left out, '
        'because the example does not show them: tail',
        '<td>visible</td><td class="number">2</td>',
        '<td>outside</td><td class="number">1</td>',
    ):
        assert shown in text
    assert 'class="warning"' not in text
    summary['evaluation']['shipped'] = False
    assert 'class="warning"' in render_page(summary, run.CURVE)


def test_missing_checkpoint_is_replaced_and_said(monkeypatch, tmp_path):
    shipped = tmp_path / 'shipped.pth'
    monkeypatch.setattr(evaluation, 'shipped_checkpoint', lambda: shipped)
    path, note = evaluation.choose_checkpoint('here.pth')
    assert path == Path('here.pth')
    assert f'There is no {settings.CHECKPOINT}' in note
    shipped.write_bytes(b'')
    path, note = evaluation.choose_checkpoint('here.pth')
    assert path == shipped
    assert note.startswith('The shipped checkpoint')


def test_stages_are_announced_and_timed(capsys):
    log = StageLog(total=2)
    with log.stage('data', 'Making data'):
        pass
    with log.stage('train', 'Training'):
        pass
    assert list(log.seconds) == ['data', 'train']
    assert max(log.seconds.values()) < 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == '[1/2] Making data'
    assert lines[2] == '[2/2] Training'


def test_progress_in_a_log_is_ten_lines(capsys):
    progress = Progress('iteration', 300)
    for done in range(1, 301):
        progress.update(done, f'loss {done}')
    progress.close()
    out = capsys.readouterr().out
    assert '\r' not in out
    lines = out.splitlines()
    assert len(lines) == 10
    assert lines[0].strip() == 'iteration 30/300  loss 30'
    assert lines[-1].strip() == 'iteration 300/300  loss 300'


def test_progress_on_a_terminal_is_one_bar(capsys, monkeypatch):
    monkeypatch.setattr('sys.stdout.isatty', lambda: True, raising=False)
    progress = Progress('picture', 2)
    progress.update(1)
    progress.update(2, 'note')
    progress.close()
    out = capsys.readouterr().out
    assert out.count('\n') == 1
    assert '2/2' in out


@pytest.mark.parametrize('limit, stopped', [(-1, True), (100, False)])
def test_training_ends_when_its_time_is_over(limit, stopped):
    import torch

    hook = TrainProgressHook(limit)
    runner = SimpleNamespace(
        max_iters=10,
        iter=0,
        train_loop=SimpleNamespace(stop_training=False),
    )
    hook.before_train(runner)
    hook.after_train_iter(runner, 0, outputs={'loss': torch.tensor(1.0)})
    hook.after_train(runner)
    assert runner.train_loop.stop_training is stopped


def test_losses_come_from_the_scalars(tmp_path):
    file = tmp_path / 'scalars.json'
    file.write_text(
        '{"lr": 0.1, "loss": 9.0, "step": 10}\n{"val": 1, "step": 10}\n'
        '{"lr": 0.1, "loss": 7.12345, "step": 20}\n'
    )
    assert read_losses(file) == [[10, 9.0], [20, 7.123]]


def test_ends_of_the_curve_are_means_of_a_tenth():
    losses = [[i, float(i)] for i in range(20)]
    assert moving_ends(losses) == (0.5, 18.5)
    assert moving_ends([[1, 3.0]]) == (3.0, 3.0)


def test_keeping_some_keypoints_renumbers_the_rest():
    kept = keep_keypoints(CAT, [0, 2])
    assert kept.keypoints == ('left eye', 'nose')
    assert kept.skeleton == ((0, 1),)
    assert kept.swap_pairs == ()
    assert keep_keypoints(CAT, [1, 0]).swap_pairs == ((1, 0),)


class ToySource:
    """Pictures that hold the given labels, objects of equal size."""

    def __init__(self, categories, labels):
        self.categories = tuple(categories)
        self.images = [
            {'id': i, 'labels': x, 'width': 100, 'height': 100, 'style': 'cg'}
            for i, x in enumerate(labels)
        ]

    def instances(self, image):
        count = len(image['labels'])
        # Down the diagonal of the box, all visible.
        points = np.full((count, 11, 3), 2.0)
        points[..., :2] = np.linspace(2, 48, 11)[:, None]
        return {
            'gt_labels': np.array(image['labels'], int),
            'gt_bboxes': np.tile([0.0, 0, 50, 50], (count, 1)),
            'gt_keypoints': points,
        }


#: The question that cuts a picture.
CUT_OFF = next(q for q in QUESTIONS if q.__name__ == '_cut_off')


def vocabulary():
    names = ('car', 'chair', 'cat', 'hand')
    return [
        KeypointCategory(
            name,
            tuple(f'{name} {i}' for i in range(8 + n)),
            supercategory=f'group {n}',
        )
        for n, name in enumerate(names)
    ]


def test_scenes_cover_the_questions_with_pictures_of_their_own():
    labels = [[0, 1, 2], [], *6 * [[0]], *6 * [[2]], *4 * [[3, 0]]]
    scenes = choose_scenes(ToySource(vocabulary(), labels), QUESTIONS)
    # Nothing in these pictures lies outside of them.
    assert len(scenes) == len(QUESTIONS) - 1
    ids = [scene.picture.image['id'] for scene in scenes]
    assert len(set(ids)) == len(ids)
    assert 1 not in ids  # the empty picture
    found = {scene.title: scene for scene in scenes}
    three = found['Three kinds of objects in one pass']
    assert three.picture.image['id'] == 0
    assert three.prompt.names == ('car', 'chair', 'cat')
    absent = found['Something that is not in the picture']
    assert set(absent.prompt.names).isdisjoint(
        c.name for c in absent.picture.categories
    )
    some = found['Some of the keypoints']
    assert some.prompt.categories[0].keypoints == tuple(
        k for k in some.picture.categories[0].keypoints[::3]
    )
    assert found['In other words'].prompt.names == ('automobile',)
    assert len(found['Anything you know'].prompt.names) == 4
    assert found['The style is named'].prompt.style == 'cg'
    assert found['One example'].modalities == ('visual',)
    mixed = found['One kind in words, another by example']
    assert mixed.modalities == ('text', 'visual')


def test_a_cut_object_has_keypoints_beyond_the_border():
    [scene] = choose_scenes(ToySource(vocabulary(), [[3]]), [CUT_OFF])
    assert scene.picture.window == (25, 100)
    shown = scene.picture.truth['gt_keypoints'][0, :, 2] > 0
    # 48 / 25 of the diagonal are left: keypoints up to x = 24.
    assert shown.tolist() == [True] * 5 + [False] * 6
    assert scene.picture.truth['gt_bboxes'].tolist() == [[0, 0, 25, 50]]
    assert scene.target == 0


def test_questions_without_a_picture_are_left_out():
    scenes = choose_scenes(ToySource(vocabulary()[3:], [[0]]), QUESTIONS)
    assert [scene.title for scene in scenes] == ['Cut in two']


def test_the_config_is_the_shipped_one_on_the_demo_data(tmp_path):
    sizes = settings.DemoSettings.reduced(tmp_path)
    cfg = settings.demo_config(sizes, 'train')
    assert cfg.model.type == 'mmpose.XPose'
    data = str(tmp_path / 'synthkpt')
    assert cfg.train_dataloader.dataset.dataset.data_root == data
    assert cfg.test_dataloader.dataset.data_root == data
    assert cfg.test_evaluator.ann_file.startswith(data)
    assert cfg.train_cfg.max_iters == 20
    assert cfg.work_dir == str(tmp_path / 'runs' / 'train')


def test_parts_from_elsewhere_are_stages(
    summary, monkeypatch, tmp_path, capsys
):
    for name in ('generate', 'train', 'evaluate', 'predict_scenes'):
        key = {'train': 'training', 'evaluate': 'evaluation'}.get(name)
        value = summary.get(key, summary['predictions'])
        monkeypatch.setattr(run, name, lambda *_, value=value: value)
    asked = []

    def work(*folders):
        asked.extend(folders)
        return {'found': 7}

    part = DemoPart(
        'more', 'And more', work, lambda shown: f'<h2>{shown["found"]}</h2>'
    )
    sizes = settings.DemoSettings.reduced(tmp_path)
    done = run.run_demo(sizes, [part])
    assert asked == [tmp_path / 'synthkpt', tmp_path]
    assert done['more'] == {'found': 7}
    assert list(done['seconds'])[-2:] == ['more', 'total']
    assert json.loads((tmp_path / 'summary.json').read_text()) == done
    out = capsys.readouterr().out
    assert '[5/5] And more' in out and '[4/5]' in out
    assert '2 keypoints visible  mean score 0.80' in out
    text = (tmp_path / 'index.html').read_text()
    assert '<td>And more</td><td class="number">0.0</td>' in text
    assert text.index('<h2>Keypoints that are') < text.index('<h2>7</h2>')
    assert Tags(text).open == []


def test_the_script_adds_ppm(monkeypatch):
    import runpy

    given = {}
    monkeypatch.setattr(run, 'main', lambda **kwargs: given.update(kwargs))
    with pytest.raises(SystemExit):
        runpy.run_path(
            str(REPO_ROOT / 'demo/run_demo.py'), run_name='__main__'
        )
    [part] = given['parts']
    assert (
        part.name == 'ppm'
        and part.run.__module__ == 'projects.showcase.ppm.part'
    )


def test_errors_are_sentences(tmp_path, capsys):
    (tmp_path / 'synthkpt').write_text('a file, not a folder')
    assert run.main(['--reduced', '--out', str(tmp_path)]) == 1
    assert 'name a folder for the data set' in capsys.readouterr().err
