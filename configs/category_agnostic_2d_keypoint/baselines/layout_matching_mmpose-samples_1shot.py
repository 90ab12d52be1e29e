_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/cape_mmpose_samples.py',
    '../../_base_/models/cape_layout_matching.py',
]
