# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import cv2
import pytest

from projects.common.datasets import MP100File
from projects.common.datasets.episodes import (
    EpisodeDataset,
    EpisodeSource,
    freeze_episodes,
)
from projects.common.datasets.mp100.mp100_doctor import find_parts
from projects.common.datasets.mp100.mp100_parts import PART_OF
from projects.common.evaluation import CapePCK
from tests import mp100_tree
from tests.unikpt_mini_parts import picture

TEST_TEXT = (
    'PARTIAL MP-100: 8 of 9 categories of mp100_split1_test.json, without '
    'locust_body; not comparable'
)


@pytest.fixture
def tree(tmp_path):
    mp100_tree.write(tmp_path)
    return tmp_path


@pytest.fixture
def doctor(load_tool, tree):
    main = load_tool('dataset_converters/mp100.py').main

    def run(*args, out='mp100'):
        return main(
            [
                *('doctor', str(tree / 'mp100' / 'annotations')),
                *('--sources', str(tree / 'sources')),
                *('--out', str(tree / out), *args),
            ]
        )

    return run


def stamp(tree, out='mp100'):
    return json.loads((tree / out / 'mp100.json').read_text())


def test_hundred_categories_of_thirteen_sources():
    assert len(PART_OF) == 100
    counts = {}
    for part in PART_OF.values():
        counts[part.name] = counts.get(part.name, 0) + 1
    assert counts == {
        **dict.fromkeys(('coco', '300w', 'aflw', 'onehand10k', 'macaque'), 1),
        'vinegar_fly': 1,
        'desert_locust': 1,
        'carfusion': 3,
        'deepfashion2': 13,
        'ap10k': 34,
        'cub': 8,
        'animalweb': 30,
        'keypoint5': 5,
    }


def test_every_known_fault(doctor, tree, capsys):
    assert doctor() == 3
    found = stamp(tree)
    assert found['partial'] is True
    categories = found['categories']
    assert {
        n for n, c in categories.items() if c['expected'] > c['found']
    } == {*mp100_tree.INCOMPLETE}
    assert sum(c['expected'] for c in categories.values()) == 20
    assert sum(c['found'] for c in categories.values()) == 14
    assert categories['camel_face']['found'] == 1
    assert {n for n, c in categories.items() if c['ambiguous']} == {'shorts'}
    problems = {
        file: text
        for category in categories.values()
        for file, text in category['problems'].items()
    }
    assert problems['locust_body/1.jpg'] == 'Desert Locust was not found'
    assert problems['dragon_body/1.jpg'] == 'MP-100 has no such category'
    assert 'is 20 x 20' in problems['human_body/000000000009.jpg']
    assert '40 x 32' in problems['human_body/000000000009.jpg']
    assert 'not in' in problems['camel_face/camel_92.jpg']
    assert 'remove that link' in problems['wren_body/Winter_Wren_0001.jpg']
    shown = capsys.readouterr().out
    assert 'amur_tiger_body               1/1      AFLW' in shown
    assert 'human face, 19 keypoints (AFLW)' in shown
    assert 'Desert Locust was not found. Get it: https://' in shown
    assert '12 of 18 categories are complete.' in shown
    assert TEST_TEXT in shown


def test_where_pictures_come_from(doctor, tree):
    doctor()
    images, sources = tree / 'mp100' / 'images', tree / 'sources'
    wanted = {
        'antelope_body/000000000002.jpg': 'ap-10k/data/000000000002.jpg',
        'bison_body/000000000003.jpg': 'ap-10k/data/000000000003.jpg',
        'amur_tiger_body/flickr/0/image00002.jpg': (
            'AFLW/aflw/data/flickr/0/image00002.jpg'
        ),
        'shorts/000001.jpg': 'DeepFashion2/train/image/000001.jpg',
        'skirt/000002.jpg': 'DeepFashion2/validation/image/000002.jpg',
        'car/101728037.jpg': (
            'carfusion/train/car_craig1/images_jpg/17_28037.jpg'
        ),
        'bus/55.jpg': 'carfusion/test/car_craig1/images_jpg/9_9.jpg',
        'bed/00000001.jpg': 'keypoint-5/bed/images/00000001.jpg',
        'chair/00000001.jpg': 'keypoint-5/chair/images/00000001.jpg',
        'human_hand/1.jpg': 'OneHand10K/Train/source/1.png',
    }
    links = {file: (images / file).readlink() for file in wanted}
    assert links == {file: sources / path for file, path in wanted.items()}
    frame = cv2.imread(str(images / 'fly_body' / '3.jpg'))
    assert frame.shape == (32, 40, 3)
    assert (frame == 120).all()
    # Nothing is written into a source through an old link.
    bird = sources / 'CUB_200_2011' / 'images' / '198.Rock_Wren'
    assert [p.name for p in bird.iterdir()] == ['Rock_Wren_0001.jpg']


def test_again_copy_and_dry_run(doctor, tree):
    assert doctor('--dry-run', out='new') == 3
    assert not (tree / 'new').exists()
    assert doctor('--copy', out='new') == 3
    images = tree / 'new' / 'images'
    files = [p for p in images.rglob('*') if p.is_file()]
    # With the wren, whose folder is no old link here.
    assert len(files) == 15
    assert not any(p.is_symlink() for p in files)
    before = {p: p.stat().st_mtime_ns for p in files}
    assert doctor('--copy', out='new') == 3
    assert {p: p.stat().st_mtime_ns for p in files} == before


