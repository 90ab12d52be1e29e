# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
import tracemalloc
import warnings

import cv2
import jsonschema
import numpy as np
import pytest

from projects.common.apis.results import KeypointResult
from projects.common.datasets import CocoKeypointFile
from projects.common.engine.launch import quieten
from tests import dot_finder
from tests.conftest import REPO_ROOT
from tests.square_finder import (
    CONFIG,
    Camera,
    corners,
    places,
    square,
    write_video,
)
from tests.test_common.test_apis.test_inferencer import SCHEMA

SPOTS = [(3, 4), (20, 9), (40, 25)]


@pytest.fixture(scope='module')
def demo(load_tool):
    return load_tool('../demo/anykeypoint_demo.py')


@pytest.fixture
def run(demo, tmp_path, capsys):
    """Run the demo with the finder of squares: (exit code, stdout, stderr)."""
    config = tmp_path / 'finder.py'
    config.write_text(CONFIG)

    def run(*arguments, prompt=('--text', 'red')):
        options = ['--model', config, '--device', 'cpu', *prompt]
        options += ['--out', tmp_path / 'out', *arguments]
        capsys.readouterr()
        try:
            code = demo.main([str(option) for option in options])
        except SystemExit as stopped:
            code = stopped.code
        told = capsys.readouterr()
        return code, told.out, told.err.replace('\n', ' ')

    return run


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / 'pictures'
    for i, spot in enumerate(SPOTS):
        path = folder / ('deep' if i == 2 else '') / f'{i}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), square('red', *spot))
    return folder


def read(path):
    content = json.loads(path.read_text())
    jsonschema.validate(content, SCHEMA)
    return KeypointResult.from_dict(content)


def break_some(folder):
    (folder / 'bad.png').write_bytes(b'')
    (folder / 'text.jpg').write_text('no picture')
    good = (folder / '0.png').read_bytes()
    (folder / 'header.png').write_bytes(good[:20])


def test_a_folder_with_everything(run, folder, tmp_path):
    out = tmp_path / 'out'
    code, told, _ = run(folder, '--save-coco', '--batch-size', '2')
    assert code == 0
    assert '3 pictures, 3 objects' in told
    for i, spot in enumerate(SPOTS):
        name = f'deep/{i}.png' if i == 2 else f'{i}.png'
        result = read(out / 'predictions' / f'{name}.json')
        assert places(result) == corners(*spot)
        drawn = cv2.imread(str(out / 'visualizations' / name))
        assert max(drawn.shape) == 768
    file = CocoKeypointFile(str(out / 'predictions.coco.json'))
    names = [image['file_name'] for image in file.images]
    assert names == ['0.png', '1.png', 'deep/2.png']
    found = [
        file.instances(image)['gt_bboxes'].tolist() for image in file.images
    ]
    assert found[1] == [[20, 9, 29, 18]]
    settings = json.loads((out / 'run.json').read_text())['settings']
    assert settings['categories'] == ['red']


def test_broken_files_do_not_stop_the_rest(run, folder, tmp_path):
    break_some(folder)
    code, told, error = run(folder, '--save-coco')
    assert code == 1
    assert '3 pictures, 3 objects' in told
    for name in ('bad.png', 'text.jpg', 'header.png'):
        assert f'failed: {folder / name}: The file' in error
    assert '3 inputs failed' in error
    assert not (tmp_path / 'out/visualizations/bad.png').exists()
    coco = json.loads((tmp_path / 'out/predictions.coco.json').read_text())
    assert len(coco['images']) == 3
    # The next run tries them again, and only them.
    (folder / 'bad.png').write_bytes((folder / '1.png').read_bytes())
    code, told, error = run(folder, '--save-coco')
    assert code == 1 and '2 inputs failed' in error
    assert '3 pictures are done already' in told
    assert '1 pictures, 1 objects' in told
    assert 'coco.json: 4 pictures' in told


def test_a_run_goes_on_where_it_was(run, folder, tmp_path):
    first = folder / '0.png'
    assert run(first)[0] == 0
    drawn = tmp_path / 'out/visualizations/0.png'
    before = drawn.stat().st_mtime_ns
    code, told, _ = run(folder)
    assert (code, drawn.stat().st_mtime_ns) == (0, before)
    assert '1 pictures are done already' in told and '2 pictures' in told
    # All are there, but not the predictions.
    code, told, _ = run(folder, '--save-json')
    assert '3 pictures, 3 objects' in told
    assert drawn.stat().st_mtime_ns > before
    assert run(folder, '--save-json')[1] == '3 pictures are done already\n'
    code, told, _ = run(folder, '--overwrite')
    assert code == 0 and 'already' not in told
    # Results are in the folder of the pictures: they are no pictures.
    code, told, _ = run(tmp_path, '--save-json')
    assert '3 pictures' in told and code == 0


