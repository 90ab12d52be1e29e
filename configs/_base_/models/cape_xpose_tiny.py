# X-Pose asked by the supports of an episode. However unsure it is, every query
# is answered. Shots are encoded one by one, once each: what other shots are
# new at the time, which depends on the number of processes, moves no digit.
_base_ = './xpose_tiny.py'

model = dict(
    prompt_encoder=dict(visual=dict(batch_size=1)),
    test_cfg=dict(score_thr=0.0),
)
