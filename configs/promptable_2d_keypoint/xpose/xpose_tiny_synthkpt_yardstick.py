# As xpose_tiny_photos_yardstick.py, on drawings: all 72 categories listed, 250
# validation images.
_base_ = './xpose_tiny_synthkpt_ablation-text.py'

load_from = 'checkpoints/xpose_tiny_synthkpt.pth'
model = dict(
    backbone=dict(frozen_stages=2, channels_last=True),
    decoder=dict(isolated_boxes=True),
    bbox_head=dict(criterion=dict(keypoint_weight=10.0, oks_weight=2.0)),
    train_cfg=dict(queries_per_object=None),
)
train_cfg = dict(max_epochs=1, val_interval=1)
optim_wrapper = dict(optimizer=dict(fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=30),
    dict(_base_.param_scheduler[1], T_max=1),
]
train_dataloader = dict(
    sampler=dict(
        _delete_=True,
        type='BalancedSourceSampler',
        weights=dict(synthkpt_train=1),
        epoch_size=1600,
    )
)
val_dataloader = dict(dataset=dict(indices=250))
val_evaluator = dict(views=['one_label', 'given_class'], pck_thr=[0.1, 0.2])
