# Asked by one example of each category, a training photo.
_base_ = './xpose_tiny_long.py'

fixed_supports = dict(
    type='FixedSupports',
    pool=_base_.photo_pool,
    modality='visual',
    shots=1,
    size=96,
)
test_pipeline = [
    *_base_.test_pipeline[:-1],
    fixed_supports,
    _base_.test_pipeline[-1],
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
