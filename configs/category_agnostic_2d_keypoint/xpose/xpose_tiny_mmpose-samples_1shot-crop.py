# The query is cut out by its box.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/cape_mmpose_samples.py',
    '../../_base_/models/cape_xpose_tiny.py',
]

test_dataloader = dict(dataset=dict(input_size=192, support_size=96))
