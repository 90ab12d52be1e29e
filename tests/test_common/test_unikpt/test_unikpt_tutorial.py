# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The tutorial for an own data set, followed to the letter."""

import csv
import json
import re
import shlex
import shutil

import cv2
import numpy as np
import pytest
import yaml

from tests.conftest import REPO_ROOT

PAGE = (REPO_ROOT / 'docs/guides/own_dataset.md').read_text(encoding='utf-8')
PARTS = ('snout', 'leftear', 'rightear', 'tailbase')
# Files are written and commands run in the order of the page, by one process.
FOLLOW = """
import json, runpy, sys
from pathlib import Path
for kind, first, rest in json.load(open(sys.argv[1])):
    if kind == 'write':
        Path(first).write_text(rest)
        continue
    sys.argv = [first, *rest]
    try:
        runpy.run_path(first, run_name='__main__')
    except SystemExit as end:
        if end.code:
            sys.exit(f'{first} ended with {end.code}')
"""


def steps(page):
    """What the page says to do, in its order."""
    path, found = None, []
    for name, language, block in re.findall(
        r'`(projects/[^`*]+\.(?:py|yml))`|```(\w+)\n(.*?)```', page, re.S
    ):
        if name:
            path = name
        elif language == 'shell':
            for line in block.replace('\\\n', ' ').splitlines():
                python, script, *args = shlex.split(line)
                assert python == 'python'
                found.append(('run', script, args))
        else:
            found.append(('write', path, block))
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
    assert [(kind, first) for kind, first, _ in found] == [
        ('run', 'tools/dataset_converters/deeplabcut.py'),
        ('write', 'projects/common/unikpt/data/lab_mouse.yml'),
        ('write', 'projects/common/unikpt/sources/lab_mouse.py'),
        ('run', 'tools/dataset_converters/unikpt.py'),
        ('run', 'tools/dataset_converters/unikpt.py'),
        ('run', 'tools/dataset_converters/unikpt.py'),
        ('run', 'tools/misc/browse_dataset.py'),
    ]
    assert found[0][2][0] == 'my-project'


@pytest.mark.slow
def test_followed(tmp_path, run_python):
    clone = tmp_path / 'clone'
    for name in ('projects', 'tools', 'configs'):
        shutil.copytree(
            REPO_ROOT / name,
            clone / name,
            ignore=shutil.ignore_patterns('__pycache__'),
        )
    write_project(clone / 'my-project')
    todo = tmp_path / 'todo.json'
    todo.write_text(json.dumps(steps(PAGE)))
    (tmp_path / 'follow.py').write_text(FOLLOW)
    done = run_python(
        str(tmp_path / 'follow.py'), str(todo), path=(clone,), cwd=clone
    )
    assert done.returncode == 0, done.stdout + done.stderr
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
