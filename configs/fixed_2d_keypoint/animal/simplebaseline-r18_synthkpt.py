_base_ = '../human/simplebaseline-r18_synthkpt.py'

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
