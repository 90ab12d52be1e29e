# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the README and the docs tell people to type has to exist."""

import importlib.util
import re
import shlex

import pytest

from projects.synthkpt.registry import all_shapes
from projects.synthkpt.splits import category_records, split_files
from projects.synthkpt.writer import SIZES
from tests.conftest import REPO_ROOT

DOCUMENTS = {
    str(path.relative_to(REPO_ROOT)): path.read_text(encoding='utf-8')
    for path in (
        *sorted(REPO_ROOT.glob('*.md')),
        *sorted((REPO_ROOT / 'projects').rglob('*.md')),
        *sorted((REPO_ROOT / 'docs').rglob('*.md')),
    )
}
README = DOCUMENTS['README.md']
TARGETS = set(
    re.findall(r'^([a-z]+):', (REPO_ROOT / 'Makefile').read_text(), re.M)
)
FOLDERS = ('tools/', 'demo/', 'configs/', 'checkpoints/', 'requirements/')
# Their commands write the checkpoints that they name.
CONVERTERS = 'tools/model_converters/'
ROOMS = 'projects/*/__init__.py'
CONFIGS = REPO_ROOT / 'configs/promptable_2d_keypoint/xpose'


def commands(text):
    """The shell lines of a document, without comments."""
    blocks = re.findall(r'```(?:bash|shell)\n(.*?)```', text, flags=re.S)
    lines = '\n'.join(blocks).replace('\\\n', ' ').splitlines()
    return [c for line in lines if (c := line.split('#')[0].strip())]


def missing(command, written=()):
    """Names in a shell line that do not exist in the repository."""
    words = shlex.split(command)
    while re.match(r'[A-Z_]+=', words[0]):  # variables of the environment
        words = words[1:]
    absent = []
    if words[0] == 'make':
        goals = [w for w in words[1:] if '=' not in w and w[0] != '-']
        absent += [goal for goal in goals if goal not in TARGETS]
    for before, word in zip(words, words[1:]):
        ours = word.startswith(('projects.', 'tools.'))
        if before == '-m' and ours and not importlib.util.find_spec(word):
            absent.append(word)
    absent += [
        word
        for word in words
        if word.startswith(FOLDERS)
        and word not in written
        and not (REPO_ROOT / word).exists()
    ]
    return absent


def written_checkpoints(text):
    """Checkpoints that commands of a document convert or publish."""
    return {
        word
        for command in commands(text)
        if CONVERTERS in command
        for word in shlex.split(command)
        if word.startswith('checkpoints/')
    }


def written_configs(text):
    """Config files that a document tells its reader to write."""
    return set(re.findall(r'`(configs/[^`]+\.py)`:\n\n```python\n', text))


@pytest.mark.parametrize(
    'document, command',
    [(d, c) for d, text in DOCUMENTS.items() for c in commands(text)],
)
def test_command_names_what_exists(document, command):
    text = DOCUMENTS[document]
    written = written_checkpoints(text) | written_configs(text)
    assert missing(command, written) == []


def test_the_first_commands_are_there():
    for command in ('make demo', 'make test', 'make lint'):
        assert command in commands(README)
    # CI runs the demo that the README shows, in its reduced size.
    assert (
        'make demo DEMO_ARGS=--reduced'
        in (REPO_ROOT / '.ci' / 'run').read_text()
    )


@pytest.mark.parametrize(
    'command, absent',
    [
        ('make paint', ['paint']),
        ('A=b make paint', ['paint']),
        ('make test TEST_ARGS="-k x"', []),
        ('python tools/no.py configs/no.py', ['tools/no.py', 'configs/no.py']),
        ('python -m projects.common.no', ['projects.common.no']),
        ('python -m pip install torch', []),
        ('python x.py checkpoints/a.pth', ['checkpoints/a.pth']),
    ],
)
def test_the_check_itself(command, absent):
    assert missing(command) == absent


