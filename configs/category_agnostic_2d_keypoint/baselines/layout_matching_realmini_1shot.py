_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/cape_realmini.py',
    '../../_base_/models/cape_layout_matching.py',
]
