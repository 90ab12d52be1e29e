# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""SynthKPT, a short training, evaluation, pictures, PPM: ``make demo``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    # Not above: processes that draw pictures import this file too.
    from projects.showcase.parts import DemoPart
    from projects.showcase.ppm import render_part, run_part
    from projects.showcase.run import main

    text = 'PPM: keypoints learned from one picture'
    sys.exit(main(parts=[DemoPart('ppm', text, run_part, render_part)]))
