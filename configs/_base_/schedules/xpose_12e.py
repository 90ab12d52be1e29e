# The released recipe: AdamW 1e-4 (backbone and sampling offsets a tenth),
# weight decay 1e-4, gradient norm 0.1, 12 epochs, drop at 11, EMA.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12, val_interval=1)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=1e-4),
    clip_grad=dict(max_norm=0.1, norm_type=2),
    paramwise_cfg=dict(
        custom_keys=dict(
            backbone=dict(lr_mult=0.1),
            sampling_offsets=dict(lr_mult=0.1),
        )
    ),
)
param_scheduler = [
    dict(
        type='MultiStepLR',
        by_epoch=True,
        begin=0,
        end=12,
        milestones=[11],
        gamma=0.1,
    )
]
custom_hooks = [
    dict(type='IterSeedHook'),
    dict(type='VocabularyHook'),
    dict(
        type='EMAHook', ema_type='ExpMomentumEMA', momentum=3e-4, priority=49
    ),
]
# 8 GPUs with 2 pictures each.
auto_scale_lr = dict(base_batch_size=16)
