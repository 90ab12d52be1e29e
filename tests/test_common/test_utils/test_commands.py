# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
from mmengine.config import Config

from projects.common.utils.commands import repeat_command


def test_variables_that_the_config_used(tmp_path, monkeypatch):
    path = tmp_path / 'c.py'
    path.write_text("a = '{{$SPLIT_OF_TEST:1}}'\nb = '{{$OTHER_OF_TEST:2}}'\n")
    monkeypatch.setenv('SPLIT_OF_TEST', 'two words')
    monkeypatch.delenv('OTHER_OF_TEST', raising=False)
    cfg = Config.fromfile(path)
    assert (cfg.a, cfg.b) == ('two words', '2')
    words = ['python', 'tools/x.py', 'c.py', '--claim', 'a b']
    found = repeat_command(words, cfg)
    assert found == (
        "SPLIT_OF_TEST='two words' python tools/x.py c.py --claim 'a b'"
    )
