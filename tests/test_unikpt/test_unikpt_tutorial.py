# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The tutorial for an own data set, followed to the letter."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import yaml

from tests.conftest import REPO_ROOT

PAGE = (REPO_ROOT / 'docs/guides/own_dataset.md').read_text(encoding='utf-8')
PARTS = ('snout', 'leftear', 'rightear', 'tailbase')
# Files are written and commands run in the order of the page, by one process.
FOLLOW = """
import json, os, runpy, sys
from pathlib import Path
for kind, first, rest, variables in json.load(open(sys.argv[1])):
    if kind == 'write':
        Path(first).write_text(rest)
        continue
    os.environ.update(variables)
    sys.argv = [first, *rest]
    try:
        runpy.run_path(first, run_name='__main__')
    except SystemExit as end:
        if end.code:
            sys.exit(f'{first} ended with {end.code}')
"""

# What the test changes of the training, so that it takes seconds.
SMALL = [
    '--cfg-options',
    'train_dataloader.batch_size=2',
    'train_dataloader.dataset.dataset.indices=2',
    'train_dataloader.dataset.dataset.pipeline.3.scales=[(96,96)]',
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'train_cfg.val_interval=4',
    'default_hooks.checkpoint.interval=4',
]


def steps(page):
    """What the page says to do, in its order."""
    path, found = None, []
    for name, language, block in re.findall(
        r'`((?:projects|configs)/[^`*]+\.(?:py|yml))`|```(\w+)\n(.*?)```',
        page,
        re.S,
    ):
        if name:
            path = name
        elif language == 'shell':
            for line in block.replace('\\\n', ' ').splitlines():
                words = shlex.split(line)
                start = words.index('python')
                variables = dict(word.split('=') for word in words[:start])
                _, script, *args = words[start:]
                found.append(('run', script, args, variables))
        else:
            found.append(('write', path, block, {}))
    return found


def write_project(folder, frames=10):
    """A DeepLabCut project; the tail's base of the last frame is unseen."""
    video = folder / 'labeled-data' / 'video'
    video.mkdir(parents=True)
    config = {
        'scorer': 'Me',
        'bodyparts': list(PARTS),
        'skeleton': [['snout', 'leftear']],
    }
    (folder / 'config.yaml').write_text(yaml.safe_dump(config))
    rows = [
        ['scorer', *['Me'] * 8],
        ['bodyparts', *(p for part in PARTS for p in (part, part))],
        ['coords', *['x', 'y'] * 4],
    ]
    rng = np.random.default_rng(0)
    for i in range(frames):
        image = rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)
        cv2.imwrite(str(video / f'img{i:02d}.png'), image)
        points = [[20 + i, 20], [15 + i, 25], [25 + i, 25], [20 + i, 45]]
        if i == frames - 1:
            points[3] = ['', '']
        flat = [value for point in points for value in point]
        rows.append([f'labeled-data/video/img{i:02d}.png', *flat])
    with (video / 'CollectedData_Me.csv').open('w', newline='') as file:
        csv.writer(file).writerows(rows)


def test_the_page_is_read():
    found = steps(PAGE)
    assert [(kind, first) for kind, first, *_ in found] == [
        ('run', 'tools/dataset_converters/deeplabcut.py'),
        ('write', 'projects/unikpt/data/lab_mouse.yml'),
        ('write', 'projects/unikpt/sources/lab_mouse.py'),
        ('run', 'tools/dataset_converters/unikpt.py'),
        ('run', 'tools/dataset_converters/unikpt.py'),
        ('run', 'tools/dataset_converters/unikpt.py'),
        ('run', 'tools/misc/browse_dataset.py'),
        (
            'write',
            'configs/promptable_2d_keypoint/xpose/unikpt/'
            'xpose_tiny_2xb8_lab-mouse.py',
        ),
        ('run', 'tools/train.py'),
        ('run', 'tools/test.py'),
    ]
    assert found[0][2][0] == 'my-project'
    variables = [step[3] for step in found[-2:]]
    root = {'UNIKPT_ROOT': 'data/my_unikpt'}
    assert variables == [
        {**root, 'UNIKPT_VAL': 'lab_mouse'},
        {**root, 'UNIKPT_TEST': 'lab_mouse'},
    ]


@pytest.mark.slow
def test_followed(tmp_path):
    clone = tmp_path / 'clone'
    for name in ('projects', 'tools', 'configs'):
        shutil.copytree(
            REPO_ROOT / name,
            clone / name,
            ignore=shutil.ignore_patterns('__pycache__'),
        )
    write_project(clone / 'my-project')
    (tmp_path / 'follow.py').write_text(FOLLOW)

    def follow(part):
        todo = tmp_path / 'todo.json'
        todo.write_text(json.dumps(part))
        done = subprocess.run(
            [sys.executable, str(tmp_path / 'follow.py'), str(todo)],
            cwd=clone,
            env={**os.environ, 'PYTHONPATH': str(clone)},
            capture_output=True,
            text=True,
            timeout=1200,  # seconds; a busy machine trains slowly
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    *first, training, testing = steps(PAGE)
    done = follow(first)
    # Converted: of ten frames the fifth and the tenth validate.
    assert '8 train, 2 val, 10 instances, 39 keypoints' in done.stdout
    folder = clone / 'data/my_unikpt'
    stamp = json.loads((folder / 'unikpt.json').read_text())
    mouse = stamp['sources']['lab_mouse']
    assert mouse['written'] == {'train': [8, 8], 'val': [2, 2]}
    assert (mouse['faults'], mouse['in_mix']) == ({}, True)
    # It is a part of UniKPT, and says so.
    assert 'PARTIAL: 0 of 13 sources' in done.stdout
    assert '| Lab mouse' in done.stdout.replace('│', '|')
    train = json.loads((folder / 'annotations/unikpt_train.json').read_text())
    [category] = train['categories']
    assert (category['name'], category['object']) == ('lab mouse', 'mouse')
    assert category['keypoints'] == [
        'snout',
        'left ear',
        'right ear',
        'root of tail',
    ]
    assert category['swap_pairs'] == [['left ear', 'right ear']]
    assert category['skeleton'] == [[2, 1], [1, 3], [1, 4]]
    assert category['parts'] == ['head', 'head', 'head', 'tail']
    points = {
        image['file_name']: annotation['keypoints']
        for image, annotation in zip(train['images'], train['annotations'])
    }
    assert points['lab_mouse/images/video/img03.png'] == [
        *(23, 20, 2),
        *(18, 25, 2),
        *(28, 25, 2),
        *(23, 45, 2),
    ]
    picture = folder / 'images/lab_mouse/images/video/img03.png'
    assert cv2.imread(str(picture)).shape == (60, 80, 3)
    assert len(list((clone / 'work_dirs/browse_mouse').iterdir())) > 0
    # Four epochs of one batch, to see that it goes to the end.
    training[2].extend(SMALL)
    assert 'Epoch(train) [4][1/1]' in follow([training]).stdout
    follow([testing])
    metrics = json.loads(
        (clone / 'work_dirs/lab_mouse/metrics.json').read_text()
    )
    assert metrics['lab_mouse/num_images'] == 2
    assert 0 <= metrics['lab_mouse/PCK@0.2'] <= 1
    assert metrics['num_benchmarks'] == 1