def test_commands_and_written_checkpoints_are_found():
    text = (
        '```shell\na \\\n  b  # c\n```\n```python\nx\n```\n```bash\n'
        f'python {CONVERTERS}convert.py in.pth checkpoints/out.pth\n```'
    )
    assert commands(text)[0].split() == ['a', 'b']
    assert len(commands(text)) == 2
    written = written_checkpoints(text)
    assert written == {'checkpoints/out.pth'}
    assert missing('python x.py checkpoints/out.pth', written) == []


def test_configs_that_the_reader_writes():
    text = 'A file of yours, `configs/a/b.py`:\n\n```python\nx = 1\n```\n'
    assert written_configs(text + '`configs/c.py` is there.') == {
        'configs/a/b.py'
    }


@pytest.mark.parametrize('document', DOCUMENTS)
def test_links_to_files_exist(document):
    folder = (REPO_ROOT / document).parent
    links = re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', DOCUMENTS[document])
    assert [link for link in links if not (folder / link).exists()] == []


def test_architecture_names_paths_that_exist():
    text = DOCUMENTS['ARCHITECTURE.md']
    paths = set(re.findall(r'(?<![\w/(])(?:[\w-]+/)+[\w.-]*\w', text))
    assert len(paths) > 50
    absent = [p for p in paths if not (REPO_ROOT / p).exists()]
    assert absent == []
    rooms = {f'projects/{p.parent.name}' for p in REPO_ROOT.glob(ROOMS)}
    assert rooms <= paths


@pytest.mark.parametrize('room', ['xpose', 'ppm'])
def test_readmes_of_methods_name_folders_that_exist(room):
    text = DOCUMENTS[f'projects/{room}/README.md']
    folders = re.findall(r'^\| `([\w/]+)`', text, flags=re.M)
    assert len(folders) > 5
    for folder in folders:
        assert (REPO_ROOT / 'projects' / room / folder).is_dir(), folder


def test_buttons_of_the_page_are_where_architecture_says():
    rows = re.findall(
        r'^\| (\*.*?) \| `(projects/app/\w+\.py)`',
        DOCUMENTS['ARCHITECTURE.md'],
        flags=re.M,
    )
    assert len(rows) == 3
    for buttons, path in rows:
        source = (REPO_ROOT / path).read_text()
        for label in re.findall(r'\*(.+?)\*', buttons):
            assert f"Button('{label}'" in source, label


def test_annotation_files_of_synthkpt_have_the_names_it_writes():
    records = category_records(all_shapes())
    names = [
        *(f'synthkpt_{split}' for split in SIZES['full']),
        *split_files(records, 0),
        # What tools/analysis_tools/compare_mmpose.py makes of them.
        *('fixed_human_val', 'fixed_animal_val'),
    ]
    known = {'synthkpt.json', *(f'annotations/{name}.json' for name in names)}
    found = [
        (document, name)
        for document, text in DOCUMENTS.items()
        for name in re.findall(r'data/synthkpt/([\w/.-]+\.json)', text)
    ]
    assert found
    assert [(d, name) for d, name in found if name not in known] == []


def test_training_guide_lists_every_config():
    guide = DOCUMENTS['docs/guides/training.md']
    names = [path.name for path in CONFIGS.glob('*.py')]
    assert names
    assert [name for name in names if f'`{name}`' not in guide] == []


def test_config_for_own_data_is_complete(tmp_path):
    from mmengine.config import Config

    blocks = re.findall(r'```python\n(.*?)```', README, flags=re.S)
    text = next(block for block in blocks if '_base_' in block)
    path = tmp_path / 'own.py'
    path.write_text(text.replace("'./", f"'{CONFIGS}/"))
    config = Config.fromfile(path)
    train = config.train_dataloader.dataset.dataset
    for dataset, split in (
        (train, 'train'),
        (config.val_dataloader.dataset, 'val'),
        (config.test_dataloader.dataset, 'val'),
    ):
        assert dataset.type == 'PromptCocoDataset' and dataset.pipeline
        assert dataset.data_root == 'data/mouse/'
        assert dataset.ann_file == f'annotations/{split}.json'
        assert dataset.data_prefix.img == 'images/'
    for evaluator in (config.val_evaluator, config.test_evaluator):
        assert evaluator.ann_file == 'data/mouse/annotations/val.json'
