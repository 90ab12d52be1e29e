_base_ = '../human/rtmo-s_synthkpt.py'

metafile = 'configs/_base_/datasets/ap10k.py'
model = dict(
    head=dict(
        assigner=dict(oks_calculator=dict(metainfo=metafile)),
        loss_oks=dict(metainfo=metafile),
    )
)
train_dataloader = dict(
    dataset=dict(
        type='AP10KDataset', ann_file='annotations/fixed_animal_train.json'
    )
)
val_dataloader = dict(
    dataset=dict(
        type='AP10KDataset', ann_file='annotations/fixed_animal_val.json'
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file='data/synthkpt/annotations/fixed_animal_val.json'
)
test_evaluator = val_evaluator
