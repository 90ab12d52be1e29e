# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Has moved to ``python -m projects.doctor``; goes with the next release."""

import runpy

if __name__ == '__main__':
    runpy.run_module('projects.doctor', run_name='__main__')
