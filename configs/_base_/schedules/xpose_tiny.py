# A short schedule for the small model: warm-up, then cosine decay.
max_epochs = 4

train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=2
)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=4e-4, weight_decay=1e-4),
    clip_grad=dict(max_norm=1.0, norm_type=2),
    paramwise_cfg=dict(
        custom_keys=dict(
            backbone=dict(lr_mult=0.25), sampling_offsets=dict(lr_mult=0.25)
        )
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=200),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        convert_to_iter_based=True,
        T_max=max_epochs,
        eta_min=4e-6,
    ),
]
custom_hooks = [
    dict(type='IterSeedHook'),
    dict(type='VocabularyHook'),
    # The default gamma averages next to nothing in a run this short.
    dict(
        type='EMAHook',
        ema_type='ExpMomentumEMA',
        momentum=2e-3,
        gamma=100,
        priority=49,
    ),
]
auto_scale_lr = dict(base_batch_size=16)
