# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import importlib.util
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from projects.common.datasets.converters.coco import (
    LabelledFrame,
    category_record,
    keypoint_box,
    prompt_names,
    readable_name,
    write_coco,
)
from projects.common.datasets.converters.deepposekit import swap_pairs
from projects.common.structures import KeypointCategory

REALDATA = os.environ.get('ANYKEYPOINT_REALDATA')
needs_realdata = pytest.mark.skipif(
    not REALDATA, reason='ANYKEYPOINT_REALDATA is not set'
)
needs_h5py = pytest.mark.skipif(
    importlib.util.find_spec('h5py') is None, reason='h5py is not installed'
)


@pytest.fixture
def deeplabcut(load_tool):
    return load_tool('dataset_converters/deeplabcut.py')


@pytest.fixture
def deepposekit(load_tool):
    return load_tool('dataset_converters/deepposekit.py')


def read(folder, split):
    return json.loads((folder / 'annotations' / f'{split}.json').read_text())


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('eyeL', 'left eye'),
        ('forelegR1', 'right foreleg 1'),
        ('leftear', 'left ear'),
        ('left_back_paw', 'left back paw'),
        ('L_hand', 'left hand'),
        ('tailBase', 'tail base'),
        ('snout', 'snout'),
        ('r', 'r'),
    ],
)
def test_readable_name(name, expected):
    assert readable_name(name) == expected


def test_prompt_names():
    names = ['tailbase', 'eyeL']
    assert prompt_names(names, ['tailbase=tail base']) == [
        'tail base',
        'left eye',
    ]
    for wrong in ('eyeR=x', 'tailbase'):
        with pytest.raises(ValueError, match='one of tailbase, eyeL'):
            prompt_names(names, [wrong])


def test_box_has_a_margin_and_stays_in_the_picture():
    points = np.array([[100.0, 50.0], [200.0, 70.0]])
    assert keypoint_box(points, 640, 480) == [80, 30, 140, 60]
    # The margin is cut at the border, and is at least ten pixels.
    assert keypoint_box(points, 210, 480) == [80, 30, 130, 60]
    assert keypoint_box(points[:1], 640, 480) == [90, 40, 20, 20]
    assert keypoint_box(points, 640, 480, 0.5) == [50, 0, 200, 120]


def frame(name, *instances, size=(40, 60)):
    return LabelledFrame(name, np.zeros(size, np.uint8), list(instances))


def test_write_coco(tmp_path):
    points = np.array([[5.0, 6.0], [np.nan, np.nan], [70.0, 10.0]])
    frames = [frame(f'{i}.png', points) for i in (3, 1, 2, 5)]
    frames.append(frame('4.png', np.full((3, 2), np.nan)))
    category = category_record(
        'worm', ['head', 'left side', 'right side'], [(0, 1)]
    )
    counts = write_coco(tmp_path, category, frames)
    assert counts == {
        'train': 4,
        'val': 1,
        'instances': 4,
        'keypoints': 4,
        'outside': 4,  # x = 70 in a picture 60 wide
        'skipped': 0,
    }
    train, val = read(tmp_path, 'train'), read(tmp_path, 'val')
    # Sorted by name, the fifth is held out; a picture without labels stays.
    names = [i['file_name'] for i in train['images']]
    assert names == ['1.png', '2.png', '3.png', '4.png']
    assert [i['file_name'] for i in val['images']] == ['5.png']
    assert [a['image_id'] for a in train['annotations']] == [1, 2, 3]
    assert val['images'][0] == {
        'id': 1,
        'file_name': '5.png',
        'width': 60,
        'height': 40,
    }
    assert val['annotations'] == [
        {
            'id': 1,
            'image_id': 1,
            'category_id': 1,
            'bbox': [0, 0, 15, 16],
            'area': 127.2,  # 0.53 of the box's
            'iscrowd': 0,
            'num_keypoints': 1,
            'keypoints': [5, 6, 2, 0, 0, 0, 0, 0, 0],
        }
    ]
    found = KeypointCategory.from_coco(val['categories'][0])
    assert found.swap_pairs == ((1, 2),) and found.skeleton == ((0, 1),)
    files = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob('*.*'))
    assert files == [
        'annotations/train.json',
        'annotations/val.json',
        *(f'images/{i}.png' for i in range(1, 6)),
    ]
    assert cv2.imread(str(tmp_path / 'images/1.png')).shape == (40, 60, 3)


