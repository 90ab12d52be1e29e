# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Tables of what was measured here, what others report, and mmpose's zoo."""

from projects.common import compat  # noqa: F401  before anything of mmpose
from projects.common.leaderboard.boards import ORIGINS, Board, Row
from projects.common.leaderboard.measured import measured_boards
from projects.common.leaderboard.page import to_page
from projects.common.leaderboard.reported import reported_boards
from projects.common.leaderboard.tables import to_csv, to_markdown
from projects.common.leaderboard.zoo import zoo_boards, zoo_folder

__all__ = [
    'ORIGINS',
    'Board',
    'Row',
    'measured_boards',
    'reported_boards',
    'to_csv',
    'to_markdown',
    'to_page',
    'zoo_boards',
    'zoo_folder',
]
