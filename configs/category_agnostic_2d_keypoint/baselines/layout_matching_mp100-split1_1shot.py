_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/cape_mp100.py',
    '../../_base_/models/cape_layout_matching.py',
]
