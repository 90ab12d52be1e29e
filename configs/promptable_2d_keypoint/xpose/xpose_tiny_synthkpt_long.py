# The small model on drawings, as long as there is time: words, examples and
# both. A constant learning rate behind a warm-up and the average of the
# weights (EMA) make every checkpoint one to publish; stop when it gains no
# more. One process, one thread:   bash tools/dist_train.sh CONFIG 1 --amp
_base_ = './xpose_tiny_2xb8_synthkpt.py'

load_from = 'checkpoints/xpose_tiny_synthkpt.pth'

model = dict(
    name_separation=dict(),
    backbone=dict(frozen_stages=2, channels_last=True),
    decoder=dict(isolated_boxes=True),
    bbox_head=dict(
        criterion=dict(
            keypoint_weight=10.0, oks_weight=2.0, keypoint_average='keypoint'
        )
    ),
    train_cfg=dict(num_groups=4, queries_per_object=2),
)

train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='RandomRotateKeypoints', max_degrees=30, prob=0.3),
    dict(
        type='RandomCropKeypoints',
        size_range=(0.5, 1.0),
        prob=0.4,
        min_box_area=0.4,
    ),
    dict(
        type='RandomChoiceResize',
        scales=[(128, 128), (160, 160), (192, 192)],
        resize_type='ResizeKeypoints',
        keep_ratio=True,
    ),
    *_base_.train_pipeline[4:],
]
# 250 iterations an epoch: a checkpoint every ten minutes or so.
train_dataloader = dict(
    sampler=dict(
        _delete_=True,
        type='BalancedSourceSampler',
        weights=dict(synthkpt_train=1),
        epoch_size=2000,
    ),
    dataset=dict(dataset=dict(pipeline=train_pipeline)),
)
train_cfg = dict(max_epochs=1000, val_interval=1000)
optim_wrapper = dict(optimizer=dict(lr=5e-4, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=200)
]
default_hooks = dict(logger=dict(interval=25))
auto_scale_lr = dict(base_batch_size=8)
