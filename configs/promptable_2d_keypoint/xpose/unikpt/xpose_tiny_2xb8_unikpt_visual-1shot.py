# Every category is asked for by one example (paper, rows V of tables 5 and 6
# and AnimalPose in table 11), whatever sets the checkpoint was trained on.
_base_ = './xpose_tiny_2xb8_unikpt.py'

test_pipeline = [
    *_base_.test_pipeline[:-1],
    _base_.fixed_supports,
    _base_.test_pipeline[-1],
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
