# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Miniature sets in the form in which each source of UniKPT is released.

``write_<source>(root, faults=False)`` writes a set into an empty folder and
returns what has to be found, counted by hand:

* ``pictures``, ``instances``, ``keypoints`` (labelled, v > 0) and ``splits``
  (split -> pictures) that the reader yields;
* ``faults``: kind -> number that the reader has to report;
* ``doctor``: kind -> number that only show against the pictures.

Pictures are 40 x 32 pixels, each with a content of its own. Of an object's
keypoints the first is not labelled and the second is hidden where a set knows
that. With ``faults`` a set has besides what ``CocoMini.plant`` or its writer
says.
"""

from tests.unikpt_minis_coco import (
    write_300w,
    write_animalpose,
    write_ap10k,
    write_apt36k,
    write_coco,
    write_humanart,
    write_macaque,
    write_onehand10k,
)
from tests.unikpt_minis_other import (
    write_animal_kingdom,
    write_animalweb,
    write_desert_locust,
    write_keypoint5,
    write_mp100,
    write_vinegar_fly,
)

#: Source -> writer, in the order of the paper's table; the last is unseen.
MINIS = {
    'coco': write_coco,
    '300w': write_300w,
    'onehand10k': write_onehand10k,
    'humanart': write_humanart,
    'ap10k': write_ap10k,
    'apt36k': write_apt36k,
    'macaque': write_macaque,
    'animal_kingdom': write_animal_kingdom,
    'animalweb': write_animalweb,
    'vinegar_fly': write_vinegar_fly,
    'desert_locust': write_desert_locust,
    'keypoint5': write_keypoint5,
    'mp100': write_mp100,
    'animalpose': write_animalpose,
}
