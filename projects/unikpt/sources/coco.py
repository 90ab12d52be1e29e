# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""COCO keypoints: people in photographs."""

from projects.unikpt.coco_reader import CocoSource
from projects.unikpt.source import register_source


@register_source
class Coco(CocoSource):
    """The keypoint annotation of COCO 2017.

    The paper counts the pictures and people with labelled keypoints; the
    files hold others too.
    """

    name = 'coco'
    title = 'COCO'
    licence = 'Annotation CC BY 4.0; pictures under the terms of Flickr.'
    page = 'https://cocodataset.org/#download'
    bibtex = """\
@inproceedings{lin2014microsoft,
  title={Microsoft COCO: Common Objects in Context},
  author={Lin, Tsung-Yi and Maire, Michael and Belongie, Serge and Hays,
    James and Perona, Pietro and Ramanan, Deva and Doll{\\'a}r, Piotr and
    Zitnick, C Lawrence},
  booktitle={European Conference on Computer Vision},
  year={2014}
}"""
    tree = """\
Download "2017 Train images", "2017 Val images" and "2017 Train/Val
annotations" and unpack all into one folder:
coco
|-- annotations
|   |-- person_keypoints_train2017.json
|   `-- person_keypoints_val2017.json
|-- train2017
|   `-- 000000000009.jpg ...
`-- val2017
    `-- 000000000139.jpg ..."""
    paper = dict(
        keypoints=17,
        categories=1,
        images=58945,
        instances=156165,
        unified_images=58945,
        unified_instances=156165,
    )
    annotations = {
        'train': ('annotations/person_keypoints_train2017.json',),
        'val': (
            'annotations/person_keypoints_val2017.json',
            'test_coco.json',
        ),
    }
    folders = ('{split}2017', 'images/{split}2017', '')
