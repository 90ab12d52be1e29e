# A measure for settings of the small model: 200 iterations on photos, minutes
# of one thread. Change one setting and compare on the validation photos:
#   python tools/train.py CONFIG --amp --cfg-options KEY=VALUE
_base_ = './xpose_tiny_photos.py'

model = dict(train_cfg=dict(num_groups=6, queries_per_object=None))
train_cfg = dict(max_epochs=1, val_interval=1)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], T_max=1),
]
train_dataloader = dict(sampler=dict(epoch_size=1600))
