# The small model on photos and drawings, in words, by example and both, for
# as long as there is time. A constant learning rate behind a warm-up and the
# average of the weights (EMA) make every checkpoint one to publish; stop when
# it gains no more. One process, one thread:
#   bash tools/dist_train.sh CONFIG 1 --amp --allow-partial-load
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/photos.py',
    '../../_base_/schedules/xpose_tiny.py',
    '../../_base_/models/xpose_tiny.py',
]

# Its backbone, whose last blocks are trained here, was frozen.
load_from = 'checkpoints/xpose_tiny_synthkpt.pth'

model = dict(
    backbone=dict(frozen_stages=2, channels_last=True),
    decoder=dict(isolated_boxes=True),
    bbox_head=dict(criterion=dict(keypoint_weight=10.0, oks_weight=2.0)),
    train_cfg=dict(num_groups=4, queries_per_object=2),
)

photos, drawings = _base_.train_dataloader.dataset.dataset.datasets
supports = dict(
    type='SampleSupports',
    modality_probs=dict(text=0.5, visual=0.35, combined=0.15),
    shots=(1, 2),
    size=96,
    context=(1.1, 1.5),
    max_negatives=3,
    augment=[
        dict(type='RandomFlipKeypoints', prob=0.5),
        dict(type='RandomRotateKeypoints', max_degrees=20, prob=0.5),
        dict(type='mmdet.PhotoMetricDistortion'),
    ],
)
# A glue tube has two keypoints.
photo_pool = dict(
    dataset=dict(photos, pipeline=[]), min_visible=2, min_size=24
)
drawing_pool = dict(
    dataset=dict(drawings, pipeline=[]), min_visible=3, min_size=24
)
*ahead, resize, colour, sample, pack = _base_.train_pipeline
photos_pipeline = [
    *ahead,
    resize,
    colour,
    sample,
    dict(supports, pool=photo_pool),
    pack,
]
# Drawings hold several objects of 72 categories, and are larger than photos
# of one object need to be.
drawings_pipeline = [
    *ahead,
    dict(resize, scales=[(128, 128), (160, 160), (192, 192)]),
    colour,
    dict(sample, num_negatives=(4, 20)),
    dict(supports, pool=drawing_pool),
    pack,
]
# 250 iterations an epoch, a checkpoint every ten minutes or so; two fifths of
# the images are drawings.
weights = dict(_base_.weights, synthkpt_train=1260)
train_dataloader = dict(
    sampler=dict(weights=weights, epoch_size=2000),
    dataset=dict(
        dataset=dict(
            datasets=[
                dict(photos, pipeline=photos_pipeline),
                dict(drawings, pipeline=drawings_pipeline),
            ]
        )
    ),
)
train_cfg = dict(max_epochs=1000, val_interval=1000)
optim_wrapper = dict(optimizer=dict(lr=4e-4, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=200)
]
default_hooks = dict(logger=dict(interval=25))
auto_scale_lr = dict(base_batch_size=8)
