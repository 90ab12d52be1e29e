_base_ = './layout_matching_mp100-split1_1shot.py'

test_dataloader = dict(
    dataset=dict(episodes=_base_.episode_list + '_5shot.json')
)
