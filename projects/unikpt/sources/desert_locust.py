# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Desert locust: locusts in a swarm from above."""

from projects.unikpt.deepposekit_source import (
    RELEASED,
    WHOLE,
    DeepPoseKitSource,
)
from projects.unikpt.source import register_source


@register_source
class DesertLocust(DeepPoseKitSource):
    """Desert Locust: 700 frames of 160 x 160 pixels.

    The set and mmpose have 35 keypoints; the paper counts 34.
    """

    name = 'desert_locust'
    title = 'Desert Locust'
    licence = 'Apache-2.0, as DeepPoseKit-Data.'
    page = 'https://github.com/jgraving/DeepPoseKit-Data'
    bibtex = """\
@article{graving2019deepposekit,
  title={DeepPoseKit, a software toolkit for fast and robust animal pose
    estimation using deep learning},
  author={Graving, Jacob M and Chae, Daniel and Naik, Hemal and Li, Liang and
    Koger, Benjamin and Costelloe, Blair R and Couzin, Iain D},
  journal={eLife},
  volume={8},
  pages={e47994},
  year={2019}
}"""
    tree = """\
Clone the page's repository; its folder datasets/locust is the set:
locust
|-- annotation_data_release.h5  (or another annotation set)
`-- skeleton.csv
mmpose's annotations/locust_{train,test}.json with a folder images are read
where there is no h5 file."""
    paper = dict(
        keypoints=34,
        categories=1,
        images=700,
        instances=700,
        unified_images=700,
        unified_instances=700,
    )
    annotations = {
        WHOLE: (
            RELEASED,
            f'datasets/locust/{RELEASED}',
            'datasets/locust/*.h5',
            '*.h5',
        ),
        'train': ('annotations/locust_train.json',),
        'test': ('annotations/locust_test.json', 'test_locust.json'),
    }
    folders = ('images', '')
    category = 'desert locust'
