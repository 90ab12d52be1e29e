# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Miniature sets with people and bodies of animals, see unikpt_minis."""

import csv
import json

from projects.unikpt.metainfo import read_metainfo
from tests.unikpt_mini_parts import (
    BOX,
    HEIGHT,
    PLANTED,
    PLANTED_DOCTOR,
    WIDTH,
    CocoMini,
    expected,
    picture,
    spots,
    triplets,
    write_pts,
)


def _category(number, name, metainfo):
    names = read_metainfo(metainfo).keypoints
    return {'id': number, 'name': name, 'keypoints': list(names)}


def _write_people(root, faults, files, folders, image_name, extra=()):
    """Three pictures with 2 + 1 people to train, 1 to validate."""
    person = _category(1, 'person', 'coco')
    extra = dict(extra)
    train = CocoMini(root, [person])
    first = train.image(image_name.format(1), folders[0], **extra)
    train.object(first)
    train.object(first)
    train.object(train.image(image_name.format(2), folders[0], **extra))
    val = CocoMini(root, [person], first_id=100)
    val.object(val.image(image_name.format(3), folders[1], **extra))
    if faults:
        train.plant(folders[0])
    train.save(root / files[0])
    val.save(root / files[1])
    if faults:
        return expected(
            {'train': 4, 'val': 1}, 6, 6 * 16, PLANTED, PLANTED_DOCTOR
        )
    return expected({'train': 2, 'val': 1}, 4, 4 * 16)


def write_coco(root, faults=False):
    """COCO 2017: person_keypoints_{train,val}2017.json."""
    files = [
        f'annotations/person_keypoints_{s}2017.json' for s in ('train', 'val')
    ]
    folders = ('train2017', 'val2017')
    return _write_people(root, faults, files, folders, '{:012d}.jpg')


def write_humanart(root, faults=False):
    """Human-Art: names start with 'HumanArt/'; a scene per picture."""
    files = [
        f'annotations/{s}_humanart.json' for s in ('training', 'validation')
    ]
    # The names hold the folder that the set itself is unpacked into.
    inner = root / 'images' / '2D_virtual_human' / 'oil_painting'
    counts = _write_people(
        root,
        faults,
        files,
        ('', ''),
        'images/2D_virtual_human/oil_painting/{:012d}.jpg',
        {'category': 'oil_painting'},
    )
    assert inner.is_dir()
    for file in files:
        text = (root / file).read_text()
        (root / file).write_text(
            text.replace('"images/2D', '"HumanArt/images/2D')
        )
    return counts


def write_300w(root, faults=False):
    """300-W: pictures and .pts files, pixels counted from 1."""
    places = (
        'afw/134212_1.jpg',
        'helen/trainset/2_1.jpg',
        'lfpw/testset/image_0001.png',
        'ibug/image_003_1.jpg',
        'Test/01_Indoor/indoor_001.png',
    )
    for place in places:
        picture(root / place)
        write_pts((root / place).with_suffix('.pts'), spots(68) + 1)
    splits = {'train': 2, 'val': 2, 'test': 1}
    if not faults:
        return expected(splits, 5, 5 * 68)
    write_pts(root / 'afw' / '99_1.pts', spots(67) + 1)
    write_pts(root / 'afw' / '98_1.pts', spots(68) + 1)
    splits['train'] = 3
    return expected(
        splits,
        6,
        6 * 68,
        {'wrong number of keypoints': 1},
        {'missing picture': 1},
    )


def write_onehand10k(root, faults=False):
    """OneHand10K: label_joint.txt of Train and Test; -1 for not seen."""
    hand = spots(21).tolist()
    hand[0] = [-1, -1]
    numbers = [value for point in hand for value in point]

    def line(name, hands):
        values = [name, WIDTH, HEIGHT, hands, *numbers * hands]
        return ','.join(map(str, values))

    lines = {
        'Train': [line('0.jpg', 1), line('1.jpg', 2)],
        'Test': [line('0.jpg', 1)],
    }
    for split in lines:
        for number in range(len(lines[split])):
            picture(root / split / 'source' / f'{number}.jpg')
    if faults:
        lines['Train'] += ['2.jpg,40,32,1,5,6', line('3.jpg', 1)]
    for split, texts in lines.items():
        path = root / split / 'label_joint.txt'
        path.write_text('\n'.join(texts) + '\n')
    if faults:
        return expected(
            {'train': 3, 'test': 1},
            5,
            5 * 20,
            {'unreadable record': 1},
            {'missing picture': 1},
        )
    return expected({'train': 2, 'test': 1}, 4, 4 * 20)