def test_bad_frames(tmp_path, capsys):
    category = category_record('worm', ['head', 'tail'])
    good, points = frame('a.png'), np.zeros((2, 2))
    broken = tmp_path / 'broken.png'
    broken.write_bytes(b'no picture')
    empty = tmp_path / 'empty.png'
    empty.touch()
    for path in (broken, empty):
        bad = LabelledFrame('b.png', path, [points])
        with pytest.raises(ValueError, match=f'{path} cannot be decoded'):
            write_coco(tmp_path / 'out', category, [good, bad])
    bad = LabelledFrame('b.png', tmp_path / 'no.png', [points])
    with pytest.raises(ValueError, match='no.png does not exist'):
        write_coco(tmp_path / 'out', category, [good, bad])
    counts = write_coco(
        tmp_path / 'out', category, [good, bad], skip_unreadable=True
    )
    assert (counts['train'], counts['skipped']) == (1, 1)
    assert 'skipped: The labelled picture' in capsys.readouterr().out
    for frames, message in (
        ([], 'no labelled picture'),
        ([good, good], 'Two labelled pictures are called a.png'),
        ([frame('c.png', np.zeros((3, 2)))], r'\(3, 2\), but .* 2 keypoint'),
    ):
        with pytest.raises(ValueError, match=message):
            write_coco(tmp_path / 'out', category, frames)
    with pytest.raises(ValueError, match='--hold-out-every is 1'):
        write_coco(tmp_path / 'out', category, [good], hold_out_every=1)


CSV_ONE = """scorer,Ann,Ann,Ann,Ann
bodyparts,snout,snout,earL,earL
coords,x,y,x,y
labeled-data/video/img1.png,10,20,30.5,25
labeled-data/video/img0.png,,,12,13
"""
CSV_THREE_COLUMNS = """scorer,,,Ann,Ann,Ann,Ann
bodyparts,,,snout,snout,earL,earL
coords,,,x,y,x,y
labeled-data,video,img1.png,10,20,30.5,25
labeled-data,video,img0.png,NaN,NaN,12,13
"""
CSV_ANIMALS = """scorer,Ann,Ann,Ann,Ann,Ann,Ann,Ann,Ann,Ann,Ann
individuals,m1,m1,m1,m1,m2,m2,m2,m2,single,single
bodyparts,snout,snout,earL,earL,snout,snout,earL,earL,corner,corner
coords,x,y,x,y,x,y,x,y,x,y
labeled-data\\video\\img0.png,1,2,3,4,21,22,23,24,0,0
labeled-data\\video\\img1.png,5,6,7,8,,,,,0,0
"""


def project(folder, table, config='bodyparts: [snout, earL]'):
    video = folder / 'project' / 'labeled-data' / 'video'
    video.mkdir(parents=True)
    (video / 'CollectedData_Ann.csv').write_text(table)
    for index in (0, 1):
        cv2.imwrite(str(video / f'img{index}.png'), np.zeros((48, 64, 3)))
    text = f'scorer: Ann\nskeleton: [[snout, earL]]\n{config}\n'
    (folder / 'project' / 'config.yaml').write_text(text)
    return folder / 'project'


def run(tool, source, out, *options):
    category = ['--category', 'mouse'] if '--category' not in options else []
    return tool.main([str(source), '--out', str(out), *category, *options])


@pytest.mark.parametrize('table', [CSV_ONE, CSV_THREE_COLUMNS])
def test_deeplabcut_csv(deeplabcut, tmp_path, table):
    source, out = project(tmp_path, table), tmp_path / 'out'
    options = ['--hold-out-every', '2', '--rename', 'snout=nose']
    assert run(deeplabcut, source, out, *options) == 0
    train, val = read(out, 'train'), read(out, 'val')
    assert train['images'][0]['file_name'] == 'video/img0.png'
    assert val['images'][0]['file_name'] == 'video/img1.png'
    # A missing value is a keypoint that is not labelled.
    assert train['annotations'][0]['keypoints'] == [0, 0, 0, 12, 13, 2]
    assert val['annotations'][0]['keypoints'] == [10, 20, 2, 30.5, 25, 2]
    category = val['categories'][0]
    assert category['keypoints'] == ['nose', 'left ear']
    assert category['skeleton'] == [[1, 2]]
    assert (out / 'images' / 'video' / 'img1.png').is_file()


