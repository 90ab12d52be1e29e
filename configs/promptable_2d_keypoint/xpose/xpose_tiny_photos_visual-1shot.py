# Photos asked for by one example of each category, from the training photos.
_base_ = './xpose_tiny_photos.py'

test_pipeline = [
    *_base_.test_pipeline[:-1],
    dict(
        type='FixedSupports',
        pool=dict(
            dataset=dict(
                type='PromptCocoDataset',
                data_root=_base_.data_root,
                ann_file='annotations/train.json',
                data_prefix=dict(img=''),
            ),
            min_visible=2,
            min_size=24,
        ),
        modality='visual',
        shots=1,
        size=96,
    ),
    _base_.test_pipeline[-1],
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
