# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""All kinds of inputs, good and bad, with a model whose answers are known."""

import cv2
import numpy as np
import pytest
from PIL import Image

from projects.common.apis import Video, inputs, iterate
from projects.common.visualization import write_image
from tests.square_finder import Camera, corners, places, square, write_video

# Inputs


def test_all_kinds_of_inputs(red, tmp_path):
    spots = [(3, 4), (20, 9), (40, 25)]
    folder = tmp_path / 'pictures'
    for i, spot in enumerate(spots):
        name = folder / ('deep' if i == 2 else '') / f'{i}.png'
        write_image(str(name), square('red', *spot)[..., ::-1])
    (folder / 'notes.txt').write_text('no picture')
    wanted = [corners(*spot) for spot in spots]
    assert [places(r) for r in red(folder)] == wanted
    assert [places(r) for r in red(str(folder))] == wanted
    paths = [folder / '0.png', str(folder / '1.png')]
    assert [places(r) for r in red(paths)] == wanted[:2]
    mixed = red([paths[0], square('red', 20, 9)])
    assert [places(r) for r in mixed] == wanted[:2]
    generator = (square('red', *spot) for spot in spots)
    assert [places(r) for r in red(generator)] == wanted


def test_batches(red):
    model = red.backend
    model.batches.clear()
    spots = [(i, 2 * i) for i in range(5)]
    results = red([square('red', *s) for s in spots], batch_size=2)
    assert model.batches == [2, 2, 1]
    assert [places(r)[0] for r in results] == spots
    with pytest.raises(ValueError, match='batch size is 0'):
        red(square('red', 1, 1), batch_size=0)


def test_videos_are_streamed(red, tmp_path):
    path = tmp_path / 'clip.mp4'
    spots = [(i, 8) for i in range(0, 40, 2)]
    write_video(path, spots)
    video = Video(path)
    assert (video.fps, video.expected) == (10, 20)
    red.backend.batches.clear()
    stream = red.stream(path, batch_size=4)
    first = next(stream)
    assert red.backend.batches == [4]  # no more was read
    assert (first.picture, first.frame) == (str(path), 0)
    assert first.image.shape == (48, 64, 3)
    results = [first, *stream]
    assert [r.frame for r in results] == list(range(20))
    found = np.array([places(r)[0] for r in results])
    assert np.abs(found - spots).max() <= 2  # the video is compressed
    kept = red(path)
    assert len(kept) == 20 and all(r.image is None for r in kept)
    with pytest.raises(ValueError, match='give it to draw'):
        kept[0].draw()


def test_cameras(red, monkeypatch):
    monkeypatch.setattr(cv2, 'VideoCapture', Camera)
    for source in (1, 'webcam:1'):
        results = red(source)
        assert [r.frame for r in results] == [0, 1, 2]
        assert results[0].picture == 'webcam:1'
        assert places(results[2]) == corners(5, 5)
    monkeypatch.undo()
    with pytest.raises(OSError, match='camera 7 cannot be opened'):
        red(7)
    with pytest.raises(ValueError, match="'webcam:x' is no camera"):
        red('webcam:x')
    assert inputs.camera_number('webcam') == 0


def test_boxes_are_handed_on(red):
    pictures = [square('red', 1, 1)] * 2
    one = [[3, 4, 9, 12]]
    assert [r.instances[0].bbox for r in red(pictures, bboxes=one)] == [
        (3, 4, 9, 12)
    ] * 2
    each = [[[3, 4, 9, 12], [1, 2, 3, 4]], []]
    assert [len(r.instances) for r in red(pictures, bboxes=each)] == [2, 0]
    with pytest.raises(ValueError, match='boxes for 1 pictures only'):
        red(pictures, bboxes=each[:1])
    with pytest.raises(ValueError, match='are no boxes'):
        red(pictures, bboxes=[[9, 4, 3, 12]])


# Pictures as people have them


@pytest.fixture
def rgb():
    """A square whose place tells how the picture was turned."""
    return Image.fromarray(square('red', 6, 20, 10)[..., ::-1])


def oriented(number):
    exif = Image.Exif()
    exif[0x0112] = number
    return {'exif': exif}


@pytest.mark.parametrize(
    ('name', 'mode', 'options', 'wanted'),
    [
        ('a.bmp', 'RGB', {}, corners(6, 20)),
        ('alpha.png', 'RGBA', {}, corners(6, 20)),
        ('palette.png', 'P', {}, corners(6, 20)),
        ('cmyk.tif', 'CMYK', {}, corners(6, 20)),
        ('cmyk.jpg', 'CMYK', {'quality': 100}, corners(6, 20)),
        # Turned by 90 degrees clockwise, by 180, mirrored.
        ('turned.png', 'RGB', oriented(6), corners(10, 6)),
        (
            'turned.jpg',
            'RGB',
            {**oriented(3), 'quality': 100},
            corners(44, 10),
        ),
        ('mirrored.png', 'RGB', oriented(2), corners(44, 20)),
    ],
)
def test_pictures_of_all_kinds(
    red, rgb, tmp_path, name, mode, options, wanted
):
    rgb.convert(mode).save(tmp_path / name, **options)
    [result] = red(tmp_path / name)
    assert places(result) == wanted
    # In the frame that people see, also when drawn.
    drawn = result.draw(min_side=0, boxes=False)
    assert drawn.shape[1::-1] == result.size
    (x, y), *_ = wanted
    assert drawn[y + 5, x + 5].tolist() == pytest.approx([255, 0, 0], abs=40)