def test_other_settings_do_not_mix(run, folder):
    assert run(folder)[0] == 0
    code, _, error = run(folder, '--score-thr', '0.5')
    assert code == 2
    assert 'other settings (score_thr); give another --out' in error
    other = ('--text', 'green')
    code, _, error = run(folder, prompt=other)
    assert code == 2 and '(categories, prompt_sha256)' in error
    code, told, _ = run(folder, '--overwrite', prompt=other)
    assert code == 0 and '3 pictures, 0 objects' in told


def test_ten_pictures_and_names(run, tmp_path):
    paths = []
    for i in range(10):
        paths.append(tmp_path / f'{i}.jpg')
        cv2.imwrite(str(paths[-1]), square('red', 2 * i, i))
    code, told, _ = run(*paths, '--show-names', '--batch-size', '4')
    assert code == 0 and '10 pictures, 10 objects' in told
    plain = cv2.imread(str(tmp_path / 'out/visualizations/3.jpg'))
    run(*paths, '--overwrite')
    named = cv2.imread(str(tmp_path / 'out/visualizations/3.jpg'))
    assert (np.abs(plain.astype(int) - named) > 60).any(-1).sum() > 200
    twin = tmp_path / 'twin'
    twin.mkdir()
    cv2.imwrite(str(twin / '3.jpg'), square('red', 1, 1))
    code, _, error = run(*paths, twin / '3.jpg', '--overwrite')
    assert code == 2 and 'would write the same results, 3.jpg' in error


