# Every category is asked for by its names and one example.
_base_ = './xpose_tiny_synthkpt_visual-1shot.py'

test_pipeline = [
    *_base_.test_pipeline[:-2],
    dict(_base_.fixed_supports, modality='combined'),
    _base_.test_pipeline[-1],
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
