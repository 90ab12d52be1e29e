# Second step of the shipped checkpoint: larger pictures, learning rate to
# zero. The first step is the base config, stopped after two of four epochs.
_base_ = './xpose_tiny_2xb8_synthkpt.py'

max_epochs = 1
load_from = 'work_dirs/xpose_tiny/epoch_2.pth'

train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=2.5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=50),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        convert_to_iter_based=True,
        T_max=max_epochs,
        eta_min=2e-6,
    ),
]
