# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Human-Art: people in photographs, paintings, sculptures and drawings."""

from collections.abc import Mapping
from typing import Any

from projects.unikpt.coco_reader import CocoSource
from projects.unikpt.entries import plain
from projects.unikpt.source import register_source


@register_source
class HumanArt(CocoSource):
    """Human-Art with its seventeen points and the scene as style."""

    name = 'humanart'
    title = 'Human-Art'
    licence = (
        'For non-commercial research, on request by a form of the page; '
        'each picture keeps the rights of its author.'
    )
    page = 'https://idea-research.github.io/HumanArt/'
    bibtex = """\
@inproceedings{ju2023human,
  title={Human-Art: A Versatile Human-Centric Dataset Bridging Natural and
    Artificial Scenes},
  author={Ju, Xuan and Zeng, Ailing and Wang, Jianan and Xu, Qiang and
    Zhang, Lei},
  booktitle={Proceedings of the IEEE/CVF Conference on Computer Vision and
    Pattern Recognition},
  year={2023}
}"""
    tree = """\
Fill in the form of the page and unpack:
HumanArt
|-- annotations
|   |-- training_humanart.json
|   `-- validation_humanart.json
`-- images
    |-- 2D_virtual_human
    |   `-- digital_art/000000001648.jpg ...
    |-- 3D_virtual_human
    `-- real_human"""
    paper = dict(
        keypoints=17,
        categories=1,
        images=50000,
        instances=123131,
        unified_images=50000,
        unified_instances=123131,
    )
    annotations = {
        'train': ('annotations/training_humanart.json',),
        'val': (
            'annotations/validation_humanart.json',
            'test_humanart.json',
        ),
    }
    folders = ('', 'images')

    def style(self, image: Mapping[str, Any]) -> str | None:
        """One of its scenes, such as 'oil painting' or 'dance'."""
        scene = image.get('category')
        return plain(scene) if isinstance(scene, str) else None
