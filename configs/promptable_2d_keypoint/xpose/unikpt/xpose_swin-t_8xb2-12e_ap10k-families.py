# Trained on one biological family of AP-10K and tested on another (paper,
# table 4). AP10K_TRAIN=Canidae AP10K_TEST=Felidae in the environment is the
# second half of the table.
_base_ = './xpose_swin-t_8xb2-12e_unikpt.py'

select = dict(sources=['ap10k'], families=['{{$AP10K_TRAIN:Bovidae}}'])
unseen = dict(families=['{{$AP10K_TEST:Canidae}}'])

train_dataloader = dict(dataset=dict(dataset=dict(select=select)))
val_dataloader = dict(
    dataset=dict(
        names='ap10k', dataset=dict(type='UniKPTDataset', select=unseen)
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(
    names='ap10k', benchmarks=dict(ap10k=dict(metric=dict(select=unseen)))
)
test_evaluator = val_evaluator
# The last checkpoint counts: none is chosen by the family to be unseen.
default_hooks = dict(checkpoint=dict(save_best=None))
