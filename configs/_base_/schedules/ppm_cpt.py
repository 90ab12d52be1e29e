# CPT trains the shared prompt, the prompts of the base keypoints and the MLP
# (section 5 of the PPM paper, which does not say for how long).
train_cfg = dict(type='IterBasedTrainLoop', max_iters=10000)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4))
