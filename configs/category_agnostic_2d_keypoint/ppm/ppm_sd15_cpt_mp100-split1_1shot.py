# PPM with CPT. Train with two processes, which makes the paper's batch of 8:
#   bash tools/dist_train.sh CONFIG 2
_base_ = [
    './ppm_sd15_mp100-split1_1shot.py',
    '../../_base_/datasets/mp100_objects.py',
    '../../_base_/schedules/ppm_cpt.py',
]

checkpoint_free = False
model = dict(
    shared_prompt=dict(
        type='CategorySharedPrompt',
        base_keypoints='data/mp100/' + _base_.base_file,
        base_dataset='MP100Dataset',
    )
)
default_hooks = dict(checkpoint=_base_.cpt_checkpoint)
log_processor = _base_.cpt_log_processor
