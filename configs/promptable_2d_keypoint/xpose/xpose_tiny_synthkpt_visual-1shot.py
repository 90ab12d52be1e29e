# Every category is asked for by one example from the training pictures.
_base_ = './xpose_tiny_2xb8_synthkpt.py'

test_pipeline = [
    *_base_.test_pipeline[:-1],
    _base_.fixed_supports,
    _base_.test_pipeline[-1],
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
