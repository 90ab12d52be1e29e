# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The web page in a real browser, with a model whose results are known."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest

from tests.conftest import REPO_ROOT
from tests.dot_finder import CONFIG, CONFIG_WITH_MAPS, EXAMPLE, OTHER, dots

pytest.importorskip('gradio', reason='the extra "app" is not installed')
sync_api = pytest.importorskip(
    'playwright.sync_api', reason='playwright drives the browser'
)
CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason='no chromium: apt-get install chromium'
    ),
]
#: Milliseconds; a busy machine is slow.
PATIENCE = 120_000


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('web')


@pytest.fixture(scope='module')
def server(folder):
    """Address of a running page that takes files of 1 MB."""
    config, maps = folder / 'dots.py', folder / 'maps.py'
    config.write_text(CONFIG)
    maps.write_text(CONFIG_WITH_MAPS)
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    log = folder / 'log.txt'
    command = [sys.executable, str(REPO_ROOT / 'demo' / 'app.py')]
    command += ['--model', str(config), '--model', str(maps)]
    command += ['--port', str(port)]
    command += ['--folder', str(folder / 'work'), '--max-megabytes', '1']
    with open(log, 'w') as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=output,
            stderr=output,
            env={**os.environ, 'OMP_NUM_THREADS': '1'},
        )
    address = f'http://127.0.0.1:{port}'
    try:
        _wait(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait(address, process, log):
    end = time.monotonic() + 600
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=60)
            return
        except OSError:
            time.sleep(1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope='module')
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox', '--disable-gpu']
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(server, browser):
    """Open the page as another visitor: its page and all hosts it asked."""
    contexts = []

    def visit(width=1280, height=900):
        context = browser.new_context(
            viewport={'width': width, 'height': height},
            accept_downloads=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.hosts = set()
        page.on('request', lambda r: page.hosts.add(r.url.split('/')[2]))
        page.goto(server, timeout=PATIENCE)
        page.wait_for_selector('#samples img')
        return page

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture(scope='module')
def pictures(folder):
    paths = folder / 'example.png', folder / 'other.png'
    cv2.imwrite(str(paths[0]), dots(EXAMPLE))
    cv2.imwrite(str(paths[1]), dots(OTHER, (400, 300)))
    return paths


def press(page, name):
    page.get_by_role('button', name=name, exact=True).click()


def click_points(page, places, size=(300, 220)):
    """Click in the canvas at places of the example; waits for each."""
    for number, (x, y) in enumerate(places, 1):
        image = page.locator('#canvas img')
        box = image.bounding_box()
        scale = box['width'] / size[0]
        image.click(position={'x': (x + 0.5) * scale, 'y': (y + 0.5) * scale})
        page.wait_for_selector(f'#chosen label:nth-of-type({number})')
        page.wait_for_timeout(300)  # the new canvas


def download(page, name, path):
    with page.expect_download() as waiting:
        page.get_by_text(name, exact=True).click()
    waiting.value.save_as(path)
    return path


def find(page, picture, path):
    """Look in a picture: {keypoint: (x, y)} of the downloaded json."""
    page.locator('#files input').set_input_files(str(picture))
    page.wait_for_selector(f'#files >> text={picture.stem}')
    press(page, 'Find the keypoints')
    page.wait_for_selector('text=Found 1 object from')
    [result] = json.loads(download(page, 'Points (json)', path).read_text())
    [one] = result['instances']
    return {k['name']: (k['x'], k['y']) for k in one['keypoints']}


def close_to(places, expected):
    return np.abs(np.array(places) - np.array(expected)).max() < 0.51


def test_clicked_example_downloaded_and_loaded_again(visit, pictures, folder):
    page, second = visit(), visit(390, 844)
    with page.expect_file_chooser() as chooser:
        press(page, 'Upload an example')
    chooser.value.set_files(str(pictures[0]))
    page.wait_for_selector('#canvas img')
    click_points(page, EXAMPLE)
    press(page, 'Use this example')
    page.wait_for_selector('text=Looking for object')
    # Another visitor asks for something else in between.
    second.get_by_role('tab', name='In words').click()
    second.locator('#words textarea').fill('two: blue, red')
    press(second, 'Use these words')
    second.wait_for_selector('text=Looking for two')
    found = find(page, pictures[1], folder / 'first.json')
    other = find(second, pictures[1], folder / 'second.json')
    assert list(found) == [f'point {i}' for i in range(1, 6)]
    assert close_to(list(found.values()), OTHER)
    assert list(other) == ['blue', 'red']
    assert close_to(list(other.values()), [OTHER[2], OTHER[0]])
    prompt = download(page, 'Download the prompt file', folder / 'prompt.json')
    [category] = json.loads(prompt.read_text())['categories']
    [example] = category['examples']
    clicked = np.array(example['keypoints'])[:, :2]
    shift = np.array(EXAMPLE[0]) - clicked[0]
    assert np.abs(clicked + shift - EXAMPLE).max() < 2  # pixels
    # A third visitor loads that file.
    third = visit()
    third.get_by_role('tab', name='From a file').click()
    third.locator('#prompt-file input').set_input_files(str(prompt))
    third.wait_for_selector('#prompt-file >> text=prompt')
    press(third, 'Use this file')
    third.wait_for_selector('text=Looking for object')
    assert find(third, pictures[1], folder / 'third.json') == found
    address = {page.url.split('/')[2]}
    assert page.hosts == second.hosts == third.hosts == address
    for shown, width in ((page, 1280), (second, 390)):
        shown.screenshot(path=folder / f'page_{width}.png', full_page=True)
        inner = shown.evaluate('document.documentElement.scrollWidth')
        assert inner <= width  # nothing sticks out


def drawn(page):
    """The drawn picture, (h, w, 3) RGB; pixels as the browser shows them."""
    page.wait_for_timeout(1500)
    shot = page.locator('#drawn img').first.screenshot()
    return cv2.imdecode(np.frombuffer(shot, np.uint8), 1)[..., ::-1]


def test_example_and_attention_map_are_drawn(visit, pictures, folder):
    page = visit()
    page.get_by_label('Model').click()
    page.get_by_role('option', name='maps', exact=True).click()
    page.get_by_role('tab', name='In words').click()
    page.locator('#words textarea').fill('two: blue, red')
    press(page, 'Use these words')
    page.wait_for_selector('text=Looking for two')
    find(page, pictures[1], folder / 'maps.json')
    assert not page.locator('#panel').is_visible()  # words: no example
    page.locator('#attention input').click()
    page.get_by_role('option', name='blue', exact=True).click()
    image = drawn(page).astype(int)
    red = image[..., 0] - image[..., 2]
    scale = image.shape[1] / 400
    for (x, y), high in ((OTHER[2], True), (OTHER[4], False)):
        beside = red[round((y + 14) * scale), round(x * scale)]
        assert (beside > 0) == high
    # A model without maps has no such control, but the example beside.
    page = visit()
    with page.expect_file_chooser() as chooser:
        press(page, 'Upload an example')
    chooser.value.set_files(str(pictures[0]))
    page.wait_for_selector('#canvas img')
    click_points(page, EXAMPLE[:2])
    press(page, 'Use this example')
    page.wait_for_selector('text=Looking for object')
    find(page, pictures[1], folder / 'panel.json')
    assert not page.locator('#attention').is_visible()
    page.locator('#panel input').click()
    height, width = drawn(page).shape[:2]
    # 768 x 576 with a square of 576 and a gap of 12 beside it.
    assert width / height == pytest.approx((768 + 12 + 576) / 576, rel=0.02)
    page.screenshot(path=folder / 'panel.png', full_page=True)


def test_what_is_too_large_or_no_prompt_is_refused(visit, folder):
    page = visit()
    large = folder / 'large.png'
    noise = np.random.default_rng(0).integers(0, 256, (800, 800, 3))
    cv2.imwrite(str(large), noise.astype(np.uint8))
    assert large.stat().st_size > 2**20
    page.locator('#files input').set_input_files(str(large))
    page.wait_for_selector('text=/exceeds|maximum|too large/i')
    wide = folder / 'wide.png'
    cv2.imwrite(str(wide), np.zeros((1, 13000, 3), np.uint8))
    with page.expect_file_chooser() as chooser:
        press(page, 'Upload an example')
    chooser.value.set_files(str(wide))
    page.wait_for_selector('text=has 13000 x 1 pixels')
    page.get_by_role('tab', name='From a file').click()
    bad = folder / 'bad.json'
    bad.write_bytes(b'\x80\x04}.')
    page.locator('#prompt-file input').set_input_files(str(bad))
    page.wait_for_selector('#prompt-file >> text=bad')
    press(page, 'Use this file')
    page.wait_for_selector('text="bad.json" is no json file')


def test_files_of_the_machine_are_not_served(server, folder):
    for path in ('/etc/hosts', folder / 'dots.py', REPO_ROOT / 'README.md'):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f'{server}/gradio_api/file={path}')
        assert refused.value.code in (403, 404)
