# How alike texts and regions are (paper, table 7). UNIKPT_TEST=humanart in
# the environment takes Human-Art instead of AP-10K.
_base_ = './xpose_swin-t_8xb2-12e_unikpt.py'

model = dict(type='mmpose.XPoseRegions')
test_dataloader = dict(
    dataset=dict(
        names='{{$UNIKPT_TEST:ap10k}}',
        benchmarks=dict(
            ap10k=dict(ask='present'), humanart=dict(ask='present')
        ),
    )
)
test_evaluator = dict(_delete_=True, type='PromptAlignment')