def test_partial_annotation_and_what_results_say(doctor, tree):
    doctor()
    folder = tree / 'mp100' / 'annotations_partial'
    whole = tree / 'mp100' / 'annotations' / 'mp100_split1_test.json'
    path = folder / 'mp100_split1_test.json'
    content = json.loads(path.read_text())
    assert content['info'] == {'year': 2022, 'partial': TEST_TEXT}
    names = [category['name'] for category in content['categories']]
    assert names == [
        n for n in list(mp100_tree.PICTURES)[:9] if 'locust' not in n
    ]
    assert len(content['images']) == len(content['annotations']) == 9

    # A complete category has the episodes that it has in the whole file.
    def antelopes(file):
        source = EpisodeSource(MP100File(str(file)))
        drawn = freeze_episodes(source, 1, 1, 3, categories=['antelope body'])
        return source, drawn

    source, drawn = antelopes(path)
    assert drawn.episodes == antelopes(whole)[1].episodes
    assert source.partial == TEST_TEXT
    drawn.save(tree / 'episodes.json')
    dataset = EpisodeDataset(
        dict(
            type='MP100Dataset',
            ann_file=str(path),
            data_prefix=dict(img=str(tree / 'mp100' / 'images')),
        ),
        str(tree / 'episodes.json'),
    )
    metric = CapePCK()
    assert metric._protocol(dataset.metainfo['episodes'], 3, 3).endswith(
        f'; {TEST_TEXT}; PARTIAL: 1 of 8 categories'
    )


def test_complete_after_mending(doctor, tree, capsys):
    doctor()
    folder = tree / 'mp100' / 'annotations'
    for path in folder.iterdir():
        content = json.loads(path.read_text())
        content['images'] = [
            image
            for image in content['images']
            if image['file_name'].split('/')[0] not in mp100_tree.INCOMPLETE
        ]
        kept = {image['id'] for image in content['images']}
        content['annotations'] = [
            a for a in content['annotations'] if a['image_id'] in kept
        ]
        path.write_text(json.dumps(content))
    capsys.readouterr()
    assert doctor() == 0
    assert '12 of 12 categories are complete.' in capsys.readouterr().out
    assert stamp(tree)['partial'] is False
    assert not any((tree / 'mp100' / 'annotations_partial').iterdir())


def test_single_source_named(doctor, load_tool, tree):
    main = load_tool('dataset_converters/mp100.py').main
    args = ['doctor', str(tree / 'mp100' / 'annotations')]
    fly = f'vinegar_fly={tree / "sources" / "fly"}'
    assert main([*args, '--source', fly, '--out', str(tree / 'only')]) == 3
    categories = stamp(tree, 'only')['categories']
    assert {n for n, c in categories.items() if c['found']} == {'fly_body'}


@pytest.mark.parametrize(
    'args, message',
    [
        (['--source', 'unicorn=/'], "no source 'unicorn'"),
        (['--source', 'fly'], 'write NAME=DIR'),
        (['--source', 'coco=/no/where'], 'no such folder'),
        (['--sources', '/no/where'], 'no folder "/no/where"'),
    ],
)
def test_bad_arguments(doctor, tree, capsys, args, message):
    assert doctor(*args) == 1
    assert message in capsys.readouterr().err
    assert not (tree / 'mp100' / 'mp100.json').exists()


@pytest.mark.parametrize('name', ['../../escape.jpg', 'lonely.jpg', '/a.jpg'])
def test_bad_annotation(doctor, tree, capsys, name):
    path = tree / 'mp100' / 'annotations' / 'mp100_split1_test.json'
    content = json.loads(path.read_text())
    content['images'][0]['file_name'] = name
    path.write_text(json.dumps(content))
    assert doctor() == 1
    assert f'{name!r} is not CATEGORY/FILE' in capsys.readouterr().err
    path.write_text('{')
    assert doctor() == 1
    for each in path.parent.iterdir():
        each.unlink()
    capsys.readouterr()
    assert doctor() == 1
    assert 'There is no mp100_*.json' in capsys.readouterr().err


def test_clone_of_deepposekit_data(tree):
    clone = tree / 'DeepPoseKit-Data' / 'datasets'
    clone.mkdir(parents=True)
    (tree / 'sources' / 'fly').rename(clone / 'fly')
    assert find_parts(tree, {}) == {'vinegar_fly': clone / 'fly'}


@pytest.mark.parametrize(
    'record, message',
    [
        ({'width': 41}, 'are 40 x 32, the annotation of fly_body/3.jpg says'),
        ({'file_name': 'fly_body/5.jpg'}, 'not in '),
        ({'file_name': 'fly_body/fly.jpg'}, 'not in '),
        (None, 'holds no h5 annotation set'),
    ],
)
def test_frames_that_cannot_be_had(doctor, tree, record, message):
    path = tree / 'mp100' / 'annotations' / 'mp100_split1_test.json'
    content = json.loads(path.read_text())
    image = next(i for i in content['images'] if 'fly' in i['file_name'])
    image.update(record or {})
    path.write_text(json.dumps(content))
    if record is None:
        fly = tree / 'sources' / 'fly' / 'annotation_data_release.h5'
        fly.write_bytes(b'no h5')
    assert doctor() == 3
    (problem,) = stamp(tree)['categories']['fly_body']['problems'].values()
    assert message in problem
    assert 'fly_body' in stamp(tree)['files'][path.name]['partial']


def test_a_wrong_picture_in_place_is_replaced_or_named(doctor, tree):
    images = tree / 'mp100' / 'images'
    for file in ('bed/00000001.jpg', 'locust_body/1.jpg'):
        picture(images / file, (20, 20))
    assert doctor() == 3
    assert cv2.imread(str(images / 'bed' / '00000001.jpg')).shape[:2] == (
        32,
        40,
    )
    problems = stamp(tree)['categories']['locust_body']['problems']
    assert problems == {
        'locust_body/1.jpg': 'in place, but 20 x 20; Desert Locust was not '
        'found'
    }