def test_a_video_of_300_frames(run, tmp_path):
    clip = tmp_path / 'clip.mp4'
    spots = [(i % 45, i // 12) for i in range(300)]
    write_video(clip, spots, size=(160, 120))
    tracemalloc.start()
    code, told, _ = run(clip, '--save-json', '--batch-size', '8')
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert code == 0 and 'clip.mp4: 300 frames, 300 objects' in told
    # All frames are 17 MB, and as much when drawn.
    assert peak < 10e6
    video = cv2.VideoCapture(str(tmp_path / 'out/visualizations/clip.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 300
    assert video.get(cv2.CAP_PROP_FPS) == 10
    assert video.get(cv2.CAP_PROP_FRAME_WIDTH) == 160
    lines = (tmp_path / 'out/predictions/clip.mp4.jsonl').read_text()
    records = [json.loads(line) for line in lines.splitlines()]
    assert [record['frame'] for record in records] == list(range(300))
    jsonschema.validate(records[7], SCHEMA)
    found = np.array([places(KeypointResult.from_dict(r))[0] for r in records])
    assert np.abs(found - spots).max() <= 3
    assert run(clip, '--save-json')[1] == f'{clip} is done already\n'
    code, told, _ = run(clip, '--max-frames', '20', '--overwrite')
    assert 'clip.mp4: 20 frames' in told


def test_attention_maps_are_written(run, tmp_path):
    config, picture = tmp_path / 'maps.py', tmp_path / 'dots.png'
    config.write_text(dot_finder.CONFIG_WITH_MAPS)
    cv2.imwrite(str(picture), dot_finder.dots(dot_finder.EXAMPLE))
    words = ('--text', 'two: red, blue')
    options = ('--model', config, '--save-maps')
    code, _, _ = run(picture, *options, prompt=words)
    assert code == 0
    maps = cv2.imread(str(tmp_path / 'out/maps/dots.png.png'))[..., ::-1]
    # Two maps of 384 x 282 under their titles.
    assert maps.shape == (282 + 18, 2 * 384, 3)
    tiles = maps[18:, :384].astype(int), maps[18:, 384:].astype(int)
    more = tiles[0] - tiles[1]
    for place, sign in zip(dot_finder.EXAMPLE[0:3:2], (1, -1)):
        x, y = (round(v * 384 / 300) for v in place)
        # Beside each dot, outside the box, one map is high.
        assert sign * (more[y, x - 15 * sign] @ (1, 0, -1)) > 50


def test_the_best_score_is_told_where_nothing_is_found(run, folder):
    code, told, _ = run(folder, '--score-thr', '0.95')
    assert code == 0
    assert 'the best score is 0.900; lower --score-thr' in told


def test_tracks_and_smoothing(run, tmp_path):
    clip = tmp_path / 'clip.avi'
    write_video(clip, [(20 + 3 * (i % 2), 10) for i in range(30)], 'MJPG')
    predictions = tmp_path / 'out/predictions/clip.avi.mp4.jsonl'

    def numbers_and_places(*options):
        assert run(clip, '--save-json', '--overwrite', *options)[0] == 0
        records = map(json.loads, predictions.read_text().splitlines())
        found = [record['instances'][0] for record in records]
        return (
            {one.get('track_id') for one in found},
            np.std([one['keypoints'][0]['x'] for one in found[10:]]),
        )

    assert numbers_and_places() == ({None}, pytest.approx(1.5, abs=0.3))
    assert numbers_and_places('--track', 'iou')[0] == {0}
    numbers, spread = numbers_and_places('--smooth')
    assert numbers == {0} and spread < 0.7


def test_cut_and_empty_videos(run, tmp_path):
    clip = tmp_path / 'clip.avi'
    write_video(clip, [(i, 10) for i in range(40)], 'MJPG')
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    junk = tmp_path / 'junk.mp4'
    junk.write_text('no video')
    code, told, error = run(clip, junk, tmp_path / 'no.mp4', '--save-json')
    assert code == 1
    assert 'ends after' in error and 'What was read is done' in error
    assert f'failed: {junk}: The video' in error
    assert '3 inputs failed' in error
    lines = tmp_path / 'out/predictions/clip.avi.mp4.jsonl'
    assert f'{len(lines.read_text().splitlines())} frames' in told


def test_a_camera_until_it_is_stopped(run, tmp_path, monkeypatch):
    original = cv2.VideoCapture

    def capture(source):
        return Camera(source) if source == 1 else original(source)

    monkeypatch.setattr(cv2, 'VideoCapture', capture)
    out = tmp_path / 'out/visualizations/webcam_1.mp4'
    code, told, _ = run('webcam:1', '--max-frames', '2')
    assert code == 0 and f'{out}: 2 frames' in told

    class Stopped(Camera):
        def read(self):
            if self.left == 1:
                raise KeyboardInterrupt
            return super().read()

    monkeypatch.setattr(
        cv2,
        'VideoCapture',
        lambda s: Stopped(s) if s == 1 else original(s),
    )
    code, told, _ = run('webcam:1', '--overwrite')
    assert code == 0 and f'{out}: 2 frames' in told


def test_supports_and_prompt_files(run, tmp_path, load_tool):
    picture = tmp_path / 'shown.png'
    cv2.imwrite(str(picture), square('red', 10, 20))
    flat = [v for x, y in corners(10, 20) for v in (x, y, 2)]
    flat[5] = 0
    content = {
        'images': [
            {'id': 1, 'file_name': 'shown.png', 'width': 60, 'height': 40}
        ],
        'categories': [{'id': 1, 'name': 'red', 'keypoints': ['a', 'b', 'c']}],
        'annotations': [
            {
                'id': 1,
                'image_id': 1,
                'category_id': 1,
                'keypoints': flat,
                'bbox': [10, 20, 10, 10],
            }
        ],
    }
    annotations = tmp_path / 'shown.json'
    annotations.write_text(json.dumps(content))
    support = ('--support', picture, '--support-keypoints', annotations)
    code, _, error = run(picture, '--save-json', '--panel', prompt=support)
    assert code == 0
    # 60 x 40 becomes 768 x 512; the example is a square of that height.
    drawn = cv2.imread(str(tmp_path / 'out/visualizations/shown.png'))
    assert drawn.shape == (512, 512 + 12 + 768, 3)
    assert "warning: no example of 'red' shows b; not looked for" in error
    result = read(tmp_path / 'out/predictions/shown.png.json')
    assert result.not_shown == {'red': ['b']}
    code, _, error = run(
        picture,
        '--overwrite',
        prompt=(*support, '--modality', 'combined', '--text', 'green'),
    )
    assert code == 0 and 'no example' not in error
    tool = load_tool('misc/make_prompt.py')
    prompt = tmp_path / 'prompt.json'
    tool.main(
        [str(annotations), '--support', str(picture), '--out', str(prompt)]
    )
    code, _, error = run(
        picture, '--save-json', '--overwrite', prompt=('--prompt', prompt)
    )
    assert code == 0
    again = read(tmp_path / 'out/predictions/shown.png.json')
    assert again == result


def test_wrong_arguments(run, folder, tmp_path):
    def refused(*arguments, **options):
        code, told, error = run(*arguments, **options)
        assert code == 2 and told == ''
        assert not (tmp_path / 'out').exists()
        return error

    assert 'No keypoints are known' in refused(folder, prompt=('--text', 'x'))
    twice = ('--text', 'red; red: a')
    assert 'duplicate category names' in refused(folder, prompt=twice)
    nothing = refused(folder, prompt=())
    assert 'does not say what it was trained to find; give --text' in nothing
    both = ('--text', 'red', '--prompt', 'p.json')
    assert 'give --prompt, or --text' in refused(folder, prompt=both)
    lone = ('--support', 'a.png')
    assert 'give --support and --supp' in refused(folder, prompt=lone)
    none = ('--prompt', tmp_path / 'no.json')
    assert 'prompt file' in refused(folder, prompt=none)
    assert 'There is no model' in refused(folder, '--model', 'no_model')
    assert 'holds no example to show' in refused(folder, '--panel')
    assert 'has no attention maps' in refused(folder, '--save-maps')
    for option, value, message in (
        ('--batch-size', '0', "'0' is not 1, 2, 3"),
        ('--max-frames', '-3', "'-3' is not 1, 2, 3"),
        ('--score-thr', 'nan', "'nan' is not from 0 to 1"),
        ('--kpt-thr', '9', "'9' is not from 0 to 1"),
        ('--nms-thr', 'much', "'much' is not from 0 to 1"),
        ('--modality', 'combined', '--modality is how to take --support'),
    ):
        assert message in refused(folder, option, value)
    turned = ('--bbox', '9', '0', '1', '5')
    assert '--bbox needs X1 < X2' in refused(folder, *turned)
    (tmp_path / 'empty').mkdir()
    assert 'holds no pictures' in refused(tmp_path / 'empty')


def test_folders_that_cannot_be_written(run, folder, tmp_path, monkeypatch):
    (tmp_path / 'out').write_text('a file')
    code, _, error = run(folder)
    assert code == 3
    assert 'error: The results cannot be written' in error
    (tmp_path / 'out').unlink()

    def denied(self, *args, **kwargs):
        raise PermissionError(13, 'Permission denied', str(self))

    monkeypatch.setattr('pathlib.Path.mkdir', denied)
    code, _, error = run(folder)
    assert code == 3 and 'Permission denied' in error


def test_a_full_disk_stops_the_run(run, folder, tmp_path, monkeypatch):
    from pathlib import Path

    write = Path.write_bytes

    def full(self, data):
        if 'visualizations/1.png' in str(self):
            write(self, data[:5])
            raise OSError(28, 'No space left on device')
        return write(self, data)

    monkeypatch.setattr(Path, 'write_bytes', full)
    code, told, error = run(folder, '--save-coco')
    assert code == 3
    assert 'No space left on device. Is there permission and space?' in error
    drawn = tmp_path / 'out/visualizations'
    assert sorted(p.name for p in drawn.iterdir()) == ['0.png']
    assert not (tmp_path / 'out/predictions.coco.json').exists()
    monkeypatch.undo()
    code, told, _ = run(folder, '--save-coco')
    assert code == 0 and '1 pictures are done already' in told


def test_interrupted(run, folder, tmp_path, monkeypatch):
    from projects.common.apis import OutputFolder

    write = OutputFolder.write

    def interrupted(self, name, *args, **kwargs):
        if name == '1.png':
            raise KeyboardInterrupt
        write(self, name, *args, **kwargs)

    monkeypatch.setattr(OutputFolder, 'write', interrupted)
    code, _, error = run(folder)
    assert code == 130 and 'what was finished is kept' in error
    assert (tmp_path / 'out/visualizations/0.png').exists()


def test_what_other_packages_tell_their_developers_is_not_shown():
    from transformers.utils import logging

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always')
        quieten()
        warnings.warn('torch.meshgrid: in an upcoming release', stacklevel=1)
        warnings.warn('something else', stacklevel=1)
    assert [str(w.message) for w in seen] == ['something else']
    assert not logging.is_progress_bar_enabled()


def test_the_help_has_examples_and_exit_codes(demo, capsys):
    with pytest.raises(SystemExit) as stopped:
        demo.main(['--help'])
    assert stopped.value.code == 0
    told = capsys.readouterr().out
    assert 'python demo/anykeypoint_demo.py photo.jpg --text' in told
    assert '3  the results could not be written' in told
    assert REPO_ROOT.joinpath('demo/anykeypoint_demo.py').is_file()