def test_deeplabcut_several_animals(deeplabcut, tmp_path):
    config = (
        'multianimalproject: true\nbodyparts: MULTI!\n'
        'multianimalbodyparts: [snout, earL]\nuniquebodyparts: [corner]'
    )
    source, out = project(tmp_path, CSV_ANIMALS, config), tmp_path / 'out'
    assert run(deeplabcut, source, out, '--hold-out-every', '2') == 0
    both = [a['keypoints'] for a in read(out, 'train')['annotations']]
    assert both == [[1, 2, 2, 3, 4, 2], [21, 22, 2, 23, 24, 2]]
    one = [a['keypoints'] for a in read(out, 'val')['annotations']]
    assert one == [[5, 6, 2, 7, 8, 2]]


@pytest.mark.parametrize('form', ['fixed', 'table'])
def test_deeplabcut_h5(deeplabcut, tmp_path, form):
    pandas = pytest.importorskip('pandas')
    pytest.importorskip('tables')
    source, out = project(tmp_path, CSV_ONE), tmp_path / 'out'
    file = source / 'labeled-data' / 'video' / 'CollectedData_Ann.csv'
    table = pandas.read_csv(file, header=[0, 1, 2], index_col=0)
    h5 = file.with_suffix('.h5')
    table.to_hdf(h5, key='df_with_missing', format=form)
    file.unlink()
    assert run(deeplabcut, source, out, '--hold-out-every', '2') == 0
    train = read(out, 'train')['annotations']
    assert train[0]['keypoints'] == [0, 0, 0, 12, 13, 2]


def test_a_broken_deeplabcut_h5(deeplabcut, tmp_path, capsys):
    source = project(tmp_path, CSV_ONE)
    file = source / 'labeled-data' / 'video' / 'CollectedData_Ann.csv'
    file.rename(file.with_suffix('.h5'))
    assert run(deeplabcut, source, tmp_path / 'out') == 1
    assert 'is no table of numbers that pandas' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('table', 'config', 'message'),
    [
        (CSV_ONE, 'bodyparts: []', 'names no bodyparts'),
        (CSV_ONE, 'bodyparts: [snout, tail]', "the body parts ['tail']"),
        ('a,b\n', 'bodyparts: [snout]', 'does not start with the header'),
        (CSV_ONE + 'img2.png,1\n', 'bodyparts: [snout]', 'row 6: 2 cells'),
        (CSV_ONE.replace('30.5', 'x'), 'bodyparts: [snout]', 'row 4: could'),
        (CSV_ONE + 'no.png,1,2,3,4', 'bodyparts: [snout]', 'no.png does not'),
    ],
)
def test_deeplabcut_bad_input(
    deeplabcut, tmp_path, capsys, table, config, message
):
    source = project(tmp_path, table, config)
    assert run(deeplabcut, source, tmp_path / 'out') == 1
    error = capsys.readouterr().err
    assert error.startswith('error: ') and message in error


def test_deeplabcut_which_files(deeplabcut, tmp_path):
    source = project(tmp_path, CSV_ONE)
    video = source / 'labeled-data' / 'video'
    (video / 'CollectedData_Bob.csv').touch()
    own = video / 'CollectedData_Ann.csv'
    assert deeplabcut.label_files(source, 'Ann') == [own]
    with pytest.raises(ValueError, match='several scorers and none of "Eve"'):
        deeplabcut.label_files(source, 'Eve')
    with pytest.raises(FileNotFoundError, match='label frames first'):
        deeplabcut.label_files(tmp_path, 'Ann')
    with pytest.raises(FileNotFoundError, match='no config.yaml'):
        deeplabcut.read_config(tmp_path)


def test_swap_pairs_of_a_file_with_slips(capsys):
    names = ['a', 'b', 'c', 'd', 'e']
    assert swap_pairs(names, [1, 0, -1, -1, -1]) == [(0, 1)]
    assert capsys.readouterr().out == ''
    # c names a, which is taken; d -> c is not answered but free.
    assert swap_pairs(names, [1, 0, 0, 2, -1]) == [(0, 1), (2, 3)]
    out = capsys.readouterr().out
    assert 'c -> a contradicts' in out and 'd -> c is not answered' in out


SKELETON = 'name,parent,swap\nhead,,\neyeL,head,eyeR\neyeR,head,eyeL\n'


