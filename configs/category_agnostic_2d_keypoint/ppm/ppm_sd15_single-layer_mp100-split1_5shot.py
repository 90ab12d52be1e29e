_base_ = './ppm_sd15_single-layer_mp100-split1_1shot.py'

test_dataloader = dict(
    dataset=dict(episodes=_base_.episode_list + '_5shot.json')
)
