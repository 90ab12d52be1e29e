# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Pictures are found, and compared with what the file says of them."""

import copy
import json
import re

import numpy as np
import pytest
from PIL import Image

from projects.common.datasets import CocoKeypointFile, PromptCocoDataset
from projects.common.datasets.coco import (
    CocoFileError,
    CocoReport,
    check_pictures,
)
from projects.common.utils.pictures import read_picture
from tests.test_common.test_datasets.test_coco.variants import CONTENT


@pytest.fixture
def folder(tmp_path):
    """The pictures of the small file, 64 x 48, at s<i>/p<i>.png."""
    for image in CONTENT['images']:
        save(tmp_path / image['file_name'])
    return tmp_path


def save(path, size=(64, 48), orientation=None):
    path.parent.mkdir(exist_ok=True)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    grey = np.full((*size[::-1], 3), 90, np.uint8)
    Image.fromarray(grey).save(path, exif=exif)


def check(folder, names=(), **kwargs):
    """The report on the images, the first of them under other names."""
    images = copy.deepcopy(CONTENT['images'])
    for image, name in zip(images, names):
        image['file_name'] = name
    report = CocoReport('ann.json')
    check_pictures(images, folder, report, **kwargs)
    return images, report


def refusal(report):
    with pytest.raises(CocoFileError) as error:
        report.require_usable()
    return str(error.value)


def test_pictures_as_they_should_be(folder):
    images, report = check(folder)
    assert report.exit_code == 0 and images == CONTENT['images']


@pytest.mark.parametrize(
    'name',
    [
        'C:\\Users\\me\\export\\p1.png',
        'images/p1.png',
        'https://host.org/data/p1.png',
        'https://host.org/data/p%31.png?token=a/b',
        '/data/local-files/?d=set/p1.png',
        '/somewhere/else/p1.png',
        'file:///home/me/p1.png',
    ],
)
def test_found_by_the_last_part(folder, name):
    images, report = check(folder, [name])
    assert images[0]['file_name'] == 's1/p1.png'
    assert report.exit_code == 1
    (found,) = report.mended.values()
    assert found.count == 1 and found.places == ['image 1']


def test_a_name_that_holds_backslashes_on_disk(folder):
    (folder / 's1/p1.png').rename(folder / 's1\\p1.png')
    images, report = check(folder)
    assert images[0]['file_name'] == 's1\\p1.png'
    assert report.exit_code == 1


def test_not_unique_and_missing(folder):
    save(folder / 'more/p1.png')
    _, report = check(folder, ['x/p1.png', 'x/none.png', 'x/gone.png'])
    assert re.search(
        "^ann.json: image 1 names the picture 'x/p1.png', and p1.png is in "
        r'several places: more/p1.png, s1/p1.png; .*\n'
        "ann.json: image 2 names the picture 'x/none.png', which is not "
        'below .* 2 in all: image 2, image 3.$',
        refusal(report),
    )


@pytest.mark.parametrize('data', [b'', b'no picture', b'\xff\xd8\xff\xe0'])
def test_unreadable(folder, data):
    (folder / 's2/p2.png').write_bytes(data)
    assert 'image 2 has the picture' in refusal(check(folder)[1])
    # What may be missing may also be broken.
    assert check(folder, must_exist=False)[1].exit_code == 0


def test_another_size(folder):
    save(folder / 's2/p2.png', (32, 24))
    message = refusal(check(folder, must_exist=False)[1])
    assert 'image 2 is 64 x 48 in the file, but ' in message
    assert 'is 32 x 24 pixels (w x h), so its keypoints are of' in message


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('end', ['jpg', 'png', 'tif'])
def test_turned_by_exif(folder, orientation, end):
    """What is compared is the size that pictures are read in."""
    name = f's1/turned.{end}'
    for size in ((64, 48), (48, 64)):
        save(folder / name, size, orientation)
        read = read_picture(folder / name).shape[1::-1]
        _, report = check(folder, [name])
        assert (report.exit_code == 0) == (read == (64, 48))
        if report.exit_code and end == 'jpg' and size == (64, 48):
            assert 'the labels were made without the turn' in refusal(report)


def test_many_pictures_are_sampled(folder):
    for i in (1, 2):
        save(folder / f's{i}/p{i}.png', (8, 8))
    counts = [
        sum(f.count for f in check(folder, max_opened=n)[1].refused.values())
        for n in (0, 2, 3)
    ]
    assert counts[0] == 0 < counts[1] <= 2 == counts[2]


def test_data_set_stops_before_training(folder):
    (folder / 'ann.json').write_text(json.dumps(CONTENT))
    paths = {'ann_file': 'ann.json', 'data_root': str(folder)}
    assert len(PromptCocoDataset(**paths)) == 3
    (folder / 's2/p2.png').rename(folder / 's1/p2.png')
    moved = PromptCocoDataset(**paths)
    assert moved[1]['img_path'] == str(folder / 's1/p2.png')
    (folder / 's1/p2.png').unlink()
    with pytest.raises(CocoFileError, match='image 2 names the picture'):
        PromptCocoDataset(**paths)
    assert len(PromptCocoDataset(**paths, skip_unreadable=True)) == 3
    file = CocoKeypointFile(str(folder / 'ann.json'))
    file.find_pictures(folder, must_exist=False)
