# Trained on the training categories of an MP-100 shaped split alone, validated
# on others. SYNTHMP_SPLIT in the environment chooses: 1 to 5, or one of the
# super-categories of _base_/datasets/cape_synthkpt_splits.py to leave out.
_base_ = './xpose_tiny_2xb8_synthkpt.py'

split = '{{$SYNTHMP_SPLIT:1}}'
is_super = 'super' in split
split = 'annotations/synthmp_' + (split if is_super else f'split{split}')
train_ann_file = split + '_train.json'
# A super-category has no validation part. Its test part is watched instead,
# and no checkpoint is chosen by it.
val_ann_file = split + ('_test.json' if is_super else '_val.json')
default_hooks = dict(
    checkpoint=dict(save_best=None if is_super else 'keypoint/AP')
)

# The pool stays: it is asked for examples of the prompt's categories only.
train_dataloader = dict(dataset=dict(dataset=dict(ann_file=train_ann_file)))
val_dataloader = dict(dataset=dict(ann_file=val_ann_file))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=_base_.data_root + val_ann_file)
test_evaluator = val_evaluator
