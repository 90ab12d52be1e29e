# UniKPT with the paper's augmentation (section 5.1): crop, flip, short side
# 480 to 800, long side at most 1333.
_base_ = './unikpt.py'

# The size of CLIP ViT-B/32's pictures; all else about supports is the same.
support_size = 224
fixed_supports = dict(size=support_size)

image_scales = [(size, 1333) for size in range(480, 801, 32)]

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='RandomFlipKeypoints', prob=0.5),
    dict(
        type='RandomCropKeypoints',
        size_range=(0.5, 1.0),
        prob=0.5,
        min_box_area=0.3,
    ),
    dict(
        type='RandomChoiceResize',
        scales=image_scales,
        resize_type='ResizeKeypoints',
        keep_ratio=True,
    ),
    dict(type='SamplePromptCategories', mode='train', num_negatives=(1, 8)),
    dict(_base_.train_pipeline[-2], size=support_size),
    dict(type='PackPromptInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeKeypoints', scale=(800, 1333), keep_ratio=True),
    *_base_.test_pipeline[2:],
]

train_dataloader = dict(
    batch_size=2, dataset=dict(dataset=dict(pipeline=train_pipeline))
)
val_dataloader = dict(batch_size=1, dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(batch_size=1, dataset=dict(pipeline=test_pipeline))