def test_grey_and_deep_pictures(finder, tmp_path):
    picture = square('red', 6, 20)
    deep = tmp_path / 'deep.png'
    cv2.imwrite(str(deep), picture.astype(np.uint16) * 257)
    red = finder.prepare('red')
    assert places(finder(deep, red)[0]) == corners(6, 20)
    assert places(finder(picture.astype(np.uint16) * 257, red)[0]) == corners(
        6, 20
    )
    bgra = np.dstack([picture, np.zeros((40, 60), np.uint8)])
    assert places(finder(bgra, red)[0]) == corners(6, 20)
    for grey in (picture[..., 2], picture[..., 2:]):
        [frame] = iterate(grey)
        assert frame.image.shape == (40, 60, 3)
        assert frame.image[25, 10].tolist() == [255] * 3
        assert frame.image[0, 0].tolist() == [0] * 3
    path = tmp_path / 'grey.png'
    cv2.imwrite(str(path), picture[..., 2])
    [frame] = iterate(path)
    assert frame.image[25, 10].tolist() == [255] * 3


def test_tiny_and_huge_pictures(red, tmp_path):
    [result] = red(np.full((1, 1, 3), (0, 0, 255), np.uint8))
    assert result.size == (1, 1) and places(result)[0] == (0, 0)
    path = tmp_path / 'wide.png'
    cv2.imwrite(str(path), square('red', 19_950, 30, size=(20_000, 60)))
    [result] = red(path)
    assert result.size == (20_000, 60)
    assert places(result) == corners(19_950, 30)
    assert max(result.draw().shape) == 20_000


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'does not exist; the path is taken from the current folder'),
        (b'', 'cannot be read as a picture; convert it to JPEG or PNG'),
        (b'no picture', 'cannot be read as a picture'),
    ],
)
def test_files_that_are_no_pictures(red, tmp_path, content, message):
    path = tmp_path / 'a.png'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OSError, match=message):
        red(path)


def test_folders_without_pictures_and_wrong_arrays(red, tmp_path):
    (tmp_path / 'moving.gif').write_bytes(b'GIF89a')
    with pytest.raises(ValueError, match='holds no pictures'):
        red(tmp_path)
    for array in (
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((1, 4, 4, 3), np.uint8),
    ):
        with pytest.raises(ValueError, match='The picture is an array of'):
            red(array)


def test_the_rest_is_done_all_the_same(red, tmp_path):
    good = tmp_path / 'good.png'
    cv2.imwrite(str(good), square('red', 6, 20))
    bad = tmp_path / 'bad.png'
    bad.write_bytes(b'')
    large = np.zeros((1, 40_000, 3), np.uint8)
    failed = {}
    boxes = [[[0, 0, 1, 1]], [[0, 0, 2, 2]], [[0, 0, 3, 3]], [[0, 0, 4, 4]]]
    results = red.stream(
        [bad, large, good, np.zeros(3)],
        bboxes=boxes,
        on_error=lambda name, error: failed.update({name: str(error)}),
    )
    [result] = results
    assert result.instances[0].bbox == (0, 0, 3, 3)  # still its own
    assert list(failed) == [str(bad), 'The picture', 'picture 3']
    assert failed['The picture'] == 'This picture is too large.'
    with pytest.raises(ValueError, match='The picture: This picture is too'):
        red(large)


def test_cut_videos(red, tmp_path):
    path = tmp_path / 'cut.avi'
    write_video(path, [(i, 8) for i in range(40)], 'MJPG')
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    stream = red.stream(path)
    done = []
    with pytest.raises(OSError, match=r'ends after \d+ of 40 frames'):
        done.extend(stream)
    failed = []
    done = list(red.stream(path, on_error=lambda *what: failed.append(what)))
    assert 10 < len(done) < 35
    assert failed[0][0] == str(path)
    mp4 = tmp_path / 'cut.mp4'
    write_video(mp4, [(1, 8)] * 10)
    mp4.write_bytes(mp4.read_bytes()[:-100])
    with pytest.raises(OSError, match='cannot be opened: it is cut short'):
        red(mp4)
    with pytest.raises(FileNotFoundError, match='video .* does not exist'):
        red(tmp_path / 'no.mp4')
