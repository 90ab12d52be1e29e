_base_ = './xpose_tiny_synthkpt-split1_1shot-picture.py'

test_dataloader = dict(
    dataset=dict(episodes=_base_.episode_list + '_5shot.json')
)
