_base_ = './xpose_tiny_synthkpt_visual-1shot.py'

test_pipeline = [
    *_base_.test_pipeline[:-2],
    dict(_base_.fixed_supports, shots=5),
    _base_.test_pipeline[-1],
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
