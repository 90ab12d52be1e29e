# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
import os
import pickle
import struct
import zlib

import cv2
import numpy as np
import pytest

from projects.app import Limits, Workspace
from projects.app.videos import ClipWriter
from projects.common.prompt_files import (
    Example,
    PromptDescription,
    describe,
    save_prompt,
)
from projects.common.structures import KeypointCategory
from tests.square_finder import square, write_video


@pytest.fixture
def workspace(tmp_path):
    limits = Limits(megabytes=1, megapixels=2, side=3000, keypoints=5)
    return Workspace(tmp_path / 'work', limits)


def png_header(width, height):
    """The start of a picture whose pixels would not fit into memory."""
    head = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(chunk) - 4)
        + chunk
        + struct.pack('>I', zlib.crc32(chunk))
        for chunk in (b'IHDR' + head, b'IDAT' + zlib.compress(b''))
    )


def test_pictures_of_the_folder_are_read(workspace):
    path = workspace.folder / 'a.png'
    cv2.imwrite(str(path), square('red', 5, 6))
    assert (workspace.picture(path) == square('red', 5, 6)).all()


def test_files_elsewhere_are_refused(workspace, tmp_path):
    outside = tmp_path / 'secret.png'
    cv2.imwrite(str(outside), square('red', 5, 6))
    link = workspace.folder / 'link.png'
    link.symlink_to(outside)
    for path in (
        outside,
        link,
        workspace.folder / '..' / 'secret.png',
        workspace.folder / 'absent.png',
        workspace.folder,
    ):
        for read in (
            workspace.picture,
            workspace.video,
            workspace.prompt_file,
        ):
            with pytest.raises(ValueError, match='is no uploaded file'):
                read(path)


@pytest.mark.parametrize(
    'size, message',
    [
        ((2500, 2500), '2500 x 2500 pixels; at most 2 million'),
        ((3001, 1), '3001 x 1 pixels'),
        ((20000, 20000), 'too many pixels'),
    ],
)
def test_too_large_pictures_are_refused_before_they_are_decoded(
    workspace, size, message
):
    path = workspace.folder / 'huge.png'
    path.write_bytes(png_header(*size))
    with pytest.raises(ValueError, match=message):
        workspace.picture(path)


def test_what_is_no_picture_or_too_large_a_file_is_said(workspace):
    path = workspace.folder / 'a.jpg'
    for content in (b'', b'text', pickle.dumps(square), png_header(9, 9)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match='"a.jpg" cannot be read'):
            workspace.picture(path)
    path.write_bytes(bytes(2**20 + 1))
    with pytest.raises(ValueError, match='1.0 MB; files of at most 1 MB'):
        workspace.picture(path)


def test_videos_are_known_by_their_content(workspace):
    path = workspace.folder / 'a.mp4'
    write_video(path, [(1, 2), (3, 4)])
    assert len(list(workspace.video(path))) == 2
    path.write_text('#EXTM3U\n#EXTINF:1,\nfile:///etc/hosts\n')
    with pytest.raises(ValueError, match='no MP4, WebM or AVI video'):
        workspace.video(path)


def test_videos_of_large_frames_are_refused(workspace):
    path = workspace.folder / 'a.mp4'
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*'mp4v'), 5, (1920, 1080)
    )
    writer.write(np.zeros((1080, 1920, 3), np.uint8))
    writer.release()
    with pytest.raises(ValueError, match='1920 x 1080 pixels; at most 2'):
        workspace.video(path)


def test_prompt_files_must_hold_their_pictures(workspace, tmp_path):
    cv2.imwrite(str(workspace.folder / 'a.png'), square('red', 5, 6))
    path = workspace.folder / 'prompt.json'
    example = {'picture': 'a.png', 'keypoints': [[5, 6, 2], [14, 6, 2]]}
    category = {'name': 'a', 'keypoints': ['x', 'y'], 'examples': [example]}
    content = {'format': 'anykeypoint.prompt.v1', 'categories': [category]}
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='example 1: .* given by a path'):
        workspace.prompt_file(path)
    example['picture'] = 'data:image/png;base64,%%%'
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='example 1" cannot be read'):
        workspace.prompt_file(path)
    category_ = KeypointCategory('a', ('x', 'y'))
    shown = Example(square('red', 5, 6), [[5, 6], [14, 6]])
    save_prompt(path, PromptDescription.of_examples({category_: [shown]}))
    assert workspace.prompt_file(path) == path


@pytest.mark.parametrize('name', ['a.pkl', 'a.pth', 'a.pt', 'a.txt', 'a'])
def test_other_files_than_prompts_are_refused(workspace, name):
    path = workspace.folder / name
    path.write_bytes(pickle.dumps({'a': 1}))
    with pytest.raises(ValueError, match='is no prompt file'):
        workspace.prompt_file(path)


def test_a_pickle_called_json_is_no_json(workspace):
    path = workspace.folder / 'a.json'
    path.write_bytes(pickle.dumps({'a': 1}))
    with pytest.raises(ValueError, match='"a.json" is no json file'):
        workspace.prompt_file(path)


def test_prompts_are_limited(workspace):
    prompt = describe({'a': list('uvw'), 'b': list('xyz')}, None)
    with pytest.raises(ValueError, match='6 keypoints; at most 5'):
        workspace.check_prompt(prompt)


def test_errors_name_files_without_their_folders(workspace):
    error = OSError(f'The file "{workspace.folder}/ab/cd/x y.png" is bad.')
    assert workspace.plain(error) == 'The file "x y.png" is bad.'


def test_made_files_have_folders_of_their_own(workspace):
    first, second = (workspace.new_file('a.json') for _ in range(2))
    assert first.name == 'a.json' and first.parent != second.parent
    assert first.is_relative_to(workspace.folder)
    os.utime(first.parent, (0, 0))
    workspace.new_file('b.json')
    assert not first.parent.exists() and second.parent.exists()


def test_clips_are_webm_with_every_frame(tmp_path):
    path = tmp_path / 'a.webm'
    with ClipWriter(path, 12) as clip:
        for x in (5, 10, 15):
            clip.write(square('red', x, 6, size=(61, 41))[..., ::-1])
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FPS) == 12
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    assert [frame.shape for frame in frames] == [(40, 60, 3)] * 3
    assert frames[1][10, 14, 2] > 150 > frames[1][10, 40, 2]