def annotation_set(folder, annotated, channels=1):
    import h5py

    (folder / 'skeleton.csv').write_text(SKELETON)
    points = np.arange(12.0).reshape(2, 3, 2) + 5
    images = np.zeros((2, 48, 64, channels), np.uint8)
    images[1] = 200
    with h5py.File(folder / 'set.h5', 'w') as file:
        file['images'] = images
        file['annotations'] = points
        file['annotated'] = np.array(annotated)
        file['skeleton'] = np.zeros((3, 2), np.int32)
    return folder / 'set.h5'


@needs_h5py
@pytest.mark.parametrize('channels', [1, 3])
def test_deepposekit(deepposekit, tmp_path, capsys, channels):
    flags = [[True, False, True], [True, True, True]]
    source, out = annotation_set(tmp_path, flags, channels), tmp_path / 'out'
    assert run(deepposekit, source, out, '--hold-out-every', '2') == 0
    train, val = read(out, 'train'), read(out, 'val')
    assert train['annotations'][0]['keypoints'] == [5, 6, 2, 0, 0, 0, 9, 10, 2]
    assert val['annotations'][0]['num_keypoints'] == 3
    assert val['categories'][0]['swap_pairs'] == [['left eye', 'right eye']]
    assert val['categories'][0]['skeleton'] == [[2, 1], [3, 1]]
    picture = cv2.imread(str(out / 'images' / val['images'][0]['file_name']))
    assert picture.shape == (48, 64, 3) and (picture == 200).all()
    assert 'note' not in capsys.readouterr().out


@needs_h5py
def test_deepposekit_without_flags(deepposekit, tmp_path, capsys):
    source = annotation_set(tmp_path, np.zeros((2, 3), bool))
    assert run(deepposekit, source, tmp_path / 'out') == 0
    assert 'no keypoint is flagged as annot' in capsys.readouterr().out
    train = read(tmp_path / 'out', 'train')
    assert [a['num_keypoints'] for a in train['annotations']] == [3, 3]


@needs_h5py
def test_deepposekit_bad_input(deepposekit, tmp_path, capsys):
    source = annotation_set(tmp_path, np.ones((2, 3), bool))
    skeleton = tmp_path / 'skeleton.csv'

    def error(path=source):
        assert run(deepposekit, path, tmp_path / 'out') == 1
        return capsys.readouterr().err

    skeleton.write_text(SKELETON + 'tail,,\n')
    assert 'names 4 keypoints, but' in error()
    skeleton.write_text(SKELETON + 'tail,bottom,\n')
    assert 'the parent of "tail" is "bottom"' in error()
    skeleton.write_text('a,b\n1,2\n')
    assert 'must have the columns' in error()
    skeleton.unlink()
    assert 'The names of the keypoints are needed' in error()
    (tmp_path / 'text.h5').write_text('text')
    assert 'is no DeepPoseKit annotation set' in error(tmp_path / 'text.h5')
    assert 'no annotation set' in error(tmp_path / 'no.h5')


@needs_realdata
def test_real_mouse(deeplabcut, tmp_path):
    source = Path(REALDATA) / 'openfield-Pranav-2018-10-30'
    assert run(deeplabcut, source, tmp_path) == 0
    train, val = read(tmp_path, 'train'), read(tmp_path, 'val')
    assert (len(train['images']), len(val['images'])) == (93, 23)
    assert val['images'][0]['file_name'] == 'm4s1/img0004.png'
    assert val['categories'][0]['keypoints'][1:3] == ['left ear', 'right ear']
    assert all(a['num_keypoints'] == 4 for a in train['annotations'])


@needs_realdata
@needs_h5py
def test_real_fly(deepposekit, tmp_path):
    source = Path(REALDATA) / 'deepposekit_fly' / 'example_annotation_set.h5'
    assert run(deepposekit, source, tmp_path, '--category', 'fly') == 0
    train, val = read(tmp_path, 'train'), read(tmp_path, 'val')
    assert (len(train['images']), len(val['images'])) == (80, 20)
    category = KeypointCategory.from_coco(val['categories'][0])
    # All legs, eyes and wings have a partner, in spite of the file's slip.
    assert category.num_keypoints == 32
    assert len(category.swap_pairs) == 14
    for a, b in category.swap_pairs:
        sides = {category.keypoints[i].split()[0] for i in (a, b)}
        assert sides == {'left', 'right'}
