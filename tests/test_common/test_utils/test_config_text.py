# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
from mmengine.config import Config

from projects.common.utils.config_text import plain_config, read_config
from tests.conftest import REPO_ROOT

VALUES = {
    'a': {'b': [1, -2.5, None, True, 'x'], '1c': {}},
    'scale': float('inf'),
    'pair': (1, 2),
    'model': {'type': 'mmpose.XPose', 'hooks': [{'type': 'EMAHook'}]},
}


def test_what_mmengine_writes_is_read():
    text = Config(VALUES).pretty_text
    assert read_config(text) == VALUES
    assert plain_config(text, 'a.pth').to_dict() == VALUES
    imports = "custom_imports = dict(imports=['no_such_module'])\n"
    assert plain_config(imports + text, 'a.pth').to_dict() == VALUES


def test_every_config_of_ours_is_plain():
    paths = sorted((REPO_ROOT / 'configs').rglob('xpose_*.py'))[::5]
    for path in paths:
        config = Config.fromfile(path)
        plain = plain_config(config.pretty_text, str(path))
        config.pop('custom_imports')
        assert plain.pretty_text == config.pretty_text


@pytest.mark.parametrize(
    'code, message',
    [
        ('a = open("{bad}", "w")', 'line 1, "open(.*could run code'),
        ('a = 1\nb = dict(c=[open("{bad}", "w")])', 'line 2, "open('),
        ('open("{bad}", "w")', 'line 1, "open('),
        ('import os', 'line 1, "import os"'),
        ('a = dict(**open("{bad}", "w"))', 'line 1, "open('),
        ('for a in [1]:\n    b = 1', 'line 1, "for a in'),
        ('a = 1 +', 'invalid syntax in line 1'),
        (
            'model = dict(type="subprocess.call", args=["touch", "{bad}"])',
            "the type 'subprocess.call' is no registered name",
        ),
        ('a = [dict(type="mmengine.utils.x")]', "type 'mmengine.utils.x'"),
        ('a = dict(type=["x"])', r"the type \['x'\] is no registered"),
    ],
)
def test_code_is_refused_and_not_run(code, message, tmp_path):
    bad = tmp_path / 'bad'
    code = code.replace('{bad}', str(bad))
    message = message.replace('(', r'\(')
    with pytest.raises(ValueError, match=message) as error:
        plain_config(code, 'foreign.pth')
    assert 'The config in "foreign.pth" was not read' in str(error.value)
    assert 'trust_config=True' in str(error.value)
    read_config(code if code != 'a = 1 +' else 'a = 1')
    assert not bad.exists()
