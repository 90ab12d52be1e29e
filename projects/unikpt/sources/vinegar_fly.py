# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Vinegar fly: a walking fly from above."""

from projects.unikpt.deepposekit_source import (
    RELEASED,
    WHOLE,
    DeepPoseKitSource,
)
from projects.unikpt.source import register_source


@register_source
class VinegarFly(DeepPoseKitSource):
    """Vinegar Fly: 1,500 frames of 192 x 192 pixels.

    The set and mmpose have 32 keypoints; the paper counts 31.
    """

    name = 'vinegar_fly'
    title = 'Vinegar Fly'
    licence = 'Apache-2.0, as DeepPoseKit-Data.'
    page = 'https://github.com/jgraving/DeepPoseKit-Data'
    bibtex = """\
@article{pereira2019fast,
  title={Fast animal pose estimation using deep neural networks},
  author={Pereira, Talmo D and Aldarondo, Diego E and Willmore, Lindsay and
    Kislin, Mikhail and Wang, Samuel S-H and Murthy, Mala and Shaevitz,
    Joshua W},
  journal={Nature Methods},
  volume={16},
  number={1},
  pages={117--125},
  year={2019}
}"""
    tree = """\
Clone the page's repository; its folder datasets/fly is the set:
fly
|-- annotation_data_release.h5  (or another annotation set)
`-- skeleton.csv
mmpose's annotations/fly_{train,test}.json with a folder images are read
where there is no h5 file."""
    paper = dict(
        keypoints=31,
        categories=1,
        images=1500,
        instances=1500,
        unified_images=1500,
        unified_instances=1500,
    )
    annotations = {
        WHOLE: (
            RELEASED,
            f'datasets/fly/{RELEASED}',
            'datasets/fly/*.h5',
            '*.h5',
        ),
        'train': ('annotations/fly_train.json',),
        'test': ('annotations/fly_test.json', 'test_fly.json'),
    }
    folders = ('images', '')
    category = 'vinegar fly'
