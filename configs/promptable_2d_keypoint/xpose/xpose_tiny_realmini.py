# The small model, trained on SynthKPT, adapted to a few real pictures:
#   bash tools/dist_train.sh CONFIG 2 --amp
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/realmini.py',
    '../../_base_/schedules/xpose_tiny.py',
    '../../_base_/models/xpose_tiny.py',
]

load_from = 'checkpoints/xpose_tiny_synthkpt.pth'

# 223 pictures, 28 iterations an epoch with two processes.
max_epochs = 36
train_cfg = dict(max_epochs=max_epochs, val_interval=12)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=30),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        convert_to_iter_based=True,
        T_max=max_epochs,
        eta_min=3e-6,
    ),
]
default_hooks = dict(logger=dict(interval=14))
auto_scale_lr = dict(base_batch_size=8)
