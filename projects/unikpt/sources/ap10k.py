# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""AP-10K: animals of 54 kinds in photographs."""

from projects.unikpt.coco_reader import CocoSource
from projects.unikpt.source import register_source


@register_source
class AP10K(CocoSource):
    """AP-10K, its first split."""

    name = 'ap10k'
    title = 'AP-10K'
    licence = 'Non-commercial research; the annotation says MIT.'
    page = 'https://github.com/AlexTheBad/AP-10K'
    bibtex = """\
@inproceedings{yu2021ap10k,
  title={{AP-10K}: A Benchmark for Animal Pose Estimation in the Wild},
  author={Yu, Hang and Xu, Yufei and Zhang, Jing and Zhao, Wei and Guan,
    Ziyu and Tao, Dacheng},
  booktitle={Advances in Neural Information Processing Systems, Datasets and
    Benchmarks Track},
  year={2021}
}"""
    tree = """\
Follow the download link of the page and unpack:
ap-10k
|-- annotations
|   |-- ap10k-train-split1.json
|   |-- ap10k-val-split1.json
|   `-- ap10k-test-split1.json
`-- data
    `-- 000000000001.jpg ..."""
    paper = dict(
        keypoints=17,
        categories=54,
        images=10015,
        instances=13028,
        unified_images=10015,
        unified_instances=13028,
    )
    annotations = {
        'train': ('annotations/ap10k-train-split1.json',),
        'val': ('annotations/ap10k-val-split1.json',),
        'test': ('annotations/ap10k-test-split1.json', 'test_ap10k.json'),
    }
    folders = ('data', '')
