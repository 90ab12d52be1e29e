# Trained on the training categories of an MP-100 shaped split alone, validated
# on others. SYNTHMP_SPLIT=2 in the environment takes the second split.
_base_ = './xpose_tiny_2xb8_synthkpt.py'

split = 'annotations/synthmp_split{{$SYNTHMP_SPLIT:1}}'
train_ann_file = split + '_train.json'
val_ann_file = split + '_val.json'

# The pool stays: it is asked for examples of the prompt's categories only.
train_dataloader = dict(dataset=dict(dataset=dict(ann_file=train_ann_file)))
val_dataloader = dict(dataset=dict(ann_file=val_ann_file))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=_base_.data_root + val_ann_file)
test_evaluator = val_evaluator
