# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The figures that the docs of this repository show."""

import json
import re
from dataclasses import replace

from projects.benchmarks.results import (
    load_entries,
    render_document,
    verify_entries,
)
from projects.synthkpt.writer import SIZES

SHIPPED = 'checkpoints/xpose_tiny_synthkpt.pth'


def results_files(root):
    files = sorted((root / 'docs' / 'results').glob('*.json'))
    assert files, 'docs/results holds no figures; write them with --record.'
    return files


def other_size_of_synthkpt(root):
    """Whether data/synthkpt holds a set that no figure was measured on."""
    manifest = root / 'data/synthkpt/synthkpt.json'
    if not manifest.is_file():
        return False
    content = json.loads(manifest.read_text())
    return content['counts'] != SIZES['full'] or not content['complete']


def test_the_shipped_checkpoint_has_figures(repo_root):
    entries = [e for f in results_files(repo_root) for e in load_entries(f)]
    metrics = {e.metric for e in entries if e.checkpoint == SHIPPED}
    assert 'keypoint/AP' in metrics, (
        f'No file of docs/results has an AP of {SHIPPED}; write it with '
        'tools/test.py --record.'
    )


def test_configs_checkpoints_and_data_are_those_of_the_entries(repo_root):
    small = other_size_of_synthkpt(repo_root)
    for path in results_files(repo_root):
        entries = [
            replace(e, data='')
            if small and e.data.startswith('data/synthkpt/')
            else e
            for e in load_entries(path)
        ]
        assert verify_entries(entries, repo_root) == []


def test_no_figure_depends_on_this_machine(repo_root):
    for path in results_files(repo_root):
        for entry in load_entries(path):
            text = (
                f'{entry.command} {entry.data} {entry.config} '
                f'{entry.checkpoint}'
            )
            assert not re.search(r'(^|[\s=])/', text), (path, text)


def test_tables_are_up_to_date(repo_root):
    folders = ('*.md', 'docs/**/*.md', 'checkpoints/*.md')
    documents = [p for folder in folders for p in repo_root.glob(folder)]
    for path in documents:
        text = path.read_text(encoding='utf-8')
        assert render_document(text, repo_root / 'docs/results') == text, path
