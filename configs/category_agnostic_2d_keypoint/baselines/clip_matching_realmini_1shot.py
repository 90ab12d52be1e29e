_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/cape_realmini.py',
    '../../_base_/models/cape_clip_matching.py',
]

test_dataloader = dict(dataset=dict(input_size=224, support_size=224))
