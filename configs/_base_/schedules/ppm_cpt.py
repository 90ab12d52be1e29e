# CPT trains the shared prompt, the prompts of the base keypoints and the MLP
# (section 5 of the PPM paper, which does not say for how long).
train_cfg = dict(type='IterBasedTrainLoop', max_iters=10000)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4))
# Configs take these by name, since their default_runtime.py has them already.
cpt_checkpoint = dict(
    by_epoch=False, interval=500, max_keep_ckpts=-1, save_best=None
)
cpt_log_processor = dict(by_epoch=False)
