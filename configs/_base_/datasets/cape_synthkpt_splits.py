# Episodes of the test categories of SynthKPT's splits. SYNTHMP_SPLIT in the
# environment chooses: 1 to 5, or a super-category that training left out,
# super_human_body, super_human_face, super_vehicle or super_furniture.
_base_ = './cape_synthkpt.py'

split = '{{$SYNTHMP_SPLIT:1}}'
test_name = f'synthmp_{split if "super" in split else "split" + split}_test'
episode_list = _base_.episode_root + test_name

test_dataloader = dict(
    batch_sampler=dict(type='EpisodeBatchSampler'),
    dataset=dict(
        dataset=dict(ann_file=f'annotations/{test_name}.json'),
        episodes=f'{episode_list}_1shot.json',
    ),
)
