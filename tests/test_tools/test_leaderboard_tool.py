# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import csv
import json
import os
import re
import shutil
import subprocess

import pytest

from projects.benchmarks.results import record

BROWSER = next(
    filter(
        None,
        map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome')),
    ),
    None,
)
# Runs in the page, after its own script: what a reader's clicks do.
CLICKS = """
<script>
{
const board = [...document.querySelectorAll('details.board')].find(
  (one) => one.textContent.startsWith('MP-100, unseen sub-categories, 1'));
const table = board.querySelector('table');
const head = (name) => [...table.querySelectorAll('th button')].find(
  (one) => one.textContent === name);
const seen = {};
const note = (name) => { seen[name] = [...table.tBodies[0].rows].map(
  (row) => row.cells[0].textContent + ' ' + row.cells[1].textContent); };
note('start');
head('split 3').click();
note('best first');
seen.arrow = head('split 3').closest('th').getAttribute('aria-sort');
head('split 3').click();
note('worst first');
head('ms per object').click();
note('fastest first');
head('method').click();
note('by name');
const search = document.querySelector('input');
search.value = 'escape';
search.dispatchEvent(new Event('input'));
seen.found = [...document.querySelectorAll('tbody tr')].filter(
  (row) => !row.hidden && !row.closest('details.board').hidden).length;
seen.scripts = document.querySelectorAll('[src], link').length;
document.body.innerHTML = '<pre>' + JSON.stringify(seen) + '</pre>';
}
</script>
"""


@pytest.fixture(scope='module')
def main(load_tool):
    return load_tool('analysis_tools/leaderboard.py').main


def test_the_committed_leaderboard_is_up_to_date(main, capsys):
    assert main(['--check']) == 0, capsys.readouterr().err


@pytest.fixture
def results(tmp_path):
    path = tmp_path / 'partial.json'
    record(
        path,
        claim='a part',
        metrics={'keypoint/AP': 0.5, 'num_images': 2, 'num_images_total': 9},
        config='config.py',
        command='run',
        protocol='OKS',
    )
    return path


def test_write_then_check(main, results, tmp_path, capsys):
    out = tmp_path / 'sub' / 'board'
    argv = [str(results), '--no-zoo', '--out', str(out)]
    assert main([*argv, '--check']) == 1
    assert f'{out}.md is out of date' in capsys.readouterr().err
    assert main(argv) == 0
    assert main([*argv, '--check']) == 0
    text = out.with_suffix('.md').read_text()
    assert '| a part [PARTIAL: 2 of 9 pictures] | config | 0.5 | 1 |' in text
    assert '## Reported by others' in text
    assert "## mmpose's model zoo" not in text
    with out.with_suffix('.csv').open(newline='') as file:
        (row,) = (r for r in csv.DictReader(file) if r['method'] == 'a part')
    assert (row['Measured here'], row['stamp']) == (
        '0.5',
        'PARTIAL: 2 of 9 pictures',
    )
    assert 'PARTIAL: 2 of 9 pictures' in out.with_suffix('.html').read_text()


def test_a_missing_file_is_a_sentence(main, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path / 'none.json')])
    assert stop.value.code == 2
    assert 'error: There is no results file' in capsys.readouterr().err


def run_page(page, folder):
    """The page as the browser has it after its scripts."""
    path = folder / 'page.html'
    path.write_text(page, encoding='utf-8')
    done = subprocess.run(
        [
            BROWSER,
            *('--headless', '--disable-gpu', '--dump-dom'),
            f'--user-data-dir={folder / "profile"}',
            # Containers rarely allow the sandbox; the page is our own.
            *(['--no-sandbox'] if os.geteuid() == 0 else []),
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return json.loads(re.search('<pre>(.*?)</pre>', done.stdout, re.S)[1])


@pytest.mark.skipif(
    BROWSER is None,
    reason='no chromium or google-chrome is installed (apt-get install '
    'chromium): sorting in the page cannot be tried',
)
def test_clicks_sort_the_page_in_a_browser(main, tmp_path):
    out = tmp_path / 'board'
    assert main(['--no-zoo', '--out', str(out)]) == 0
    page = out.with_suffix('.html').read_text(encoding='utf-8')
    seen = run_page(page.replace('</body>', CLICKS + '</body>'), tmp_path)
    # By the mean at first, then by split 3: other methods lead.
    assert seen['start'][:3] == [
        'GraphCape SwinV2-S, skeleton',
        'EdgeCape DINOv2 + DPT, skeleton',
        'SCAPE DINOv2',
    ]
    assert seen['best first'][:4] == [
        'GraphCape SwinV2-S, skeleton',
        'EdgeCape DINOv2 + DPT, skeleton',
        'SCAPE DINOv2',
        'GraphCape SwinV2-T, skeleton',
    ]
    assert seen['arrow'] == 'descending'
    # A row without the figure stays last both ways.
    assert seen['best first'][-2:] == [
        'ProtoNet ResNet-50',
        'CapeFormer ResNet-50',
    ]
    assert seen['worst first'][:2] == [
        'ProtoNet ResNet-50',
        'MAML ResNet-50',
    ]
    assert seen['worst first'][-1] == 'CapeFormer ResNet-50'
    # Less is better: 57 ms before 151, numbers and not texts.
    assert [text.split()[0] for text in seen['fastest first'][:3]] == [
        'CapeFormer',
        'CapeFormer',
        'POMNet',
    ]
    names = [text.split()[0] for text in seen['by name']]
    assert names[:4] == ['CapeFormer', 'CapeFormer', 'EdgeCape', 'ESCAPE']
    assert names[-1] == 'X-Pose'
    assert seen['found'] == 2  # ESCAPE with 1 and with 5 shots
    assert seen['scripts'] == 0