def write_ap10k(root, faults=False):
    """AP-10K: split 1; antelopes (Bovidae), dogs (Canidae), cats (Felidae)."""
    categories = [
        _category(1, 'antelope', 'ap10k'),
        _category(8, 'dog', 'ap10k'),
        _category(23, 'cat', 'ap10k'),
    ]
    wanted = {'train': (0, 0, 1, 2), 'val': (1, 2), 'test': (0,)}
    for split, kinds in wanted.items():
        file = CocoMini(root, categories, first_id=100 * len(split))
        for kind in kinds:
            name = f'{file.next_id:012d}.jpg'
            file.object(file.image(name, 'data'), kind)
        # Two animals of different families in one picture.
        if split == 'train':
            file.object(file.images[0]['id'], 2)
            if faults:
                file.plant('data')
        file.save(root / f'annotations/ap10k-{split}-split1.json')
    if faults:
        splits = {'train': 6, 'val': 2, 'test': 1}
        return expected(splits, 10, 10 * 16, PLANTED, PLANTED_DOCTOR)
    return expected({'train': 4, 'val': 2, 'test': 1}, 8, 8 * 16)


def write_apt36k(root, faults=False):
    """APT-36K: one file, names of its authors' machine, tracks."""
    names = read_metainfo('ap10k').keypoints
    categories = [
        {'id': 1, 'name': 'deer', 'keypoints': list(names)},
        {'id': 2, 'name': 'hourse', 'keypoints': list(names)},
    ]
    file = CocoMini(root, categories)
    for folder, kind in (('1deer', 0), ('2horse', 1)):
        for frame in range(2):
            name = f'{folder}/clip1/{frame}.jpg'
            number = file.image(name, video_id=kind + 1)
            file.object(number, kind, track_id=5, video_id=kind + 1)
    if faults:
        file.plant()
    for image in file.images:
        name = image['file_name'].replace('/', '\\')
        image['file_name'] = f'D:\\Animal_pose\\AP-36k-patr1\\{name}'
    file.save(root / 'apt36k_annotations.json')
    if faults:
        return expected({'train': 6}, 6, 6 * 16, PLANTED, PLANTED_DOCTOR)
    return expected({'train': 4}, 4, 4 * 16)


def write_macaque(root, faults=False):
    """MacaquePose: a csv with keypoints and outlines as json."""
    names = read_metainfo('macaque').keypoints

    def monkey():
        rows = [
            {'name': name.replace('_', ' '), 'position': [int(x), int(y)]}
            for name, (x, y) in zip(names, spots(17))
        ]
        rows[0]['position'] = None
        return rows

    outline = [
        {'name': 'macaque', 'segment': [[2, 3], [36, 3], [36, 29], [2, 29]]}
    ]
    rows = [
        ['a.jpg', json.dumps([monkey()]), json.dumps([outline])],
        ['b.jpg', json.dumps([monkey()] * 2), json.dumps([outline] * 2)],
    ]
    for row in rows:
        picture(root / 'v1' / 'images' / row[0])
    if faults:
        rows += [
            ['c.jpg', '[{', '[]'],
            ['d.jpg', json.dumps([monkey()]), json.dumps([outline])],
        ]
    with (root / 'v1' / 'annotations.csv').open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerows([['image file name', 'keypoints', 'segmentation']])
        writer.writerows(rows)
    if faults:
        return expected(
            {'train': 3},
            4,
            4 * 16,
            {'unreadable record': 1},
            {'missing picture': 1},
        )
    return expected({'train': 2}, 3, 3 * 16)


def write_animalpose(root, faults=False):
    """Animal-Pose: images by id, boxes as corners, no ids of objects."""
    # Not in mmpose's order.
    legs = [
        f'{side}_{end}_{joint}'
        for joint in ('elbow', 'knee', 'paw')
        for end in ('front', 'back')
        for side in ('left', 'right')
    ]
    names = ['left_eye', 'right_eye', 'nose', 'left_ear', 'right_ear', *legs]
    names += ['throat', 'withers', 'tailbase']
    categories = [
        {'id': i, 'name': name, 'keypoints': names, 'skeleton': []}
        for i, name in enumerate(('dog', 'cat', 'sheep', 'horse', 'cow'), 1)
    ]
    images = {'1': '2007_000063.jpg', '2': '2007_000175.jpg'}

    def animal(image, category, **changes):
        x, y, w, h = BOX
        return {
            'image_id': image,
            'category_id': category,
            'bbox': [x, y, x + w, y + h],
            'keypoints': triplets(20, 1),
            'num_keypoints': 19,
            **changes,
        }

    annotations = [animal(1, 1), animal(1, 2), animal(2, 3)]
    for name in images.values():
        picture(root / 'images' / name)
    if faults:
        images['3'] = '2007_000999.jpg'
        annotations += [
            animal(3, 1),
            animal(1, 9),
            animal(1, 1, keypoints=triplets(19, 1)),
        ]
    content = {
        'images': images,
        'annotations': annotations,
        'categories': categories,
    }
    (root / 'keypoints.json').write_text(json.dumps(content))
    if faults:
        return expected(
            {'test': 3},
            4,
            4 * 19,
            {'unknown category': 1, 'wrong number of keypoints': 1},
            {'missing picture': 1},
        )
    return expected({'test': 2}, 3, 3 * 19)
