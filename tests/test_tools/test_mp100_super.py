# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import pytest

from projects.common.datasets import MP100File

NAMES = {
    1: ['human_body', 'bus', 'cat_body'],
    2: ['human_face', 'car'],
    3: ['suv', 'bed', 'chair'],
    4: ['sofa', 'swivelchair', 'amur_tiger_body'],
    5: ['table'],
}


@pytest.fixture
def folder(tmp_path):
    """Five files whose ids collide, with a picture that all name."""
    for split, names in NAMES.items():
        content = {
            'categories': [
                {'id': i + 1, 'name': name, 'keypoints': ['a', f'of {name}']}
                for i, name in enumerate(names)
            ],
            'images': [
                {
                    'id': 1,
                    'file_name': f'{split}.png',
                    'width': 9,
                    'height': 9,
                },
                {'id': 2, 'file_name': 'all.png', 'width': 9, 'height': 9},
            ],
            'annotations': [
                {
                    'id': 5 * i + image,
                    'image_id': image,
                    'category_id': i + 1,
                    'bbox': [0, 0, 5, split],
                    'keypoints': [1, 1, 2, 2, split - 1, 2],
                }
                for i in range(len(names))
                for image in (1, 2)
            ],
        }
        path = tmp_path / f'mp100_split{split}_test.json'
        path.write_text(json.dumps(content))
    return tmp_path


@pytest.fixture
def tool(load_tool):
    return load_tool('dataset_converters/mp100_super.py')


def names(file):
    return {category.name for category in file.categories}


def test_held_out_and_others(tool, folder):
    assert tool.main([str(folder)]) == 0
    every = {n.replace('_', ' ') for found in NAMES.values() for n in found}
    for group, held_out in tool.SUPER_CATEGORIES.items():
        test, train = (
            MP100File(str(folder / f'mp100_super_{group}_{part}.json'))
            for part in ('test', 'train')
        )
        held_out = {name.replace('_', ' ') for name in held_out}
        assert names(test) == held_out
        rest = every - held_out
        if group == 'human_face':
            rest -= {'amur tiger body'}
        assert names(train) == rest


def test_objects_stay_with_their_pictures_and_categories(tool, folder):
    tool.main([str(folder)])
    file = MP100File(str(folder / 'mp100_super_vehicle_test.json'))
    assert sorted(image['file_name'] for image in file.images) == [
        '1.png',
        '2.png',
        '3.png',
        'all.png',
    ]
    split = {'bus': 1, 'car': 2, 'suv': 3}
    ids = []
    for image in file.images:
        for annotation, label, keypoints in file.objects(image):
            category = file.categories[label]
            number = split[category.name]
            assert category.keypoints == ('a', f'of {category.name}')
            assert image['file_name'] in (f'{number}.png', 'all.png')
            assert annotation['bbox'] == [0, 0, 5, number]
            assert keypoints[1].tolist() == [2, number - 1, 2]
            ids.append(annotation['id'])
    assert len(ids) == len(set(ids)) == 6


def test_what_is_missing_is_carried_on(tool, folder):
    texts = [f'PARTIAL MP-100: 1 of 2 of {split}' for split in (2, 4)]
    for split, text in zip((2, 4), texts):
        path = folder / f'mp100_split{split}_test.json'
        content = json.loads(path.read_text())
        info = {'year': 2022, 'partial': text}
        path.write_text(json.dumps({**content, 'info': info}))
    assert tool.main([str(folder)]) == 0
    for path in folder.glob('mp100_super_*.json'):
        assert MP100File(str(path)).partial == '; '.join(texts)


def test_refused(tool, folder, capsys):
    path = folder / 'mp100_split5_test.json'
    table = path.read_text()
    path.write_text((folder / 'mp100_split1_test.json').read_text())
    assert tool.main([str(folder)]) == 1
    assert "'human_body' is in the test file of another" in (
        capsys.readouterr().err
    )
    path.write_text(table.replace('table', 'desk'))
    assert tool.main([str(folder)]) == 1
    assert 'no categories table of furniture' in capsys.readouterr().err
    assert not list(folder.glob('mp100_super_*'))  # nothing is half done
    path.unlink()
    assert tool.main([str(folder)]) == 1
    assert 'mp100_split5_test.json is missing' in capsys.readouterr().err
