# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""SynthKPT, a short training, evaluation, pictures, PPM: ``make demo``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == '__main__':
    # Not above: processes that draw pictures import this file too.
    from projects.ppm.demo import render_part, run_part
    from projects.xpose.demo.parts import DemoPart
    from projects.xpose.demo.run import main

    text = 'PPM: keypoints learned from one picture'
    sys.exit(main(parts=[DemoPart('ppm', text, run_part, render_part)]))
