_base_ = './feature_matching_synthkpt-split1_1shot.py'

test_dataloader = dict(
    dataset=dict(
        episodes='configs/_base_/episodes/synthmp_split1_test_5shot.json'
    )
)
