_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/cape_mmpose_samples.py',
    '../../_base_/models/episode_baseline.py',
]

model = dict(type='CopyLayout')
