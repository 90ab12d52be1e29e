# PPM with CPT. Train with two processes, which makes the paper's batch of 8:
#   bash tools/dist_train.sh CONFIG 2
_base_ = [
    './ppm_tiny_synthkpt-split1_1shot.py',
    '../../_base_/datasets/synthkpt_crops.py',
    '../../_base_/schedules/ppm_cpt.py',
]

checkpoint_free = False
model = dict(
    # The MLP makes prompts felt that have hardly moved: the paper's rate.
    learner=dict(lr=2e-3, steps=200),
    shared_prompt=dict(
        type='CategorySharedPrompt',
        base_keypoints=_base_.crops_root + 'annotations.json',
    ),
)
train_dataloader = dict(batch_size=4)
default_hooks = dict(checkpoint=_base_.cpt_checkpoint)
log_processor = _base_.cpt_log_processor
