# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Tables of what was measured here, what others report, and mmpose's zoo."""

from projects.benchmarks.leaderboard.boards import ORIGINS, Board, Row
from projects.benchmarks.leaderboard.measured import measured_boards
from projects.benchmarks.leaderboard.page import to_page
from projects.benchmarks.leaderboard.reported import reported_boards
from projects.benchmarks.leaderboard.tables import to_csv, to_markdown
from projects.benchmarks.leaderboard.zoo import zoo_boards, zoo_folder
from projects.common import compat  # noqa: F401  before anything of mmpose

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
