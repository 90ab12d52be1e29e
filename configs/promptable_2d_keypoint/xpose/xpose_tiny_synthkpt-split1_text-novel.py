# The split's test categories, never trained on, asked for by their names.
_base_ = './xpose_tiny_synthkpt-split1.py'

test_ann_file = _base_.split + '_test.json'
# Examples come from other pictures of the same file.
fixed_supports = dict(pool=dict(dataset=dict(ann_file=test_ann_file)))

test_dataloader = dict(dataset=dict(ann_file=test_ann_file))
test_evaluator = dict(ann_file=_base_.data_root + test_ann_file)
