# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The command line that repeats a run."""

import shlex
from collections.abc import Sequence

from mmengine.config import Config


def repeat_command(words: Sequence[str], cfg: Config) -> str:
    """What to type to run a program again.

    Args:
        words: The program and its arguments.
        cfg: The config that it read. Variables of the environment that the
            config uses and that are set become part of the command.
    """
    used = [f'{k}={shlex.quote(v)}' for k, v in cfg.env_variables.items()]
    return ' '.join([*used, shlex.join(words)])
