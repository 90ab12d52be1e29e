# The split's test categories, never trained on, asked for by one example.
_base_ = './xpose_tiny_synthkpt-split1_text-novel.py'

test_pipeline = [
    *_base_.test_pipeline[:-1],
    _base_.fixed_supports,
    _base_.test_pipeline[-1],
]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
