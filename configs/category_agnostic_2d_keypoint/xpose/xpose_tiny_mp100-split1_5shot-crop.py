_base_ = './xpose_tiny_mp100-split1_1shot-crop.py'

test_dataloader = dict(
    dataset=dict(episodes=_base_.episode_list + '_5shot.json')
)
